// The one place where a segment is deleted, whoever wants it: retention, an operator.
//
//   guards ─▶ ledger: deleting ─▶ guards ─▶ unlink ─▶ ledger: deleted ─▶ index ─▶ listeners
//
// The start goes on where a crash fell between two of these, so no file stays behind that the catalogue calls deleted,
// and no segment stays in it whose file is gone; where the file's volume is not mounted it waits for that. What cannot
// be deleted is kept, and the ledger says so. A full disk takes the ledger's lines, not the deletion: that is what
// makes room.
//
// A path is the file's of its newest segment: an older one, or one that failed, has no file to delete.

import { lstat, realpath, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { MANIFEST_SUFFIX } from "../container/manifest.js";
import { CONTAINERS } from "../container/table.js";
import { type CatalogSegment, deletionOf, segmentOf } from "./catalog-segment.js";
import type { Ledger } from "./ledger.js";
import type { MediaRoots } from "./media-roots.js";
import type { DeletingEntry } from "./pending-segments.js";
import type { DeletedSegmentReport, DeletionCause } from "./segment-report.js";
import { syncFolder } from "./sync-folder.js";

/** What says which file is a segment's. */
export type PlacedSegment = Pick<CatalogSegment, "id" | "path" | "sizeBytes">;

/** Why a segment must stay, in words; undefined where nothing speaks against its deletion for that cause. */
export type DeletionGuard = (segment: CatalogSegment, cause: DeletionCause) => string | undefined;
export type DeletionListener = (report: DeletedSegmentReport, segment: CatalogSegment) => void;

/** Names that recordings hold. */
export interface HeldNames {
  /**
   * Nobody opens a file of that name until the function is called that it returns; undefined where somebody may have.
   */
  beginDeletion(path: string): (() => void) | undefined;
}

export interface DeletionParts {
  ledger: Ledger;
  logger: Logger;
  /** Nothing outside of them is deleted. */
  roots: MediaRoots;
  names: HeldNames;
  /** How often a deletion that a crash left asks whether its volume is back. */
  resumeMs: number;
  /** The segment of that id as it is now; whether its file is there is not asked. */
  current: (id: number) => Promise<CatalogSegment | undefined>;
  /** Ids of segments that had this path. */
  idsOf: (path: string) => Promise<readonly number[]>;
  /** Resolves when the index has it. */
  put: (segment: CatalogSegment) => Promise<void>;
}

export class SegmentDeletion {
  readonly #guards = new Set<DeletionGuard>();
  readonly #listeners = new Set<DeletionListener>();
  readonly #underWay = new Map<number, Promise<void>>();
  /** Their files go now, so no guard can keep them any more. */
  readonly #going = new Set<number>();
  /** Deletions that a crash left. */
  readonly #left: DeletingEntry[];
  #retry: NodeJS.Timeout | undefined;
  #resuming: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(private readonly parts: DeletionParts) {
    this.#left = [...parts.ledger.deleting.values()];
  }

  /** Returns a function that removes it. */
  guard(guard: DeletionGuard): () => void {
    this.#guards.add(guard);
    return () => this.#guards.delete(guard);
  }

  onDeleted(listener: DeletionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  isGoing(id: number): boolean {
    return this.#going.has(id);
  }

  /** Two that want the same deletion share it. */
  delete(segment: CatalogSegment, cause: DeletionCause): Promise<void> {
    const { id } = segment;
    const before = this.#underWay.get(id);
    if (before) return before;
    const deletion = this.#delete(segment, cause).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, deletion);
    return deletion;
  }

  /**
   * Completes what a crash left. A file that cannot be deleted now stays, and is in the catalogue again; one whose
   * volume is away is waited for. Asks the guards that are there by then.
   */
  async resume(): Promise<void> {
    const waiting: DeletingEntry[] = [];
    for (const entry of this.#left.splice(0)) {
      const segment = segmentOf(entry);
      if (this.#isClosed || (await this.isAway(segment))) waiting.push(entry);
      else
        await this.#carryOut(segment, entry.report).catch((error: unknown) =>
          this.parts.logger.warn({ err: error, path: entry.report.path }, "a file that was to be deleted is kept"),
        );
    }
    this.#left.push(...waiting);
    if (waiting.length === 0 || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#resuming = this.resume();
    }, this.parts.resumeMs).unref();
  }

  /**
   * True where its file is on a volume that is not mounted, so that it may come back; a file of its name may be there,
   * of another segment. A folder that was replaced for good, and has its file, has it.
   */
  async isAway(segment: PlacedSegment): Promise<boolean> {
    const { id, path, sizeBytes } = segment;
    const { roots, idsOf, current } = this.parts;
    if (!(await roots.isElsewhere(segment))) return false;
    if ((await sizeOf(path)) !== sizeBytes) return true;
    for (const other of await idsOf(path)) {
      const found = other === id ? undefined : await current(other);
      if (found && hasFileAt(path, found) && !(await roots.isElsewhere(found))) return true;
    }
    return false;
  }

  /** Refuses further deletions. Resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#resuming;
    await Promise.allSettled(this.#underWay.values());
  }

  async #delete(given: CatalogSegment, cause: DeletionCause): Promise<void> {
    if (this.#isClosed) throw new ReelError("closed", "the server is stopping");
    const { ledger, current } = this.parts;
    // The caller's copy may be older than the last deletion.
    const segment = (await current(given.id)) ?? given;
    const { path, id, state } = segment;
    if (state === "deleted") return;
    if (state === "growing") throw new ReelError("targetBusy", `${path} is still being recorded`, { path });
    if (ledger.unclosed.has(id))
      throw new ReelError("targetBusy", `${path} is not final: its recovery comes first`, { path });
    askGuards(this.#guards, segment, cause);
    const hasFile = await this.#hasFile(segment, cause);
    const report = deletionOf(segment, cause, ledger.nextSequence());
    if (hasFile) {
      await ledger.append({ type: "deleting", opened: id, report });
      await this.#carryOut(segment, report);
    } else await this.#end(segment, report, report.sequence);
  }

  /** False where only the entry goes. Throws ReelError `notFound` where a rule wants a file that is not there. */
  async #hasFile(segment: CatalogSegment, cause: DeletionCause): Promise<boolean> {
    const { path, state } = segment;
    if (state === "failed" || path === "") return false;
    const isReplaced = await this.#isReplaced(segment);
    if (!isReplaced && (await isThere(path))) {
      await this.#mustNotBeAway(segment);
      return true;
    }
    if (cause !== "request") throw new ReelError("notFound", `${path} is not there any more`, { path });
    if (!isReplaced) await this.#mustBeGone(segment);
    return false;
  }

  async #carryOut(segment: CatalogSegment, report: DeletedSegmentReport): Promise<void> {
    const { ledger, roots } = this.parts;
    const { id, path } = segment;
    try {
      await mustLieInside(path, roots.folders);
      if (!(await this.#isReplaced(segment))) {
        // Somebody may have been given a hold since the first look.
        askGuards(this.#guards, segment, report.cause);
        await this.#mustNotBeAway(segment);
        this.#going.add(id);
        await this.#removeFiles(segment);
      }
    } catch (error) {
      await ledger.append({ type: "kept", opened: id, report: { ...report, sequence: ledger.nextSequence() } });
      throw error;
    } finally {
      this.#going.delete(id);
    }
    await this.#end(segment, report);
  }

  /** Throws ReelError `targetBusy` where another recording may have opened a file of that name by now. */
  async #removeFiles(segment: CatalogSegment): Promise<void> {
    const { path, manifest } = segment;
    const end = this.parts.names.beginDeletion(path);
    if (!end) throw new ReelError("targetBusy", `another recording is about to get the name ${path}`, { path });
    try {
      if (!(await removeFile(path))) await this.#mustBeGone(segment);
      if (manifest !== undefined) await removeFile(path + MANIFEST_SUFFIX);
    } finally {
      end();
    }
  }

  /** Throws ReelError `targetBusy` where its volume is not mounted: what has its name now is another file. */
  async #mustNotBeAway(segment: CatalogSegment): Promise<void> {
    const { path } = segment;
    if (await this.isAway(segment))
      throw new ReelError("targetBusy", `${path} is not there, because its volume is not mounted`, { path });
  }

  /** Its file is not there. Throws ReelError `targetBusy` where that is because its volume is not. */
  async #mustBeGone(segment: CatalogSegment): Promise<void> {
    await this.#mustNotBeAway(segment);
    await this.parts.roots.mustBeThere(segment.path);
  }

  /** Its sequence is taken in the line that appends, so that the file is in the order of sequences. */
  async #end(
    segment: CatalogSegment,
    intended: DeletedSegmentReport,
    sequence = this.parts.ledger.nextSequence(),
  ): Promise<void> {
    const { ledger, put } = this.parts;
    const report = { ...intended, sequence };
    await ledger.append({ type: "deleted", opened: segment.id, report });
    const { code: _, ...deleted } = segment;
    // The index has logged it; the next start puts it in from the ledger.
    await put({ ...deleted, state: "deleted", cause: report.cause }).catch(() => undefined);
    for (const listener of this.#listeners) listener(report, segment);
  }

  /** Another recording has its name by now. Throws ReelError `targetBusy` where that is not decided. */
  async #isReplaced(segment: CatalogSegment): Promise<boolean> {
    const { id, path, isEstimated } = segment;
    const { ledger, idsOf, current, roots } = this.parts;
    for (const [other, { report }] of ledger.unclosed) {
      if (other === id || report.path !== path) continue;
      if (!CONTAINERS[report.container].journal) return true;
      // Its finish puts its file there, at a moment of its own.
      throw new ReelError("targetBusy", `another recording is about to get the name ${path}`, { path });
    }
    for (const other of await idsOf(path)) {
      // Ids of estimated segments are above all others, though their files were there first.
      if (other === id || (!isEstimated && other < id)) continue;
      const newer = await current(other);
      if (newer && hasFileAt(path, newer) && !newer.isEstimated && !roots.areApart(segment, newer)) return true;
    }
    return false;
  }
}

