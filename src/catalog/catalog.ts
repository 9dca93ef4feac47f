// The catalogue: every segment from its opening to its deletion, by stream and time. Playback, retention,
// upload and the group read nothing else.
//
//   ledger ─▶ catalogue (growing: in memory; final: a day file) ─▶ query, onClosed
//
// The ledger is the truth of what happened; the catalogue is its index. What a crash or a deletion takes from the index
// is put in again from the ledger, and from the media folders where the ledger no longer reaches. A query looks at the
// files of the page it answers, so that it says of every segment whether its file is gone.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue } from "../base/keyed-queue.js";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FOLDER } from "../base/private-files.js";
import { VolumeTurns } from "../base/volume-turns.js";
import { CONTAINERS } from "../container/table.js";
import { CatalogReader, type SegmentQuery } from "./catalog-reader.js";
import { CatalogRebuild } from "./catalog-rebuild.js";
import {
  type CatalogSegment,
  copyOf,
  type FoundSegment,
  failedSegment,
  type SegmentState,
  segmentOf,
  uploadOf,
} from "./catalog-segment.js";
import { DayWriter } from "./day-writer.js";
import type { Ledger } from "./ledger.js";
import type { LedgerEntry } from "./ledger-entry.js";
import { MediaRoots } from "./media-roots.js";
import { withPresence } from "./presence.js";
import {
  type DeletionGuard,
  type DeletionListener,
  type HeldNames,
  type PlacedSegment,
  SegmentDeletion,
} from "./segment-deletion.js";
import { SegmentLookup } from "./segment-lookup.js";
import type {
  CopiedSegmentReport,
  DeletionCause,
  FailedSegmentReport,
  UploadedSegmentReport,
} from "./segment-report.js";

export interface CatalogPage {
  /** In the order of their beginnings, oldest first. */
  segments: FoundSegment[];
  /** Where the next page begins; undefined = there is no more. */
  cursor: string | undefined;
  /** False while the index is being rebuilt: older segments may still be missing from it. */
  isComplete: boolean;
}

/** The part of the catalogue that other rooms use. */
export interface SegmentCatalog {
  query(query?: SegmentQuery): Promise<CatalogPage>;
  /** The segment of that id (the sequence of its opening), in any state. */
  find(id: number): Promise<FoundSegment | undefined>;
  /** The segment whose file is there under that absolute path. Not an MP4 that grows: it has no such file yet. */
  findByPath(path: string): Promise<FoundSegment | undefined>;
  /** Adds a new state of a segment, or a segment that the recorder did not make. Resolves when the index has it. */
  append(segment: CatalogSegment): Promise<void>;
  /**
   * Deletes the file, then says so in the ledger, in the index and to `onDeleted`; `cause` is `request` where it is not
   * given. A segment whose file is not its own (it failed, or another one has its name) goes alone. Throws ReelError
   * `targetBusy` where the segment is not final, `held` where a guard keeps it, `notFound` where a rule is the cause
   * and the file is not there, `closed` while the catalogue closes.
   */
  delete(segment: CatalogSegment, cause?: DeletionCause): Promise<void>;
  /** Says in the ledger and in the index where its copy is; undefined where the segment is not final any more. */
  markCopied(segment: CatalogSegment, copy: string): Promise<CopiedSegmentReport | undefined>;
  /** Says in the ledger and in the index that its object is there; undefined where the segment is deleted by now. */
  markUploaded(segment: CatalogSegment, object: string): Promise<UploadedSegmentReport | undefined>;
  /** Asks the guard before every deletion. Returns a function that removes it. */
  guard(guard: DeletionGuard): () => void;
  /** True where its file is on a volume that is not mounted, also where another segment's has its name meanwhile. */
  isAway(segment: PlacedSegment): Promise<boolean>;
  /** True while the file of that segment goes: no guard can keep it any more. */
  isGoing(id: number): boolean;
  /** Calls the listener for every deletion, after the index has it. Returns a function that removes the listener. */
  onDeleted(listener: DeletionListener): () => void;
  /**
   * Calls the listener for every final segment, after queries have it. Returns a function that removes the listener.
   */
  onClosed(listener: (segment: CatalogSegment) => void): () => void;
}

export interface CatalogOptions {
  ledger: Ledger;
  mediaFolders: readonly string[];
  logger: Logger;
  /** Names that recordings hold; nobody holds one where it is left out. */
  names?: HeldNames;
  /** Appends between two checkpoints. */
  checkpointEvery?: number;
  /** How often a deletion that a crash left asks whether its volume is back. */
  resumeMs?: number;
}

const NO_NAMES: HeldNames = { beginDeletion: () => () => {} };

const FOLDER = "catalog";
const CHECKPOINT_EVERY = 2000;
const RESUME_MS = 10_000;
const IS_A_FILE: ReadonlySet<SegmentState> = new Set(["finished", "recovered", "uploaded"]);

