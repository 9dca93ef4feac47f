// HEVCDecoderConfigurationRecord, hvcC (ISO/IEC 14496-15 §8.3.3.1): 22 bytes of profile, format and framing, then
// arrays of parameter sets by type. Input comes from outside: every read is bounded.

import { ReelError } from "../../../base/reel-error.js";
import type { VideoConfig } from "../video-config.js";
import { NAL_PPS, NAL_SPS, NAL_VPS } from "./nal.js";
import { badH265Config as bad, type H265Sps, parseH265Sps } from "./sps.js";

/** configurationVersion … numOfArrays. */
export const HVCC_HEADER_BYTES = 23;
export const HVCC_LENGTH_SIZE_INDEX = 21;
const ARRAYS_INDEX = 22;
const ARRAY_COMPLETE = 0x80;
const LENGTH_SIZE_4 = 3;

export interface HvcConfig extends VideoConfig {
  /** Video, sequence and picture parameter sets, in the order of the record. */
  parameterSets: Uint8Array[];
}

/** Parses an hvcC. Throws ReelError `badConfig`. */
export function parseHvcDecoderConfiguration(bytes: Uint8Array): HvcConfig {
  if (bytes.byteLength < HVCC_HEADER_BYTES) bad(`shorter than ${HVCC_HEADER_BYTES} bytes`);
  // Some publishers of the private CodecID 12 write 0.
  if ((bytes[0] ?? 0) > 1) bad(`configurationVersion ${bytes[0]}, expected 1`);
  const nalLengthSize = ((bytes[HVCC_LENGTH_SIZE_INDEX] ?? 0) & 3) + 1;
  if (nalLengthSize === 3) bad("lengthSizeMinusOne 2 is reserved");
  const parameterSets: Uint8Array[] = [];
  const has = new Set<number>();
  let sps: H265Sps | undefined;
  walkArrays(bytes, (type, set) => {
    if (type < NAL_VPS || type > NAL_PPS) return;
    has.add(type);
    parameterSets.push(set);
    if (type === NAL_SPS) sps ??= parseH265Sps(set);
  });
  if (!sps) bad("no sequence parameter set");
  if (!has.has(NAL_VPS)) bad("no video parameter set");
  if (!has.has(NAL_PPS)) bad("no picture parameter set");
  const { width, height, profile, constraints, level, parWidth, parHeight, colour } = sps;
  return { width, height, profile, constraints, level, parWidth, parHeight, colour, nalLengthSize, parameterSets };
}

function walkArrays(bytes: Uint8Array, onSet: (type: number, set: Uint8Array, arrayAt: number) => void): void {
  let at = HVCC_HEADER_BYTES;
  const u16 = (): number => {
    if (at + 2 > bytes.byteLength) bad("ends inside an array");
    at += 2;
    return ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0);
  };
  for (let arrays = bytes[ARRAYS_INDEX] ?? 0; arrays > 0; arrays--) {
    const arrayAt = at;
    const type = (bytes[at++] ?? 0) & 63;
    for (let sets = u16(); sets > 0; sets--) {
      const size = u16();
      if (size === 0 || at + size > bytes.byteLength) bad("a parameter set reaches past the end");
      onSet(type, bytes.subarray(at, at + size), arrayAt);
      at += size;
    }
  }
}

/** Builds an hvcC from parameter sets, as sources without one (MPEG-TS, RTSP) need it. Throws ReelError `badConfig`. */
export function buildHvcDecoderConfiguration(
  vps: readonly Uint8Array[],
  sps: readonly Uint8Array[],
  pps: readonly Uint8Array[],
): Uint8Array {
  const first = sps[0];
  if (!first) bad("no sequence parameter set");
  const { profileTierLevel, chromaFormat, bitDepthLuma, bitDepthChroma, subLayers, isTemporalIdNested } =
    parseH265Sps(first);
  const parts: number[] = [1, ...profileTierLevel];
  parts.push(0xf0, 0); // min_spatial_segmentation_idc 0: not known
  parts.push(0xfc); // parallelismType 0: not known
  parts.push(0xfc | chromaFormat, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8));
  parts.push(0, 0); // avgFrameRate: not known
  parts.push((subLayers << 3) | (isTemporalIdNested ? 4 : 0) | LENGTH_SIZE_4);
  const arrays = [
    [NAL_VPS, vps],
    [NAL_SPS, sps],
    [NAL_PPS, pps],
  ] as const;
  parts.push(arrays.length);
  for (const [type, sets] of arrays) {
    parts.push(ARRAY_COMPLETE | type, sets.length >> 8, sets.length & 255);
    for (const set of sets) parts.push(set.byteLength >> 8, set.byteLength & 255, ...set);
  }
  return Uint8Array.from(parts);
}

/**
 * As the muxers write it: lengths of 4 bytes, version 1, and arrays that are complete, which `hvc1` demands (§8.4.1.1):
 * other parameter sets are another configuration.
 */
export function toHvcRingForm(bytes: Uint8Array): Uint8Array {
  const ringForm = bytes.slice();
  if (ringForm.byteLength < HVCC_HEADER_BYTES) return ringForm;
  ringForm[0] = 1;
  ringForm[HVCC_LENGTH_SIZE_INDEX] = (ringForm[HVCC_LENGTH_SIZE_INDEX] ?? 0) | LENGTH_SIZE_4;
  try {
    walkArrays(ringForm, (type, _set, arrayAt) => {
      if (type >= NAL_VPS && type <= NAL_PPS) ringForm[arrayAt] = (ringForm[arrayAt] ?? 0) | ARRAY_COMPLETE;
    });
  } catch (error) {
    if (!(error instanceof ReelError)) throw error; // `parse` refuses it
  }
  return ringForm;
}
