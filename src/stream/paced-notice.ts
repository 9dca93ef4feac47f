// Tells that something has changed: the first change at once, what follows within the interval together at its end.

import type { Clock, Millis } from "../time/units.js";

export class PacedNotice {
  #toldMs: Millis = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: Millis,
    private readonly tell: () => void,
  ) {}

  give(): void {
    if (this.#isStopped || this.#timer) return;
    const waitMs = this.#toldMs + this.intervalMs - this.clock.monotonicMs();
    if (waitMs > 0) this.#timer = setTimeout(() => this.#pass(), waitMs).unref();
    else this.#pass();
  }

  /** What waits is told now, and nothing after it. */
  stop(): void {
    if (this.#timer) this.#pass();
    this.#isStopped = true;
  }

  #pass(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldMs = this.clock.monotonicMs();
    this.tell();
  }
}