export class Catalog implements SegmentCatalog {
  readonly #lookup: SegmentLookup;
  readonly #writer: DayWriter;
  readonly #reader: CatalogReader;
  readonly #volumes: VolumeTurns;
  readonly #rebuild: CatalogRebuild;
  readonly #deletion: SegmentDeletion;
  readonly #options: Required<CatalogOptions>;
  readonly #roots: MediaRoots;
  /** What no day file has yet: growing segments, failed ones that may be recovered, and closings on their way. */
  readonly #live = new Map<number, CatalogSegment>();
  readonly #listeners = new Set<(segment: CatalogSegment) => void>();
  /** By segment: each mark says all that the one before said. */
  readonly #marks = new KeyedQueue<number>();
  #sinceCheckpoint = 0;
  #checkpoints = Promise.resolve();
  #isClosed = false;
  #isComplete = false;
  #rebuilt: Promise<void> = Promise.resolve();

  private constructor(folder: string, options: Required<CatalogOptions>, roots: MediaRoots) {
    const { ledger, logger } = options;
    this.#options = options;
    this.#roots = roots;
    this.#lookup = new SegmentLookup(folder);
    this.#writer = new DayWriter(folder, this.#lookup, logger);
    this.#volumes = new VolumeTurns(options.mediaFolders);
    this.#reader = new CatalogReader(folder, this.#live);
    this.#rebuild = new CatalogRebuild(folder, { ...options, writer: this.#writer, lookup: this.#lookup });
    // A crash left these open, and nobody writes them now. The recovery decides about them.
    for (const [id, entry] of ledger.unclosed)
      this.#live.set(id, { ...segmentOf(entry), state: "failed", code: "unfinished" });
    for (const entry of ledger.deleting.values()) this.#live.set(entry.opened, segmentOf(entry));
    this.#deletion = new SegmentDeletion({
      ledger,
      logger,
      roots,
      names: options.names,
      resumeMs: options.resumeMs,
      current: (id) => this.#current(id),
      idsOf: async (path) => [...this.#liveIdsOf(path), ...(await this.#lookup.idsOf(path))],
      put: (segment) => this.#put(segment),
    });
    ledger.listener = (entry) => this.#follow(entry);
  }

  /** `start` puts in what is missing from the index, in the background. */
  static async open(stateFolder: string, options: CatalogOptions): Promise<Catalog> {
    const folder = join(stateFolder, FOLDER);
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const { ledger, logger, mediaFolders } = options;
    const roots = await MediaRoots.look(mediaFolders, { stateFolder, nextId: ledger.sequence + 1, logger });
    const defaults = { checkpointEvery: CHECKPOINT_EVERY, resumeMs: RESUME_MS, names: NO_NAMES };
    return new Catalog(folder, { ...defaults, ...options }, roots);
  }

  /** `guard` is asked for deletions that a crash left: the others come later. */
  start(guard: DeletionGuard = () => undefined): void {
    const detach = this.guard(guard);
    this.#rebuilt = this.#deletion
      .resume()
      .finally(detach)
      .then(() => this.#rebuild.run())
      .then(() => {
        this.#isComplete = true;
      })
      .catch((error: unknown) =>
        this.#options.logger.warn({ err: error }, "the catalogue could not be completed; the next start tries again"),
      );
  }

  /** Resolves when the index holds all that the ledger and the media folders hold. */
  whenComplete(): Promise<void> {
    return this.#rebuilt;
  }

  append(segment: CatalogSegment): Promise<void> {
    return this.#put(segment);
  }

  async query(query: SegmentQuery = {}): Promise<CatalogPage> {
    const isComplete = this.#isComplete;
    const { segments, cursor } = await this.#reader.read(query);
    return { segments: await Promise.all(segments.map((segment) => this.#look(segment))), cursor, isComplete };
  }

  async find(id: number): Promise<FoundSegment | undefined> {
    const segment = await this.#current(id);
    return segment && this.#look(segment);
  }

  async #current(id: number): Promise<CatalogSegment | undefined> {
    const live = this.#live.get(id);
    if (live) return live;
    const place = await this.#lookup.placeOf(id);
    const found = place && (await this.#reader.find(id, place));
    // It may have left the memory, or come into it, meanwhile.
    return this.#live.get(id) ?? found;
  }

  #liveIdsOf(path: string): number[] {
    return [...this.#live.values()].filter((segment) => segment.path === path).map(({ id }) => id);
  }

  async findByPath(path: string): Promise<FoundSegment | undefined> {
    for (const segment of this.#live.values())
      if (segment.path === path && segment.state === "growing" && !CONTAINERS[segment.container].journal)
        return segment;
    for (const id of [...this.#liveIdsOf(path), ...(await this.#lookup.idsOf(path))]) {
      const found = await this.find(id);
      if (found?.path === path && IS_A_FILE.has(found.state) && !found.missing) return found;
    }
    return undefined;
  }

  delete(segment: CatalogSegment, cause: DeletionCause = "request"): Promise<void> {
    const { missing: _, unreachable: __, ...kept } = segment as FoundSegment;
    return this.#deletion.delete(kept, cause);
  }

  markCopied(given: CatalogSegment, copy: string): Promise<CopiedSegmentReport | undefined> {
    return this.#marks.run(given.id, async () => {
      const { ledger } = this.#options;
      const segment = (await this.#current(given.id)) ?? given;
      const report = copyOf(segment, copy, ledger.nextSequence());
      if (!report) return undefined;
      await ledger.append({ type: "copied", opened: segment.id, report });
      await this.#mark(segment, { copy });
      return report;
    });
  }

  markUploaded(given: CatalogSegment, object: string): Promise<UploadedSegmentReport | undefined> {
    return this.#marks.run(given.id, async () => {
      const { ledger } = this.#options;
      const segment = (await this.#current(given.id)) ?? given;
      if (segment.state === "deleted") return undefined;
      const report = uploadOf(segment, object, ledger.nextSequence());
      await ledger.append({ type: "uploaded", opened: segment.id, report });
      await this.#mark(segment, { state: "uploaded", object });
      return report;
    });
  }

  /** Its deletion may have ended meanwhile. Where the writer fails it has logged it: the next start asks the ledger. */
  async #mark(given: CatalogSegment, change: Partial<CatalogSegment>): Promise<void> {
    const segment = (await this.#current(given.id)) ?? given;
    if (segment.state !== "deleted") await this.#put({ ...segment, ...change }, false).catch(() => undefined);
  }

  isAway(segment: PlacedSegment): Promise<boolean> {
    return this.#deletion.isAway(segment);
  }

  guard(guard: DeletionGuard): () => void {
    return this.#deletion.guard(guard);
  }

  isGoing(id: number): boolean {
    return this.#deletion.isGoing(id);
  }

  onDeleted(listener: DeletionListener): () => void {
    return this.#deletion.onDeleted(listener);
  }

  onClosed(listener: (segment: CatalogSegment) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A finish or a recovery failed, but its journal is intact and the ledger does not call it closed. */
  failed(report: FailedSegmentReport): void {
    const live = this.#live.get(report.sequence);
    if (live) this.#live.set(live.id, { ...failedSegment(live.id, report), startedMs: live.startedMs });
  }

  /** Resolves when the files hold all that was appended. */
  whenIdle(): Promise<void> {
    return this.#writer.whenIdle();
  }

  async close(): Promise<void> {
    this.#rebuild.stop();
    await this.#deletion.close();
    await this.#rebuilt;
    await this.#checkpoint();
    // What comes now is put in by the next start.
    this.#options.ledger.listener = () => {};
    this.#isClosed = true;
    await this.#writer.whenIdle();
    await this.#checkpoints;
  }

  #look(segment: CatalogSegment): Promise<FoundSegment> {
    return withPresence(segment, this.#volumes);
  }

  /** A deletion is put in by SegmentDeletion. */
  #follow(entry: LedgerEntry): void {
    const segment = segmentOf(entry);
    if (entry.type === "opened") {
      this.#live.set(segment.id, segment);
      this.#roots.recorded(segment);
    } else if (entry.type === "kept") this.#live.delete(segment.id);
    // A failure was logged by the writer; the next start puts the segment in again.
    else if (entry.type === "closed" || entry.type === "failed") this.#put(segment).catch(() => undefined);
  }

  /** Queries see it at once, from memory until the file has it. */
  async #put(segment: CatalogSegment, isNew = true): Promise<void> {
    this.#live.set(segment.id, segment);
    try {
      await this.#writer.append(segment);
      if (this.#live.get(segment.id) === segment) this.#live.delete(segment.id);
    } finally {
      // Where the line is in no file (a full disk), the segment stays in memory, and retention must know it all the
      // same.
      if (isNew && (segment.state === "finished" || segment.state === "recovered"))
        for (const listener of this.#listeners) listener(segment);
    }
    if (++this.#sinceCheckpoint >= this.#options.checkpointEvery && this.#isComplete && !this.#isClosed) {
      this.#sinceCheckpoint = 0;
      void this.#checkpoint();
    }
  }

  /** One after the other: two at a time would take each other's file, and the last of them outlive `close`. */
  #checkpoint(): Promise<void> {
    this.#checkpoints = this.#checkpoints.then(() => this.#writeCheckpoint());
    return this.#checkpoints;
  }

  /** Does not fail: what it could not write is logged. */
  async #writeCheckpoint(): Promise<void> {
    if (!this.#isComplete) return;
    try {
      await this.#rebuild.checkpoint();
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        "the catalogue could not be synced; the next start reads the ledger again",
      );
    }
  }
}
