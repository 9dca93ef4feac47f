// Cameras exist whose timestamps run at 1 kHz where the description says 90 kHz (retina#64): every frame makes a step
// that looks right and is a ninetieth of what it should be. Two seconds of arrivals without a silence show it. Clocks
// that stand, or go back, are ClockGate's (../clock-gate.ts).

import { type Millis, TICKS_PER_MS, type Ticks90k } from "../../time/units.js";

const EVIDENCE_MS = 2000;
const FEW_FRAMES = 5;
/** A network that stops and catches up shows less in a while, too: a window with such a gap says nothing. */
const SILENCE_MS = 500;
/** No link that delivers less than a twentieth of its stream keeps a session for two seconds without a gap. */
const SLOWEST_RATE = 1 / 20;

export class RateWatch {
  frames = 0;
  /** Of the first frame of the window. */
  from90k: Ticks90k = Number.NaN;
  fromMs: Millis = 0;
  #last90k: Ticks90k = Number.NaN;
  #lastMs: Millis = 0;

  /** A frame with another timestamp than the one before. True where the clock is shown to be too slow. */
  isSlow(wire90k: Ticks90k, nowMs: Millis): boolean {
    const isSteady = wire90k > this.#last90k && nowMs - this.#lastMs <= SILENCE_MS;
    this.#last90k = wire90k;
    this.#lastMs = nowMs;
    if (!isSteady) {
      this.#begin(wire90k, nowMs);
      return false;
    }
    this.frames++;
    const elapsedMs = nowMs - this.fromMs;
    if (elapsedMs < EVIDENCE_MS || this.frames < FEW_FRAMES) return false;
    const isSlow = (wire90k - this.from90k) / TICKS_PER_MS < elapsedMs * SLOWEST_RATE;
    if (!isSlow) this.#begin(wire90k, nowMs);
    return isSlow;
  }

  #begin(wire90k: Ticks90k, nowMs: Millis): void {
    this.frames = 0;
    this.from90k = wire90k;
    this.fromMs = nowMs;
  }
}
