// Decoding times for pictures that come with times of presentation alone, as in RTP. A stream whose pictures are shown
// up to n places later than they are decoded (max_num_reorder_frames) has as the decoding time of each picture the
// smallest of the last n + 1 times of presentation: no picture is shown before it is decoded, and times rise.
//
//   decoded   I0 P3 B1 B2 P6 …       n = 2, d the duration of a picture
//   shown      0  3  1  2  6
//   DTS       -2d -d  0  1  2 …

import { TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";

const MAX_REORDER = 16;
const DEFAULT_DURATION_90K = 3600;

export class DecodeTimes {
  /** Nominal, of one picture. */
  duration90k: Ticks90k = DEFAULT_DURATION_90K;
  #depth = 0;
  /** As many times of presentation as the order has places, the smallest first. */
  readonly #window: Ticks90k[] = [];
  #last90k: Ticks90k = Number.NaN;
  #lastPts90k: Ticks90k = Number.NaN;
  #newestPts90k: Ticks90k = Number.NEGATIVE_INFINITY;
  /** Pictures in a row whose decoding time went back. */
  #contradictions = 0;

  get depth(): number {
    return this.#depth;
  }

  /** Places by which the order of decoding and that of presentation differ; it only grows. */
  deepen(depth: number): void {
    this.#depth = Math.min(MAX_REORDER, Math.max(this.#depth, depth));
  }

  /** The decoding time of the next picture. It goes back only where the clock, or the depth, is wrong. */
  next(pts90k: Ticks90k): Ticks90k {
    this.#forgetJump(pts90k);
    this.#learnDepth(pts90k);
    const dts90k = this.#smallest(pts90k);
    const step = dts90k - this.#last90k;
    if (step > 0 && step <= TICKS_PER_SECOND) this.duration90k = step;
    if (step < 0) this.#contradictions++;
    this.#last90k = dts90k;
    this.#lastPts90k = pts90k;
    return dts90k;
  }

  /** Pictures are missing: those behind the gap are decoded as late behind it as the first ones were. */
  forgetOrder(): void {
    this.#window.length = 0;
    this.#last90k = Number.NaN;
  }

  #smallest(pts90k: Ticks90k): Ticks90k {
    if (this.#depth === 0) return pts90k;
    const window = this.#window;
    // Pictures that were never there: shown one duration apart.
    while (window.length < this.#depth) window.unshift((window[0] ?? pts90k) - this.duration90k);
    let at = window.length;
    while (at > 0 && (window[at - 1] as number) > pts90k) at--;
    window.splice(at, 0, pts90k);
    return window.shift() as number;
  }

  /** A clock that jumps takes the order with it. */
  #forgetJump(pts90k: Ticks90k): void {
    const longest = Math.max(TICKS_PER_SECOND, 2 * (this.#depth + 2) * this.duration90k);
    if (!(Math.abs(pts90k - this.#lastPts90k) > longest)) return;
    this.#window.length = 0;
    this.#newestPts90k = Number.NEGATIVE_INFINITY;
    this.#last90k = Number.NaN;
    this.#contradictions = 0;
  }

  /**
   * A parameter set that says nothing of the order, or too little: pictures went back, and then on past all before
   * them. A clock that only goes back does not do that.
   */
  #learnDepth(pts90k: Ticks90k): void {
    if (pts90k <= this.#newestPts90k) return;
    this.#newestPts90k = pts90k;
    if (this.#contradictions > 0 && this.#contradictions <= MAX_REORDER) this.deepen(this.#depth + 1);
    this.#contradictions = 0;
  }
}
