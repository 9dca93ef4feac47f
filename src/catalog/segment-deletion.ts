// The one place where a segment is deleted, whoever wants it: retention, an operator.
//
//   guards ─▶ ledger: deleting ─▶ unlink ─▶ ledger: deleted ─▶ index ─▶ listeners
//
// The start goes on where a crash fell between two of these, so no file stays behind that the catalogue calls deleted,
// and no segment stays in it whose file is gone. What cannot be deleted is kept, and the ledger says so. A full
// disk takes the ledger's lines, not the deletion: that is what makes room.

import { realpath, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { CONTAINERS } from "../container/table.js";
import { type CatalogSegment, deletionOf, segmentOf } from "./catalog-segment.js";
import type { Ledger } from "./ledger.js";
import type { DeletedSegmentReport, DeletionCause } from "./segment-report.js";
import { syncFolder } from "./sync-folder.js";

/** Why a segment must stay, in words; undefined where nothing speaks against its deletion. */
export type DeletionGuard = (segment: CatalogSegment) => string | undefined;
export type DeletionListener = (report: DeletedSegmentReport, segment: CatalogSegment) => void;

export interface DeletionParts {
  ledger: Ledger;
  logger: Logger;
  /** Absolute, real: nothing else is deleted. */
  mediaFolders: readonly string[];
  /** What no day file has yet, by id. */
  live: ReadonlyMap<number, CatalogSegment>;
  /** Resolves when the index has it. */
  put: (segment: CatalogSegment) => Promise<void>;
}

export class SegmentDeletion {
  readonly #guards = new Set<DeletionGuard>();
  readonly #listeners = new Set<DeletionListener>();
  readonly #underWay = new Map<number, Promise<void>>();

  constructor(private readonly parts: DeletionParts) {}

  /** Returns a function that removes it. */
  guard(guard: DeletionGuard): () => void {
    this.#guards.add(guard);
    return () => this.#guards.delete(guard);
  }

  onDeleted(listener: DeletionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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

  /** Completes what a crash left. A file that cannot be deleted now stays, and is in the catalogue again. */
  async resume(): Promise<void> {
    for (const entry of [...this.parts.ledger.deleting.values()])
      await this.#carryOut(segmentOf(entry), entry.report).catch((error: unknown) =>
        this.parts.logger.warn({ err: error, path: entry.report.path }, "a file that was to be deleted is kept"),
      );
  }

  async whenIdle(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #delete(segment: CatalogSegment, cause: DeletionCause): Promise<void> {
    const { path, id, state } = segment;
    if (state === "deleted") return;
    const live = this.parts.live.get(id);
    if (state === "growing" || live?.state === "growing")
      throw new ReelError("targetBusy", `${path} is still being recorded`, { path });
    if (this.parts.ledger.unclosed.has(id))
      throw new ReelError("targetBusy", `${path} is not final: its recovery comes first`, { path });
    for (const guard of this.#guards) {
      const reason = guard(segment);
      if (reason !== undefined) throw new ReelError("held", `${path} is kept: ${reason}`, { path });
    }
    const { ledger } = this.parts;
    const report = deletionOf(segment, cause, ledger.nextSequence());
    await ledger.append({ type: "deleting", opened: id, report });
    await this.#carryOut(segment, report);
  }

  async #carryOut(segment: CatalogSegment, intended: DeletedSegmentReport): Promise<void> {
    const { ledger, put } = this.parts;
    const report = { ...intended, sequence: ledger.nextSequence() };
    const opened = segment.id;
    try {
      await mustLieInside(segment.path, this.parts.mediaFolders);
      if (!(await this.#isReplaced(segment))) await removeFile(segment.path);
    } catch (error) {
      await ledger.append({ type: "kept", opened, report });
      throw error;
    }
    await ledger.append({ type: "deleted", opened, report });
    const { code: _, ...deleted } = segment;
    // The index has logged it; the next start puts it in from the ledger.
    await put({ ...deleted, state: "deleted", cause: report.cause }).catch(() => undefined);
    for (const listener of this.#listeners) listener(report, segment);
  }

  /** Another recording has its name by now, and that file must not be deleted under this segment's. */
  async #isReplaced({ id, path, state, sizeBytes }: CatalogSegment): Promise<boolean> {
    for (const other of this.parts.live.values())
      if (other.id !== id && other.path === path && !CONTAINERS[other.container].journal) return true;
    const size = await sizeOf(path);
    return size !== undefined && state !== "failed" && size !== sizeBytes;
  }
}

/** A folder on the way may have become a link since the file was recorded. Throws ReelError `badPath`. */
async function mustLieInside(path: string, folders: readonly string[]): Promise<void> {
  const folder = await realpath(dirname(path)).catch(() => undefined);
  // Without its folder the file is gone, too.
  if (folder === undefined || folders.some((media) => folder === media || folder.startsWith(`${media}/`))) return;
  throw new ReelError("badPath", `${path} leads out of the media folders: it is not deleted`, { path });
}

/** The folder is synced, so that no power cut brings a file back that the ledger calls deleted. */
async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return;
    throw error;
  }
  await syncFolder(dirname(path)).catch(() => undefined); // some network file systems cannot
}

export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
