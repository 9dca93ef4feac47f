// The clock of one RTP track: 32-bit timestamps of its own rate and random start, unwrapped and put on the axis that
// all tracks of a session share (90 kHz). A track is only ever moved forwards, so that its times never go back.
//
// A clock that is shown to run far too slowly (rate-watch.ts) is believed no more: its timestamps only tell frames
// apart, and frames get times of arrival, made even.

import { SmoothClock } from "../../time/smooth-clock.js";
import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";
import { RateWatch } from "./rate-watch.js";

/**
 * Timestamps whose times of arrival are kept: of the access unit under way, of a field before it, and of the packet.
 */
const KEPT_TIMES = 4;

export class RtpTime {
  #unwrapper = new Unwrapper(2 ** 32);
  #watch = new RateWatch();
  /** The first timestamp, and where it lies on the axis; NaN until it is placed. */
  #base = 0;
  #origin90k: Ticks90k = Number.NaN;
  /** Set while frames get times of arrival. */
  #arrivals: SmoothClock | undefined;
  readonly #timestamps = new Float64Array(KEPT_TIMES).fill(Number.NaN);
  /** When they arrived; while frames get times of arrival, these times. */
  readonly #times = new Float64Array(KEPT_TIMES);
  #next = 0;
  /** Unwrapped, of the last packet. */
  last = Number.NaN;

  constructor(readonly clockRate: number) {}

  /** The timestamp of a packet, in the order of packets. */
  unwrap(timestamp: number): number {
    this.last = this.#unwrapper.unwrap(timestamp);
    return this.last;
  }

  /** A packet with this unwrapped timestamp came. True where its clock is not believed from here on. */
  arrived(timestamp: number, nowMs: Millis): boolean {
    if (timestamp === this.#timestamps[(this.#next + KEPT_TIMES - 1) % KEPT_TIMES]) return false;
    const isNew = !this.#arrivals && this.#watch.isSlow(this.#wire90k(timestamp), nowMs);
    if (isNew) {
      const { from90k, fromMs, frames } = this.#watch;
      const arrivals = new SmoothClock(from90k, fromMs, frames, nowMs, nowMs);
      this.#arrivals = arrivals;
      for (const [i, atMs] of this.#times.entries()) this.#times[i] = arrivals.at(atMs);
    }
    this.#timestamps[this.#next] = timestamp;
    this.#times[this.#next] = this.#arrivals ? this.#arrivals.next(this.#arrivals.at(nowMs)) : nowMs;
    this.#next = (this.#next + 1) % KEPT_TIMES;
    return isNew;
  }

  /** Its frames have times of arrival. */
  get isByArrival(): boolean {
    return this.#arrivals !== undefined;
  }

  /**
   * What arrives at this time, on the axis, as far as its last packets tell; NaN before the first. The middle one of
   * them: pictures that are shown later than they are decoded would mislead, and so would one that was delayed.
   */
  expectedAt(nowMs: Millis): Ticks90k {
    if (this.#arrivals) return this.#arrivals.at(nowMs);
    const ahead: Ticks90k[] = [];
    for (const [i, timestamp] of this.#timestamps.entries())
      if (!Number.isNaN(timestamp)) ahead.push(this.#wire90k(timestamp) - (this.#times[i] as number) * TICKS_PER_MS);
    ahead.sort((a, b) => a - b);
    const middle = ahead[(ahead.length - 1) >> 1];
    return middle === undefined ? Number.NaN : Math.round(middle + nowMs * TICKS_PER_MS);
  }

  /** Of a timestamp that is no packet's: the one nearest to the last packet's. */
  nearest(timestamp: number): number {
    return this.last + ((timestamp - this.last) | 0);
  }

  get isPlaced(): boolean {
    return !Number.isNaN(this.#origin90k);
  }

  /** From here on `timestamp` is `at90k`. */
  place(timestamp: number, at90k: Ticks90k): void {
    this.#base = timestamp;
    this.#origin90k = at90k;
  }

  /** Timestamps begin anew: the next one has to be placed. */
  restart(): void {
    this.#unwrapper = new Unwrapper(2 ** 32);
    this.#watch = new RateWatch();
    this.#arrivals = undefined;
    this.#timestamps.fill(Number.NaN);
    this.#origin90k = Number.NaN;
    this.last = Number.NaN;
  }

  moveForwards(by90k: Ticks90k): void {
    this.#origin90k += by90k;
  }

  /** Of an unwrapped timestamp. */
  ticksOf(timestamp: number): Ticks90k {
    return this.#arrivals ? this.#arrivalOf(timestamp) : this.#wire90k(timestamp);
  }

  #wire90k(timestamp: number): Ticks90k {
    return this.#origin90k + Math.round(((timestamp - this.#base) * TICKS_PER_SECOND) / this.clockRate);
  }

  /** Of the packet that it came with, or of the nearest one before it and what lies between. */
  #arrivalOf(timestamp: number): Ticks90k {
    let nearest = -1;
    for (const [i, kept] of this.#timestamps.entries())
      if (kept <= timestamp && (nearest < 0 || kept > (this.#timestamps[nearest] as number))) nearest = i;
    if (nearest < 0) nearest = (this.#next + KEPT_TIMES - 1) % KEPT_TIMES;
    const between = ((timestamp - (this.#timestamps[nearest] as number)) * TICKS_PER_SECOND) / this.clockRate;
    return (this.#times[nearest] as number) + Math.round(Math.max(0, between));
  }
}
