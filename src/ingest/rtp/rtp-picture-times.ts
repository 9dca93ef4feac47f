// Times of the pictures of one RTP track: that of the packet in which its first slice began is the time at which a
// picture is shown; when it is decoded follows from the order that the parameter sets allow (decode-times.ts).

import { TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import type { AccessUnit } from "../mpegts/access-unit.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import type { PictureTimes } from "../nal-pictures.js";
import { DecodeTimes } from "./decode-times.js";
import type { RtpTime } from "./rtp-time.js";

export class RtpPictureTimes implements PictureTimes {
  readonly #time: RtpTime;
  readonly #sets: NalParameterSets;
  readonly #order = new DecodeTimes();
  /** Of the access unit under way, and of a first field before it: where they begin, and their timestamps. */
  readonly #at = [0, 0];
  readonly #timestamp = [Number.NaN, Number.NaN];

  constructor(time: RtpTime, sets: NalParameterSets) {
    this.#time = time;
    this.#sets = sets;
  }

  get duration90k(): Ticks90k {
    return this.#order.duration90k;
  }

  mark(at: number, timestamp: number): void {
    this.#at[0] = this.#at[1] as number;
    this.#timestamp[0] = this.#timestamp[1] as number;
    this.#at[1] = at;
    this.#timestamp[1] = timestamp;
  }

  /** The scratch has moved to the front by so many bytes. */
  shift(by: number): void {
    for (const i of [0, 1]) this.#at[i] = (this.#at[i] as number) - by;
  }

  take(au: AccessUnit, at: number, isAfterLoss: boolean): void {
    const pts90k = this.#ticksAt(at);
    if (isAfterLoss) this.#order.forgetOrder();
    this.#order.deepen(this.#sets.reorderFrames ?? 0);
    au.isFlaggedKey = false;
    au.dts90k = this.#order.next(pts90k);
    au.ctsOffset90k = pts90k - au.dts90k;
  }

  takeSecondField(au: AccessUnit, at: number): void {
    const ctsOffset90k = this.#ticksAt(at) - au.dts90k;
    // Half a frame apart; anything else is another clock.
    if (Math.abs(ctsOffset90k - au.ctsOffset90k) < TICKS_PER_SECOND)
      au.ctsOffset90k = Math.max(0, Math.min(au.ctsOffset90k, ctsOffset90k));
  }

  #ticksAt(at: number): Ticks90k {
    const which = this.#at[0] === at && !Number.isNaN(this.#timestamp[0] as number) && this.#at[1] !== at ? 0 : 1;
    return this.#time.ticksOf(this.#timestamp[which] as number);
  }
}
