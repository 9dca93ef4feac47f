// Decoding times of the access units of a video stream. A PES packet's times belong to the first access unit that
// begins in it; an access unit without times follows its predecessor, and where a packet holds several pictures its
// time is shared among them.

import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import type { AccessUnit } from "./access-unit.js";

const MAX_MARKS = 256;
const DEFAULT_DURATION_90K = 3600;

export class NalTimes {
  #statistics: DemuxStatistics;
  // Times of the PES packets that begin in the scratch: offset, dts, ctsOffset, whether one is flagged as key.
  #at = new Int32Array(MAX_MARKS);
  #dts = new Float64Array(MAX_MARKS);
  #cts = new Float64Array(MAX_MARKS);
  #isKey = new Uint8Array(MAX_MARKS);
  #count = 0;
  #next = 0;
  #lastDts90k: Ticks90k = Number.NaN;
  /** Of the last access unit that had times of its own, and how many there were from it on. */
  #markedDts90k: Ticks90k = Number.NaN;
  #unitsSinceMark = 1;
  /** Nominal, of one access unit. */
  duration90k: Ticks90k = DEFAULT_DURATION_90K;

  constructor(statistics: DemuxStatistics) {
    this.#statistics = statistics;
  }

  get isFull(): boolean {
    return this.#count === MAX_MARKS;
  }

  /** A PES packet with times begins at an offset of the scratch. */
  mark(at: number, dts90k: Ticks90k, ctsOffset90k: Ticks90k, isFlaggedKey: boolean): void {
    this.#at[this.#count] = at;
    this.#dts[this.#count] = dts90k;
    this.#cts[this.#count] = ctsOffset90k;
    this.#isKey[this.#count] = isFlaggedKey ? 1 : 0;
    this.#count++;
  }

  clear(): void {
    this.#count = 0;
    this.#next = 0;
  }

  /** The scratch has moved to the front by so many bytes. */
  shift(by: number): void {
    let kept = 0;
    for (let i = this.#next; i < this.#count; i++, kept++) {
      this.#at[kept] = Math.max(0, (this.#at[i] as number) - by);
      this.#dts[kept] = this.#dts[i] as number;
      this.#cts[kept] = this.#cts[i] as number;
      this.#isKey[kept] = this.#isKey[i] as number;
    }
    this.#count = kept;
    this.#next = 0;
  }

  /**
   * Gives the access unit that begins at `at` the times of the PES packet in which it begins, where it is the first to
   * do so.
   */
  take(au: AccessUnit, at: number, isAfterLoss: boolean): void {
    const mark = this.#passMarks(at);
    au.isFlaggedKey = mark >= 0 && this.#isKey[mark] === 1;
    if (mark >= 0) {
      au.dts90k = this.#dts[mark] as number;
      au.ctsOffset90k = this.#cts[mark] as number;
      const delta = (au.dts90k - this.#markedDts90k) / this.#unitsSinceMark;
      if (delta > 0 && delta <= TICKS_PER_SECOND && !isAfterLoss) this.duration90k = Math.round(delta);
      this.#markedDts90k = au.dts90k;
      this.#unitsSinceMark = 1;
    } else {
      this.#statistics.derivedTimes++;
      au.dts90k = this.#lastDts90k + this.duration90k;
      au.ctsOffset90k = 0;
      this.#unitsSinceMark++;
    }
    this.#lastDts90k = au.dts90k;
  }

  /** The second field of the same frame begins at `at`: the frame is shown from its earlier field on. */
  takeSecondField(au: AccessUnit, at: number): void {
    const mark = this.#passMarks(at);
    if (mark < 0) return;
    const ctsOffset90k = (this.#dts[mark] as number) + (this.#cts[mark] as number) - au.dts90k;
    // Half a frame apart; anything else is another clock.
    if (Math.abs(ctsOffset90k - au.ctsOffset90k) < TICKS_PER_SECOND)
      au.ctsOffset90k = Math.min(au.ctsOffset90k, ctsOffset90k);
  }

  #passMarks(at: number): number {
    let mark = -1;
    while (this.#next < this.#count && (this.#at[this.#next] as number) <= at) mark = this.#next++;
    return mark;
  }
}
