// Where decoding can start, one rule for all ingests (ISO/IEC 14496-10 D.2.8). Recordings are started and cut there.
//
//   an IDR, a BLA, or a recovery point that takes no frames   always
//   a CRA (open GOP of H.265)                                 but where the last two IDRs were at most 10 s apart, and
//                                                             the last one came within 10 s: such a stream is cut there
//   any recovery point (intra refresh, open GOP)              where no IDR has come for 10 s of media time
//   a picture of intra slices that the container calls key    where neither of them has come for 10 s
//
// A container's key flag alone is not believed: encoders set it on pictures that refer to others.

import type { PictureFacts } from "../media/codec/nal-codec.js";
import { TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";

const PATIENCE_90K = 10 * TICKS_PER_SECOND;

export class RandomAccessRule {
  #last90k: Ticks90k = Number.NaN;
  /** Media time since the last IDR, and since the last IDR or recovery point; from the first picture on. */
  #sinceIdr90k = 0;
  #sincePoint90k = 0;
  /** Between the last two IDRs. */
  #idrDistance90k: Ticks90k = Number.POSITIVE_INFINITY;
  #hasHadIdr = false;

  /** Whether this picture counts. Called once for each picture of a stream, in decoding order. */
  isRandomAccess(facts: PictureFacts, isFlaggedKey: boolean, dts90k: Ticks90k): boolean {
    this.#pass(dts90k);
    if (facts.hasIdr) {
      if (this.#hasHadIdr) this.#idrDistance90k = this.#sinceIdr90k;
      this.#hasHadIdr = true;
      this.#sinceIdr90k = 0;
      this.#sincePoint90k = 0;
      return true;
    }
    if (facts.hasCra) {
      this.#sincePoint90k = 0;
      return this.#idrDistance90k > PATIENCE_90K || this.#sinceIdr90k >= PATIENCE_90K;
    }
    if (facts.recoveryFrames >= 0) {
      this.#sincePoint90k = 0;
      return facts.recoveryFrames === 0 || this.#sinceIdr90k >= PATIENCE_90K;
    }
    return isFlaggedKey && facts.isIntra && this.#sincePoint90k >= PATIENCE_90K;
  }

  /** A jump of the source's clock is no media time. */
  #pass(dts90k: Ticks90k): void {
    const step = dts90k - this.#last90k;
    if (!Number.isNaN(dts90k)) this.#last90k = dts90k;
    if (!(step > 0 && step <= PATIENCE_90K)) return;
    this.#sinceIdr90k += step;
    this.#sincePoint90k += step;
  }
}
