// What happens where a volume fills up faster than its rules allow: one step after the other, each told once.
//
//   ok ─▶ deleteExpired ─▶ deleteOldest ─▶ stopLowest ─▶ stopAll
//
//   below the minimum: what rules say has expired goes, then the oldest that nothing holds. Where that does not
//   help: below half of it the recordings of the lowest priority end, one priority after the other, below a quarter
//   all of the folder. They go on when the minimum is free again.
//
// A volume that its rules keep just at its minimum is on the second step all the time, which is told when it begins.

export const RETENTION_STEPS = ["ok", "deleteExpired", "deleteOldest", "stopLowest", "stopAll"] as const;
export type RetentionStepName = (typeof RETENTION_STEPS)[number];

export interface LadderLook {
  readonly freeBytes: number;
  readonly minimumBytes: number;
  /** Of what may still be deleted, or has just been and is not yet free. */
  readonly deletableBytes: number;
  /** False where no recording of the folder runs any more. */
  readonly canStop: boolean;
  readonly nowMs: number;
}

/** A volume that has kept its minimum for so long is on no step any more. */
const CALM_MS = 60_000;
/** A recording that ends gives its finish time to end, before the next one must. */
const STOP_INTERVAL_MS = 2000;

export class Ladder {
  #step: RetentionStepName = "ok";
  #calmSinceMs: number | undefined;
  #stoppedMs = Number.NEGATIVE_INFINITY;

  get step(): RetentionStepName {
    return this.#step;
  }

  get isStopping(): boolean {
    return this.#step === "stopLowest" || this.#step === "stopAll";
  }

  /** The step that is to be taken now: also the one it is on, where it is to be taken once more. */
  look(now: LadderLook): RetentionStepName | undefined {
    const next = now.freeBytes >= now.minimumBytes ? this.#calm(now.nowMs) : this.#low(now);
    if (next === undefined) return undefined;
    if (next === "stopLowest" || next === "stopAll") this.#stoppedMs = now.nowMs;
    this.#step = next;
    return next;
  }

  #calm(nowMs: number): RetentionStepName | undefined {
    if (this.#step === "ok") return undefined;
    this.#calmSinceMs ??= nowMs;
    return this.isStopping || nowMs - this.#calmSinceMs >= CALM_MS ? "ok" : undefined;
  }

  #low({ freeBytes, minimumBytes, deletableBytes, canStop, nowMs }: LadderLook): RetentionStepName | undefined {
    const reachable = freeBytes + deletableBytes;
    this.#calmSinceMs = undefined;
    if (this.#step === "ok") return "deleteExpired";
    if (this.#step === "deleteExpired") return "deleteOldest";
    if (this.#step === "stopAll" || reachable >= minimumBytes / 2) return undefined;
    if (reachable < minimumBytes / 4) return "stopAll";
    if (nowMs - this.#stoppedMs < STOP_INTERVAL_MS) return undefined;
    // Whoever comes later is the lowest that runs, and is looked at then.
    return canStop ? "stopLowest" : undefined;
  }
}
