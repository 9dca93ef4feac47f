// What a power cut may not take of a growing file (durability, README "What survives"): with `close` its names and,
// of an MP4, `.info`, half a second after they are there; with `interval` besides, every so often, all that it
// holds. In the finish pool, the files of a volume in one task, one task a volume at a time: a slow disk makes its
// interval longer, not the queue, and holds up no other. No drain waits for a sync; but a file system that commits
// its journal makes new names wait, so those are not synced as fast as they come.

import type { Logger } from "../../base/logger.js";
import { failureToError } from "../../container/file-failure.js";
import { notDurable } from "../../container/sync-file.js";
import type { ContainerName } from "../../container/table.js";
import type { Pools } from "../../worker/pools.js";
import type { Durability } from "../record-config.js";
import type { Segment } from "./segment.js";

/** An open segment and what has been promised of it. */
export interface GrowingSegment {
  segment: Segment;
  container: ContainerName;
  durability: Durability;
}

export interface PeriodicSyncOptions {
  pools: Pools;
  logger: Logger;
  intervalMs: number;
  growing: () => readonly GrowingSegment[];
  /** A sync has failed: told once, and the segment is not synced any more. */
  onFailed: (segment: Segment) => void;
}

/** Behind a sync of names the volume rests for so many times what that took, at most for so long. */
const REST_FACTOR = 3;
const MAX_REST_MS = 400;

export class PeriodicSync {
  readonly #options: PeriodicSyncOptions;
  readonly #timer: NodeJS.Timeout;
  #running = new Set<number>();
  /** Volumes that rest from names, with the timers that end it. */
  readonly #resting = new Map<number, NodeJS.Timeout>();
  /** Volumes whose turn came while they were synced. */
  readonly #late = new Set<number>();
  #isKicked = false;
  #isClosed = false;

  constructor(options: PeriodicSyncOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#start(true), options.intervalMs);
  }

  /** A segment has been opened, or got another file. Those of one turn are synced together. */
  kick(): void {
    if (this.#isKicked) return;
    this.#isKicked = true;
    setImmediate(() => {
      this.#isKicked = false;
      this.#start(false);
    });
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const timer of this.#resting.values()) clearTimeout(timer);
  }

  /** `withMedia`: the interval is over; else only files that have no durable name yet. */
  #start(withMedia: boolean): void {
    const due = this.#options.growing().filter(({ segment, durability }) => {
      if (durability === "none" || segment.syncFailure) return false;
      return (
        (withMedia && durability === "interval" && segment.mediaEnd !== segment.syncedEnd) ||
        (segment.openFiles > segment.synced.files &&
          ((withMedia && durability === "interval") || !this.#resting.has(segment.volume)))
      );
    });
    for (const volume of new Set(due.map(({ segment }) => segment.volume)))
      if (this.#running.has(volume)) {
        if (withMedia) this.#late.add(volume);
      } else
        void this.#sync(
          volume,
          due.filter(({ segment }) => segment.volume === volume),
          withMedia,
        );
  }

  async #sync(volume: number, due: readonly GrowingSegment[], withMedia: boolean): Promise<void> {
    const { pools, logger, onFailed } = this.#options;
    this.#running.add(volume);
    const asked = new Map(due.map(({ segment }) => [segment, segment.openFiles]));
    const sinceMs = performance.now();
    for (const { segment } of due) {
      segment.hold();
      if (withMedia) segment.syncedEnd = segment.mediaEnd;
    }
    try {
      const results = await pools.sync(
        due.map(({ segment, container, durability }) => ({
          ...segment.synced,
          segment: segment.pointer,
          container,
          path: segment.path,
          withMedia: withMedia && durability === "interval",
        })),
      );
      results.forEach(({ files, infoBytes, failure }, index) => {
        const segment = due[index]?.segment as Segment;
        segment.synced = { files, infoBytes };
        if (!failure) return;
        segment.syncFailure = failureToError(failure);
        onFailed(segment);
      });
    } catch (error) {
      if (pools.isClosing) return;
      logger.warn({ err: error }, "a thread that synced growing files has died");
      // What a sync reported to it, and Linux reports once, is not known: of none of them is anything proven.
      for (const { segment } of due) {
        segment.syncFailure = notDurable(segment.path, error);
        onFailed(segment);
      }
    } finally {
      for (const { segment } of due) segment.free();
      this.#running.delete(volume);
    }
    this.#rest(volume, asked, Math.min(MAX_REST_MS, REST_FACTOR * (performance.now() - sinceMs)));
    if (this.#late.delete(volume) && !this.#isClosed) this.#start(true);
  }

  /** What is opened meanwhile, or gets another file, is synced behind it. */
  #rest(volume: number, asked: ReadonlyMap<Segment, number>, ms: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#resting.get(volume));
    const end = (): void => {
      this.#resting.delete(volume);
      const hasMore = this.#options
        .growing()
        .some(({ segment }) => segment.volume === volume && segment.openFiles > (asked.get(segment) ?? 0));
      if (hasMore) this.kick();
    };
    this.#resting.set(volume, setTimeout(end, ms));
  }
}
