// What the NAL units of one H.265 picture say about random access: their types say it all (ITU-T H.265 §7.4.2.2), but
// for intra refresh, which has a recovery point SEI (§D.2.8).

import type { PictureFacts } from "../nal-codec.js";
import { recoveryPointCount } from "../recovery-point.js";
import {
  FIRST_BLA,
  LAST_IDR,
  NAL_CRA,
  NAL_PPS,
  NAL_PREFIX_SEI,
  NAL_RADL_N,
  NAL_RASL_N,
  NAL_RASL_R,
  NAL_VPS,
  nalType,
} from "./nal.js";

const LAST_SLICE = 31;
const HEADER_BYTES = 2;

export class H265PictureFacts implements PictureFacts {
  hasNal = false;
  hasSlice = false;
  hasIdr = false;
  hasCra = false;
  isLeading = false;
  isSkippedLeading = false;
  recoveryFrames = -1;
  isIntra = false;
  hasParameterSet = false;

  reset(): void {
    this.hasNal = false;
    this.hasSlice = false;
    this.hasIdr = false;
    this.hasCra = false;
    this.isLeading = false;
    this.isSkippedLeading = false;
    this.recoveryFrames = -1;
    this.isIntra = false;
    this.hasParameterSet = false;
  }

  take(bytes: Uint8Array, start: number, end: number): void {
    const type = nalType(bytes, start);
    this.hasNal = true;
    if (type <= NAL_RASL_R || (type >= FIRST_BLA && type < LAST_SLICE)) this.#takeSlice(type);
    else if (type >= NAL_VPS && type <= NAL_PPS) this.hasParameterSet = true;
    else if (type === NAL_PREFIX_SEI && !this.hasSlice && this.recoveryFrames < 0)
      this.recoveryFrames = recoveryFrames(recoveryPointCount(bytes, start + HEADER_BYTES, end));
  }

  #takeSlice(type: number): void {
    this.hasSlice = true;
    if (type >= FIRST_BLA && type <= LAST_IDR) this.hasIdr = true;
    else if (type === NAL_CRA) this.hasCra = true;
    // All slices of a random access point are intra (§7.4.2.2).
    this.isIntra = this.hasIdr || this.hasCra;
    this.isLeading = type >= NAL_RADL_N && type <= NAL_RASL_R;
    this.isSkippedLeading = type >= NAL_RASL_N && type <= NAL_RASL_R;
  }
}

/** recovery_poc_cnt is se(v) where H.264 has ue(v): 0, 1, −1, 2 … What is not behind the point takes no frames. */
function recoveryFrames(code: number): number {
  return code < 0 ? -1 : code % 2 === 1 ? (code + 1) / 2 : 0;
}
