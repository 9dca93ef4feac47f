// What an H.265 access unit consists of (ITU-T H.265 §7.4.2.2, Table 7-1), as h264-picture.ts has it of H.264: the type
// of a NAL unit alone tells whether decoding can start with its picture.

import { H265SliceCheck } from "./h265-slices.js";
import type { NalReading, Picture } from "./picture.js";

const LAST_SLICE = 31;
const BLA_W_LP = 16;
const IDR_N_LP = 20;
const CRA_NUT = 21;
const VPS_NUT = 32;
const SPS_NUT = 33;
const PPS_NUT = 34;
const AUD_NUT = 35;

function typeOf(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 63;
}

function takeNal(picture: Picture, nal: Uint8Array, isFirst: boolean): void {
  const type = typeOf(nal);
  if (type <= LAST_SLICE) picture.hasSlice = true;
  if (type >= BLA_W_LP && type <= IDR_N_LP) picture.isIdr = true;
  else if (type === CRA_NUT) picture.hasRecoveryPoint = true;
  else if (type === VPS_NUT) picture.hasVps = true;
  else if (type === SPS_NUT) picture.hasSps = true;
  else if (type === PPS_NUT) picture.hasPps = true;
  else if (type === AUD_NUT && isFirst) picture.isDelimited = true;
}

export const H265_READING: NalReading = {
  take: takeNal,
  isSps: (nal) => typeOf(nal) === SPS_NUT,
  hasParameterSets: (picture) => picture.hasVps && picture.hasSps && picture.hasPps,
  newSliceCheck: () => new H265SliceCheck(),
};
