// The catalogue: every segment from its opening to its deletion, by stream and time. Playback, retention,
// upload and the group read nothing else.
//
//   ledger ─▶ catalogue (growing: in memory; final: a day file) ─▶ query, onClosed
//
// The ledger is the truth of what happened; the catalogue is its index. What a crash or a deletion takes from the index
// is put in again from the ledger, and from the media folders where the ledger no longer reaches. A query looks at the
// files of the page it answers, so that it says of every segment whether its file is gone.

import { mkdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FOLDER } from "../base/private-files.js";
import { ReelError } from "../base/reel-error.js";
import { CatalogReader, type SegmentQuery } from "./catalog-reader.js";
import { CatalogRebuild } from "./catalog-rebuild.js";
import { type CatalogSegment, type FoundSegment, failedSegment, segmentOf } from "./catalog-segment.js";
import { DayWriter } from "./day-writer.js";
import type { Ledger, LedgerEntry } from "./ledger.js";
import type { FailedSegmentReport } from "./segment-report.js";

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
  /** Adds a new state of a segment, or a segment that the recorder did not make. Resolves when the index has it. */
  append(segment: CatalogSegment): Promise<void>;
  /** Deletes the file, then says so in the index. Throws ReelError `targetBusy` where the segment still grows. */
  delete(segment: CatalogSegment): Promise<void>;
  /**
   * Calls the listener for every final segment, after the index has it. Returns a function that removes the listener.
   */
  onClosed(listener: (segment: CatalogSegment) => void): () => void;
}

export interface CatalogOptions {
  ledger: Ledger;
  mediaFolders: readonly string[];
  logger: Logger;
  /** Appends between two checkpoints. */
  checkpointEvery?: number;
}

const FOLDER = "catalog";
const CHECKPOINT_EVERY = 2000;

export class Catalog implements SegmentCatalog {
  readonly #writer: DayWriter;
  readonly #reader: CatalogReader;
  readonly #rebuild: CatalogRebuild;
  readonly #options: Required<CatalogOptions>;
  /** What no day file has yet: growing segments, failed ones that may be recovered, and closings on their way. */
  readonly #live = new Map<number, CatalogSegment>();
  readonly #listeners = new Set<(segment: CatalogSegment) => void>();
  #sinceCheckpoint = 0;
  #isComplete = false;
  #rebuilt: Promise<void> = Promise.resolve();

  private constructor(folder: string, options: Required<CatalogOptions>) {
    const { ledger, logger } = options;
    this.#options = options;
    this.#writer = new DayWriter(folder, logger);
    this.#reader = new CatalogReader(folder, this.#live);
    this.#rebuild = new CatalogRebuild(folder, { ...options, writer: this.#writer });
    // A crash left these open, and nobody writes them now. The recovery decides about them.
    for (const [id, entry] of ledger.unclosed)
      this.#live.set(id, { ...segmentOf(entry), state: "failed", code: "unfinished" });
    ledger.listener = (entry) => this.#follow(entry);
  }

  /** `start` puts in what is missing from the index, in the background. */
  static async open(stateFolder: string, options: CatalogOptions): Promise<Catalog> {
    const folder = join(stateFolder, FOLDER);
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    return new Catalog(folder, { checkpointEvery: CHECKPOINT_EVERY, ...options });
  }

  start(): void {
    this.#rebuilt = this.#rebuild
      .run()
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
    return { segments: await Promise.all(segments.map(withPresence)), cursor, isComplete };
  }

  async delete(segment: CatalogSegment): Promise<void> {
    const live = this.#live.get(segment.id);
    if (segment.state === "growing" || live?.state === "growing")
      throw new ReelError("targetBusy", `${segment.path} is still being recorded`, { path: segment.path });
    // The file goes first. After a crash between the two, a query says that it is missing, and it can be deleted again.
    if (!(await isReplaced(segment)))
      await unlink(segment.path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
    const { missing: _, ...kept } = segment as FoundSegment;
    await this.#put({ ...kept, state: "deleted" });
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
    await this.#rebuilt;
    await this.#checkpoint();
    this.#options.ledger.listener = () => {};
  }

  #follow(entry: LedgerEntry): void {
    const segment = segmentOf(entry);
    if (entry.type === "opened") this.#live.set(segment.id, segment);
    else this.#put(segment).catch(() => undefined); // the writer has logged it; the next start puts it in again
  }

  /** Queries see it at once, from memory until the file has it. */
  async #put(segment: CatalogSegment): Promise<void> {
    this.#live.set(segment.id, segment);
    await this.#writer.append(segment);
    if (this.#live.get(segment.id) === segment) this.#live.delete(segment.id);
    if (segment.state === "finished" || segment.state === "recovered")
      for (const listener of this.#listeners) listener(segment);
    if (++this.#sinceCheckpoint >= this.#options.checkpointEvery && this.#isComplete) {
      this.#sinceCheckpoint = 0;
      this.#checkpoint().catch(() => undefined); // logged there
    }
  }

  async #checkpoint(): Promise<void> {
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

async function withPresence(segment: CatalogSegment): Promise<FoundSegment> {
  const { state } = segment;
  if (state !== "finished" && state !== "recovered") return segment;
  const size = await sizeOf(segment.path);
  return size === segment.sizeBytes ? segment : { ...segment, missing: true };
}

/** Another recording has overwritten the file, which must not be deleted under this segment's name. */
async function isReplaced(segment: CatalogSegment): Promise<boolean> {
  const size = await sizeOf(segment.path);
  return size !== undefined && segment.state !== "failed" && size !== segment.sizeBytes;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