function hasFileAt(path: string, segment: CatalogSegment): boolean {
  return segment.path === path && segment.state !== "failed" && segment.state !== "deleted";
}

function askGuards(guards: Iterable<DeletionGuard>, segment: CatalogSegment, cause: DeletionCause): void {
  const { path } = segment;
  for (const guard of guards) {
    const reason = guard(segment, cause);
    if (reason !== undefined) throw new ReelError("held", `${path} is kept: ${reason}`, { path });
  }
}

/** A folder on the way may have become a link since the file was recorded. Throws ReelError `badPath`. */
async function mustLieInside(path: string, folders: readonly string[]): Promise<void> {
  const folder = await realpath(dirname(path)).catch(() => undefined);
  // Without its folder the file is gone, too.
  if (folder === undefined || folders.some((media) => folder === media || folder.startsWith(`${media}/`))) return;
  throw new ReelError("badPath", `${path} leads out of the media folders: it is not deleted`, { path });
}

/**
 * The folder is synced, so that no power cut brings a file back that the ledger calls deleted. False where there was
 * none.
 */
async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    if (code === "EROFS") throw new ReelError("notWritable", `${path} is kept: its volume is read-only`, { path });
    if (code === "EACCES" || code === "EPERM")
      throw new ReelError("notWritable", `${path} is kept: the server may not write in its folder`, { path });
    throw error;
  }
  await syncFolder(dirname(path)).catch(() => undefined); // some network file systems cannot
  return true;
}

/** Throws what the volume says, but where it says that there is no such file. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
