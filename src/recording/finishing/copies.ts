// Copies final files into a second media folder (`copyTo`): oldest first, one at a time for each folder, again and
// again until each is there, also over restarts. The first file is final before its copy begins, so a folder that is
// full or missing costs nobody a frame.
//
// The catalogue is the queue: what is final and has a wish that it does not yet know as fulfilled.

import { stat } from "node:fs/promises";
import { KeyedQueue } from "../../base/keyed-queue.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { type Collector, counter, gauge, type Sample } from "../../base/samples.js";
import { askVolume } from "../../base/volume-calls.js";
import type { Catalog } from "../../catalog/catalog.js";
import type { CatalogSegment } from "../../catalog/catalog-segment.js";
import { longestOf } from "../../catalog/media-roots.js";
import type { CopiedSegmentReport } from "../../catalog/segment-report.js";
import { fileFailure } from "../../container/file-failure.js";
import type { Clock } from "../../time/units.js";
import { COPYING_SUFFIX } from "../../worker/copy-task.js";
import type { Pools } from "../../worker/pools.js";

export interface CopyFailure {
  readonly segment: CatalogSegment;
  readonly copy: string;
  readonly code: string;
  readonly reason: string;
  readonly tries: number;
  /** Unix milliseconds; null: it is not tried again. */
  readonly nextTryMs: number | null;
}

export interface CopiesDeps {
  catalog: Catalog;
  pools: Pools;
  mediaFolders: readonly string[];
  clock: Clock;
  logger: Logger;
  onCopied: (report: CopiedSegmentReport) => void;
  onFailed: (failure: CopyFailure) => void;
}

interface CopyWish {
  readonly folder: string;
  readonly overwrite: boolean;
}

interface TryFailure {
  readonly code: string;
  readonly message: string;
  /** It was told for another file of the same folder. */
  readonly isKnown?: boolean;
}

const PAGE = 1000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

export class Copies implements Collector {
  readonly #turns = new KeyedQueue<string>();
  readonly #pending = new Set<number>();
  readonly #underWay = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  readonly #wakeAll = new Set<() => void>();
  /** st_dev at the start, by folder: an unmounted volume leaves an empty folder of another one. */
  readonly #volumes = new Map<string, number>();
  /** Second folders that were not there at the last try: the first file that finds that tells it for all. */
  readonly #away = new Set<string>();
  readonly #lines: LogLimit;
  readonly #detach: () => void;
  #isClosed = false;
  #copied = 0;
  #failed = 0;

