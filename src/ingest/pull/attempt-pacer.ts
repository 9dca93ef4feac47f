// When sources connect, all of a host together: each after its own pause, and never more than so many a second.
// Hundreds of cameras behind one switch that comes back are not called in one second, nor are hundreds of configs when
// the server starts. One timer serves them all.

import type { Timers } from "../../base/timers.js";
import type { Clock, Millis } from "../../time/units.js";

export const ATTEMPTS_PER_SECOND = 50;
const SPACING_MS = 1000 / ATTEMPTS_PER_SECOND;

interface Entry {
  dueMs: Millis;
  attempt: () => void;
}

export class AttemptPacer {
  /** By the time that they are due; those of one time in the order in which they came. */
  readonly #entries: Entry[] = [];
  #nextSlotMs: Millis = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  /** What the timer is set to. */
  #wakeMs: Millis = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
  ) {}

  /**
   * Calls `attempt` after the pause, when there is a place; at once where neither is to be waited for. Returns what
   * cancels it.
   */
  schedule(delayMs: Millis, attempt: () => void): () => void {
    const nowMs = this.clock.monotonicMs();
    const entry: Entry = { dueMs: nowMs + delayMs, attempt };
    const isFirst = (this.#entries[0]?.dueMs ?? Number.POSITIVE_INFINITY) > nowMs;
    if (delayMs <= 0 && isFirst && nowMs >= this.#nextSlotMs) {
      this.#takeSlot(nowMs);
      attempt();
      return () => {};
    }
    this.#insert(entry);
    this.#arm();
    return () => this.#cancel(entry);
  }

  #insert(entry: Entry): void {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).dueMs <= entry.dueMs) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, entry);
  }

  #cancel(entry: Entry): void {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1);
    this.#arm();
  }

  #arm(): void {
    const first = this.#entries[0];
    const wakeMs = first ? Math.max(first.dueMs, this.#nextSlotMs) : Number.POSITIVE_INFINITY;
    if (wakeMs === this.#wakeMs) return;
    this.#cancelTimer?.();
    this.#wakeMs = wakeMs;
    this.#cancelTimer = first
      ? this.timers.after(Math.max(0, wakeMs - this.clock.monotonicMs()), () => this.#wake())
      : undefined;
  }

  #wake(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    const nowMs = this.clock.monotonicMs();
    // Timers may fire a little early.
    if (nowMs >= this.#nextSlotMs && (this.#entries[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const entry = this.#entries.shift();
      this.#takeSlot(nowMs);
      entry?.attempt();
    }
    this.#arm();
  }

  /** Timers fire late: what one is late is not added to the next, or there were forty a second in place of fifty. */
  #takeSlot(nowMs: Millis): void {
    const isLate = nowMs - this.#nextSlotMs < SPACING_MS;
    this.#nextSlotMs = (isLate ? this.#nextSlotMs : nowMs) + SPACING_MS;
  }
}
