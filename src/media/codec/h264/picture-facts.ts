// What the NAL units of one picture say about random access (ITU-T H.264 §7.3.3, §D.2.8): an IDR, a recovery point and
// how many frames it takes, slices that are all intra. Facts only; RandomAccessRule (src/stream) makes the decision.

import type { PictureFacts } from "../nal-codec.js";
import { readUe, recoveryPointCount } from "../recovery-point.js";
import { NAL_IDR, NAL_PPS, NAL_SEI, NAL_SPS } from "./nal.js";

const NAL_PARTITION_A = 2;
/** recovery_frame_cnt is below MaxFrameNum, which is at most 2^16. */
const MAX_RECOVERY_FRAMES = 65535;

export class H264PictureFacts implements PictureFacts {
  /** Open GOPs have recovery points, and leading pictures no type of their own. */
  readonly hasCra = false;
  readonly isLeading = false;
  readonly isSkippedLeading = false;
  hasNal = false;
  /** A slice, whole or in partitions. NAL units without one are no picture. */
  hasSlice = false;
  hasIdr = false;
  /** recovery_frame_cnt of the recovery point in front of the first slice; -1 = there is none. */
  recoveryFrames = -1;
  /** No slice refers to another picture: slice_type I or SI. */
  isIntra = false;
  /** The access unit brings parameter sets. */
  hasParameterSet = false;

  reset(): void {
    this.hasNal = false;
    this.hasSlice = false;
    this.hasIdr = false;
    this.recoveryFrames = -1;
    this.isIntra = false;
    this.hasParameterSet = false;
  }

  /** Takes the NAL unit [start, end), its header byte included. Allocates nothing. */
  take(bytes: Uint8Array, start: number, end: number): void {
    const type = (bytes[start] ?? 0) & 31;
    this.hasNal = true;
    if (type >= 1 && type <= NAL_IDR) {
      const isIntra = type === NAL_IDR || (type <= NAL_PARTITION_A && isIntraSlice(bytes, start + 1, end));
      // Partitions B and C have no slice type of their own.
      if (type <= NAL_PARTITION_A || type === NAL_IDR) this.isIntra = isIntra && (this.isIntra || !this.hasSlice);
      this.hasSlice = true;
      if (type === NAL_IDR) this.hasIdr = true;
    } else if (type === NAL_SEI) {
      if (!this.hasSlice && this.recoveryFrames < 0) this.recoveryFrames = recoveryFrameCount(bytes, start, end);
    } else if (type === NAL_SPS || type === NAL_PPS) this.hasParameterSet = true;
  }
}

/** slice_type stands behind first_mb_in_slice. So near the front no emulation prevention can occur. */
function isIntraSlice(bytes: Uint8Array, start: number, end: number): boolean {
  const bits = { bytes, bit: start * 8, end: end * 8 };
  if (readUe(bits) < 0) return false;
  const sliceType = readUe(bits) % 5;
  return sliceType === 2 || sliceType === 4;
}

/** recovery_frame_cnt of the recovery point in an SEI NAL unit, its header included; -1 where it has none. */
export function recoveryFrameCount(bytes: Uint8Array, start: number, end: number): number {
  const count = recoveryPointCount(bytes, start + 1, end);
  return count <= MAX_RECOVERY_FRAMES ? count : -1;
}
