// H.265 in MPEG-TS goes out as Annex B: an access unit delimiter (ISO/IEC 13818-1 §2.17.1), the parameter sets where
// decoding can start, then the NAL units with start codes for lengths.

import { writeSpan } from "../../container/mpegts/packet";
import { beginAccessUnit, STREAM_ID_VIDEO } from "../../container/mpegts/pes";
import { writeNal } from "../annex-b";
import { NAL_LENGTH_SIZE, nalSizeAt } from "../nal-lengths";
import {
  AU_HAS_PPS,
  AU_HAS_RANDOM_ACCESS,
  AU_HAS_SPS,
  AU_HAS_VPS,
  h265ParameterSetsSize,
  NAL_AUD,
  nalType,
  nextH265ParameterSet,
  parameterSetSize,
} from "./nal";

/** access_unit_delimiter_rbsp with pic_type 2: any slice. */
const AUD = memory.data<u8>([0, 0, 0, 1, 0x46, 1, 0x50]);
const AUD_SIZE: u32 = 7;
const ALL_SETS: u32 = AU_HAS_VPS | AU_HAS_SPS | AU_HAS_PPS;

/** Most bytes of an access unit in front of what the ring holds of it. */
export function h265PesOverhead(config: usize): u32 {
  return AUD_SIZE + h265ParameterSetsSize(config);
}

/** `scan` is what scanH265AccessUnit found, and not empty. */
export function writeH265Pes(
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
  const has = <u32>(scan >> 32);
  // Decoding can start here, and the access unit does not bring its own.
  const withSets = (isRandomAccess || (has & AU_HAS_RANDOM_ACCESS) != 0) && (has & ALL_SETS) != ALL_SETS;
  const bytes = AUD_SIZE + (withSets ? h265ParameterSetsSize(config) : 0) + <u32>scan;
  at = beginAccessUnit(ts, at, track, STREAM_ID_VIDEO, flags, pcr, pts, dts, bytes, 0);
  at = writeSpan(ts, at, track, AUD, AUD_SIZE);
  if (withSets) {
    for (let set = nextH265ParameterSet(config, 0); set != 0; set = nextH265ParameterSet(config, set)) {
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
