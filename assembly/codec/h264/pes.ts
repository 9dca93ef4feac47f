// H.264 in MPEG-TS goes out as Annex B: an access unit delimiter (ISO/IEC 13818-1 §2.14.1), the parameter sets where
// decoding can start, then the NAL units with start codes for lengths.

import { beginAccessUnit, STREAM_ID_VIDEO } from "../../container/mpegts/pes";
import { writeSpan } from "../../container/mpegts/packet";
import { writeNal } from "../annex-b";
import { NAL_LENGTH_SIZE, nalSizeAt } from "../nal-lengths";
import {
  AU_HAS_IDR,
  AU_HAS_PPS,
  AU_HAS_SPS,
  NAL_AUD,
  nalType,
  nextParameterSet,
  parameterSetSize,
  parameterSetsSize,
} from "./nal";

/** access_unit_delimiter_rbsp with primary_pic_type 7: any slice. */
const AUD = memory.data<u8>([0, 0, 0, 1, 9, 0xf0]);
const AUD_SIZE: u32 = 6;

/** Most bytes of an access unit in front of what the ring holds of it. */
export function h264PesOverhead(config: usize): u32 {
  return AUD_SIZE + parameterSetsSize(config);
}

/**
 * True where the configuration's parameter sets go in front: decoding can start here and the access unit does not bring
 * its own.
 */
// @ts-ignore: decorator
@inline
function wantsParameterSets(has: u32, isRandomAccess: bool): bool {
  const brings = (has & (AU_HAS_SPS | AU_HAS_PPS)) == (AU_HAS_SPS | AU_HAS_PPS);
  return (isRandomAccess || (has & AU_HAS_IDR) != 0) && !brings;
}

/** `scan` is what scanAccessUnit found, and not empty. */
export function writeH264Pes(
  ts: usize,
  at: usize,
  track: u32,
  payload: usize,
  size: u32,
  config: usize,
  scan: u64,
  isRandomAccess: bool,
  flags: u32,
  pcr: i64,
  pts: i64,
  dts: i64,
): usize {
  const withSets = wantsParameterSets(<u32>(scan >> 32), isRandomAccess);
  const bytes = AUD_SIZE + (withSets ? parameterSetsSize(config) : 0) + <u32>scan;
  at = beginAccessUnit(ts, at, track, STREAM_ID_VIDEO, flags, pcr, pts, dts, bytes, 0);
  at = writeSpan(ts, at, track, AUD, AUD_SIZE);
  if (withSets) {
    for (let set = nextParameterSet(config, 0); set != 0; set = nextParameterSet(config, set)) {
      at = writeNal(ts, at, track, set, parameterSetSize(set));
    }
  }
  const end = payload + size;
  let nal = payload;
  for (let nalSize = nalSizeAt(nal, end); nalSize >= 0; nalSize = nalSizeAt(nal, end)) {
    nal += NAL_LENGTH_SIZE;
    // The source's own delimiters are replaced by ours.
    if (nalSize > 0 && nalType(nal) != NAL_AUD) at = writeNal(ts, at, track, nal, nalSize);
    nal += nalSize;
  }
  return at;
}
