// Lets a bounded number of log lines through per second: what outsiders can trigger must not fill a disk
// (mediamtx#6160: 17.5 GB of one line). It counts the lines it held back and tells the count with the next line that
// passes.

import type { Clock, Millis } from "../time/units.js";

const WINDOW_MS = 1000;

export class LogLimit {
  #clock: Pick<Clock, "monotonicMs">;
  #linesPerSecond: number;
  #windowStartMs: Millis = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #suppressed = 0;

  constructor(clock: Pick<Clock, "monotonicMs">, linesPerSecond: number) {
    this.#clock = clock;
    this.#linesPerSecond = linesPerSecond;
  }

  /** Calls `write` with the number of lines held back since the last one, or counts this line. */
  pass(write: (suppressed: number) => void): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = now;
      this.#lines = 0;
    }
    if (this.#lines >= this.#linesPerSecond) {
      this.#suppressed++;
      return;
    }
    this.#lines++;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    write(suppressed);
  }
}
