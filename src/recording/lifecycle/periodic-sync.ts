// durability=interval: every so often all growing segments that ask for it are synced, those of a volume in one task of
// the finish pool. One task a volume at a time: a slow disk makes its interval longer, not the queue, and holds up no
// other.

import type { Logger } from "../../base/logger.js";
import type { Pools } from "../../worker/pools.js";
import type { Segment } from "./segment.js";

export class PeriodicSync {
  #pools: Pools;
  #logger: Logger;
  #timer: NodeJS.Timeout;
  #running = new Set<number>();

  /** `due`: the open segments to sync. */
  constructor(pools: Pools, logger: Logger, intervalMs: number, due: () => readonly Segment[]) {
    this.#pools = pools;
    this.#logger = logger;
    this.#timer = setInterval(() => this.#tick(due()), intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(segments: readonly Segment[]): void {
    for (const volume of new Set(segments.map((segment) => segment.volume))) {
      if (!this.#running.has(volume))
        void this.#sync(
          volume,
          segments.filter((segment) => segment.volume === volume),
        );
    }
  }

  async #sync(volume: number, segments: readonly Segment[]): Promise<void> {
    this.#running.add(volume);
    for (const segment of segments) segment.hold();
    try {
      const failed = new Set(await this.#pools.sync(segments.map((segment) => segment.pointer)));
      for (const segment of segments)
        if (failed.has(segment.pointer))
          this.#logger.warn({ path: segment.path }, "a growing file could not be synced");
    } catch (error) {
      this.#logger.warn({ err: error }, "growing files could not be synced");
    } finally {
      for (const segment of segments) segment.free();
      this.#running.delete(volume);
    }
  }
}
