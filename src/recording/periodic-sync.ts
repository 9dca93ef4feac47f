// durability=interval: every so often all growing segments that ask for it are synced in one task of the finish pool. One task at a time: a slow disk
// makes the interval longer, not the queue.

import type { Logger } from "../arena/logger.js";
import type { Pools } from "../worker/pools.js";
import type { Segment } from "./segment.js";

export class PeriodicSync {
  #pools: Pools;
  #logger: Logger;
  #timer: NodeJS.Timeout;
  #isRunning = false;

  /** `due`: the open segments to sync. */
  constructor(pools: Pools, logger: Logger, intervalMs: number, due: () => readonly Segment[]) {
    this.#pools = pools;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.#run(due()), intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #run(segments: readonly Segment[]): Promise<void> {
    if (this.#isRunning || segments.length === 0) return;
    this.#isRunning = true;
    for (const segment of segments) segment.hold();
    try {
      const failed = new Set(await this.#pools.sync(segments.map((segment) => segment.pointer)));
      for (const segment of segments) if (failed.has(segment.pointer)) this.#logger.warn({ path: segment.path }, "a growing file could not be synced");
    } catch (error) {
      this.#logger.warn({ err: error }, "growing files could not be synced");
    } finally {
      for (const segment of segments) segment.free();
      this.#isRunning = false;
    }
  }
}
