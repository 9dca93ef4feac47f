// Times for a track whose own clock says nothing: those of arrival, made even. Frames arrive in bundles (sockets are
// read at most every 150 ms) but were made at a steady rate: it is counted, and the arrivals are followed slowly.

import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "./units.js";

const PHASE_GAIN = 1 / 64;
/** An error above this is no unevenness: the source was silent. */
const SILENCE_90K = TICKS_PER_SECOND / 2;
/** Frames over which the rate is counted: after twice as many the older half is forgotten. */
const RATE_FRAMES = 512;

export class SmoothClock {
  dts90k: Ticks90k;
  #base90k: Ticks90k;
  #baseMs: Millis;
  /** Since when frames are counted, without silences, and how many came. */
  #since90k: Ticks90k;
  #frames: number;

  /**
   * `base90k`: of the last frame with a time of its own, which arrived at `baseMs`; `frames` came since then, the first
   * of which to get times here arrived at `firstMs`, the last one `nowMs`.
   */
  constructor(base90k: Ticks90k, baseMs: Millis, frames: number, firstMs: Millis, nowMs: Millis) {
    this.#base90k = base90k;
    this.#baseMs = baseMs;
    this.#since90k = base90k;
    this.#frames = frames;
    const duration = this.#duration(this.at(nowMs));
    this.dts90k = Math.max(base90k, Math.round(this.at(firstMs) - duration));
  }

  /** The arrival as a time of the track. */
  at(nowMs: Millis): Ticks90k {
    return this.#base90k + (nowMs - this.#baseMs) * TICKS_PER_MS;
  }

  /**
   * A frame that was counted before: the next time behind the last one, up to what is due when all of them are here.
   */
  nextCounted(due90k: Ticks90k, arrival90k: Ticks90k): Ticks90k {
    return this.#step(due90k, this.#duration(arrival90k));
  }

  /** The next frame: a whole number of ticks behind the last one. */
  next(due90k: Ticks90k): Ticks90k {
    const duration = this.#duration(due90k);
    const silence90k = due90k - this.dts90k - duration;
    if (silence90k > SILENCE_90K) this.#since90k += silence90k;
    this.#frames++;
    if (this.#frames >= 2 * RATE_FRAMES) {
      this.#since90k = due90k - RATE_FRAMES * this.#duration(due90k);
      this.#frames = RATE_FRAMES;
    }
    return this.#step(due90k, duration);
  }

  #duration(due90k: Ticks90k): Ticks90k {
    return Math.max(1, (due90k - this.#since90k) / this.#frames);
  }

  #step(due90k: Ticks90k, duration: Ticks90k): Ticks90k {
    const error = due90k - this.dts90k - duration;
    if (error > SILENCE_90K) this.dts90k = Math.round(due90k);
    else this.dts90k += Math.max(1, Math.round(Math.max(duration / 2, duration + error * PHASE_GAIN)));
    return this.dts90k;
  }
}
