// What an H.264 access unit consists of (ITU-T H.264 §7.4.1, Table 7-1). Where decoding can start is said by an IDR, by
// a recovery point SEI, or by slices that are all intra.

import { H264SliceCheck } from "./h264-slices.js";
import type { NalReading, Picture } from "./picture.js";

const NAL_SLICE = 1;
const NAL_PARTITION_A = 2;
const NAL_IDR = 5;
const NAL_SEI = 6;
const NAL_SPS = 7;
const NAL_PPS = 8;
const NAL_AUD = 9;
const SEI_RECOVERY_POINT = 6;

export const H264_READING: NalReading = {
  take: takeNal,
  isSps: (nal) => ((nal[0] ?? 0) & 31) === NAL_SPS,
  hasParameterSets: (picture) => picture.hasSps && picture.hasPps,
  newSliceCheck: () => new H264SliceCheck(),
};

function takeNal(picture: Picture, nal: Uint8Array, isFirst: boolean): void {
  const type = (nal[0] ?? 0) & 31;
  if (type === NAL_SLICE || type === NAL_PARTITION_A)
    picture.isIntra = (picture.isIntra || !picture.hasSlice) && isIntraSlice(nal);
  if (type >= NAL_SLICE && type <= NAL_IDR) picture.hasSlice = true;
  if (type === NAL_IDR) picture.isIdr = true;
  else if (type === NAL_SPS) picture.hasSps = true;
  else if (type === NAL_PPS) picture.hasPps = true;
  else if (type === NAL_AUD && isFirst) picture.isDelimited = true;
  else if (type === NAL_SEI && !picture.hasRecoveryPoint)
    picture.hasRecoveryPoint = holdsRecoveryPoint(nal.subarray(1));
}

/** slice_header(), §7.3.3: first_mb_in_slice, then slice_type, of which 2, 4, 7 and 9 are intra. */
function isIntraSlice(nal: Uint8Array): boolean {
  let bits = "";
  for (const byte of nal.subarray(1, 9)) bits += byte.toString(2).padStart(8, "0");
  const codes = /^(0*)1/.exec(bits);
  const second = codes && bits.slice(2 * (codes[1] ?? "").length + 1);
  const zeros = second ? second.indexOf("1") : -1;
  if (!second || zeros < 0 || zeros > 3) return false;
  const sliceType = Number.parseInt(second.slice(zeros, 2 * zeros + 1), 2) - 1;
  return sliceType % 5 === 2 || sliceType % 5 === 4;
}

/** sei_message() after sei_message(), §7.3.2.3.1: type and size, each a run of 255 and a last byte. */
function holdsRecoveryPoint(rbsp: Uint8Array): boolean {
  let at = 0;
  const readValue = (): number => {
    let value = 0;
    while (rbsp[at] === 255) {
      value += 255;
      at++;
    }
    return value + (rbsp[at++] ?? 0);
  };
  while (at + 2 < rbsp.byteLength) {
    if (readValue() === SEI_RECOVERY_POINT) return true;
    at += readValue();
  }
  return false;
}
