// The clock of one RTP track: 32-bit timestamps of its own rate and random start, unwrapped and put on the axis that
// all tracks of a session share (90 kHz). A track is only ever moved forwards, so that its times never go back.

import { TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";

export class RtpTime {
  #unwrapper = new Unwrapper(2 ** 32);
  /** The first timestamp, and where it lies on the axis; NaN until it is placed. */
  #base = 0;
  #origin90k: Ticks90k = Number.NaN;
  /** Unwrapped, of the last packet. */
  last = Number.NaN;

  constructor(readonly clockRate: number) {}

  /** The timestamp of a packet, in the order of packets. */
  unwrap(timestamp: number): number {
    this.last = this.#unwrapper.unwrap(timestamp);
    return this.last;
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
    this.#origin90k = Number.NaN;
    this.last = Number.NaN;
  }

  moveForwards(by90k: Ticks90k): void {
    this.#origin90k += by90k;
  }

  /** Of an unwrapped timestamp. */
  ticksOf(timestamp: number): Ticks90k {
    return this.#origin90k + Math.round(((timestamp - this.#base) * TICKS_PER_SECOND) / this.clockRate);
  }
}
