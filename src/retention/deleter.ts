// Carries a plan out, a few files at a time: their ledger entries share a sync. A file that cannot be deleted is left
// alone for a while, so that the plan goes on with the next ones.

import { LogLimit } from "../base/log-limit.js";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { Clock } from "../time/units.js";
import type { KeptSegment, PlannedDeletion } from "./retention-plan.js";
import type { SegmentIndex } from "./segment-index.js";

const AT_A_TIME = 8;
const RETRY_MS = 60_000;

export class Deleter {
  /** Until when they are left alone, by id. */
  readonly #failed = new Map<number, number>();
  readonly #failures: LogLimit;

  constructor(
    private readonly catalog: SegmentCatalog,
    private readonly index: SegmentIndex,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#failures = new LogLimit(clock, 1);
  }

  /** False for a while where its deletion has failed. */
  mayTry({ id }: KeptSegment): boolean {
    const untilMs = this.#failed.get(id);
    if (untilMs === undefined) return true;
    if (this.clock.monotonicMs() < untilMs) return false;
    this.#failed.delete(id);
    return true;
  }

  /** Resolves with what is gone. `isStopped` is asked before each file. */
  async carryOut(plan: readonly PlannedDeletion[], isStopped: () => boolean): Promise<PlannedDeletion[]> {
    const waiting = [...plan];
    const done: PlannedDeletion[] = [];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next && !isStopped(); next = waiting.shift())
        if (await this.#delete(next)) done.push(next);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    if (done.length > 0) {
      const bytes = done.reduce((sum, { segment }) => sum + segment.sizeBytes, 0);
      const causes = [...new Set(done.map(({ cause }) => cause))];
      this.logger.info({ segments: done.length, bytes, causes }, "retention deleted files");
    }
    return done;
  }

  async #delete({ segment, cause }: PlannedDeletion): Promise<boolean> {
    try {
      const found = await this.index.find(segment);
      // Somebody else has deleted it meanwhile.
      if (found) await this.catalog.delete(found, cause);
      else this.index.forget(segment);
      return found !== undefined;
    } catch (error) {
      const { path } = segment;
      const code = error instanceof ReelError ? error.code : undefined;
      // Somebody has taken the file away: it makes no room, and it is not told as deleted.
      if (code === "notFound") {
        this.index.forget(segment);
        return false;
      }
      this.#failed.set(segment.id, this.clock.monotonicMs() + RETRY_MS);
      if (code !== "held")
        this.#failures.pass((suppressed) =>
          this.logger.warn({ err: error, path, suppressed }, "retention could not delete a file; it is tried again"),
        );
      return false;
    }
  }
}