  constructor(private readonly deps: CopiesDeps) {
    this.#lines = new LogLimit(deps.clock, 1);
    this.#detach = deps.catalog.onClosed((segment) => this.#add(segment));
    deps.catalog.guard(({ id }) => (this.#underWay.has(id) ? "it is being copied" : undefined));
  }

  /** What an earlier run did not copy. */
  async start(): Promise<void> {
    const { catalog, mediaFolders, logger } = this.deps;
    try {
      for (const folder of mediaFolders) this.#volumes.set(folder, (await askVolume(() => stat(folder))).dev);
      await catalog.whenComplete();
      let cursor: string | undefined;
      do {
        if (this.#isClosed) return;
        const state = ["finished", "recovered", "uploaded"] as const;
        const page = await catalog.query({ state, limit: PAGE, ...(cursor !== undefined && { cursor }) });
        for (const { missing, unreachable: _, ...segment } of page.segments)
          if (this.#targetOf(segment) !== undefined && (!missing || (await this.#isWorthATry(segment))))
            this.#add(segment);
        cursor = page.cursor;
      } while (cursor !== undefined);
    } catch (error) {
      if (!this.#isClosed)
        logger.warn({ err: error }, "the catalogue could not be read for copies; the next start does it");
    }
  }

  collect(): readonly Sample[] {
    return [
      counter("reel_copied_segments_total", "Files that were copied into their second folder.", this.#copied),
      counter("reel_copy_failures_total", "Tries of copies that failed.", this.#failed),
      gauge("reel_copies_pending", "Files whose copy is to come.", this.#pending.size),
    ];
  }

  /** What is not copied is left for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#detach();
    for (const wake of this.#wakeAll) wake();
    await Promise.all(this.#running);
  }

  #add(segment: CatalogSegment): void {
    const { wishes, id } = segment;
    const to = this.#targetOf(segment);
    if (!wishes?.copyTo || to === undefined || this.#isClosed || this.#pending.has(id)) return;
    this.#pending.add(id);
    const run = this.#copy(segment, to, wishes.copyTo).finally(() => {
      this.#pending.delete(id);
      this.#running.delete(run);
    });
    this.#running.add(run);
  }

  /** undefined where it is there, or none is wanted. */
  #targetOf({ wishes, copy, path }: CatalogSegment): string | undefined {
    const home = longestOf(this.deps.mediaFolders, path);
    if (!wishes?.copyTo || copy !== undefined || home === undefined || home === wishes.copyTo.folder) return undefined;
    return wishes.copyTo.folder + path.slice(home.length);
  }

  /** Of a file that is missing: it may come back, or a crash has left half a copy of it, which the try removes. */
  async #isWorthATry(segment: CatalogSegment): Promise<boolean> {
    if (await this.deps.catalog.isAway(segment)) return true;
    const leftOver = (this.#targetOf(segment) ?? "") + COPYING_SUFFIX;
    return (await askVolume(() => stat(leftOver)).catch(() => undefined)) !== undefined;
  }

  async #copy(segment: CatalogSegment, to: string, wish: CopyWish): Promise<void> {
    for (let tries = 1; !this.#isClosed; tries++) {
      const failure = await this.#turns.run(wish.folder, async () => {
        if (this.#isClosed) return undefined;
        return this.#try(segment, to, wish).catch((error: unknown): TryFailure => fileFailure(error, to));
      });
      if (this.#isClosed && failure) return;
      if (!failure) return;
      // The file is gone for good, or another one: so is the wish. Another file has the name of the copy.
      const isGone = failure.code === "notFound" || failure.code === "lostFile";
      const isFinal = failure.code === "targetBusy" || (isGone && !(await this.deps.catalog.isAway(segment)));
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), MAX_PAUSE_MS);
      this.#failed++;
      if (!failure.isKnown) this.#tell(segment, to, failure, tries, isFinal ? undefined : pauseMs);
      if (isFinal) return;
      await this.#pause(pauseMs);
    }
  }

  #tell(segment: CatalogSegment, copy: string, failure: TryFailure, tries: number, pauseMs: number | undefined): void {
    const { code, message: reason } = failure;
    const { clock, logger, onFailed } = this.deps;
    this.#lines.pass((suppressed) =>
      logger.warn({ path: segment.path, copy, code, tries, suppressed }, `a copy failed: ${reason}`),
    );
    const nextTryMs = pauseMs === undefined ? null : clock.wallMs() + pauseMs;
    onFailed({ segment, copy, code, reason, tries, nextTryMs });
  }

  async #try(segment: CatalogSegment, to: string, wish: CopyWish): Promise<TryFailure | undefined> {
    const { pools, catalog } = this.deps;
    const { folder, overwrite } = wish;
    const { path: from, sizeBytes, manifest } = segment;
    const volume = await askVolume(() => stat(folder)).then(
      ({ dev }) => dev,
      () => undefined,
    );
    if (volume === undefined || volume !== this.#volumes.get(folder)) {
      const isKnown = this.#away.has(folder);
      this.#away.add(folder);
      return { code: "notWritable", message: `${folder} is not the folder that was there at the start`, isKnown };
    }
    this.#away.delete(folder);
    this.#underWay.add(segment.id);
    const { failure } = await pools
      .copy({ from, to, sizeBytes, overwrite, hasManifest: manifest !== undefined })
      .catch((error: unknown) => ({ failure: fileFailure(error, to) }))
      .finally(() => this.#underWay.delete(segment.id));
    if (failure) return failure;
    const report = await catalog.markCopied(segment, to);
    this.#copied++;
    if (report) this.deps.onCopied(report);
    return undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakeAll.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      timer.unref();
      this.#wakeAll.add(wake);
    });
  }
}
