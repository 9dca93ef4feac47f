// PES packets, ISO/IEC 13818-1 §2.4.3.6, one access unit each. H.264 goes out as Annex B: an access unit delimiter
// (§2.14.1), the parameter sets where decoding can start, then the NAL units with start codes for lengths. AAC goes out
// with an ADTS header. Timestamps are 64-bit here and cut to 33 bits only when written.

import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame";
import { ADTS_HEADER_SIZE, putAdtsHeader } from "../../codec/adts";
import {
  AU_HAS_IDR,
  AU_HAS_PPS,
  AU_HAS_SPS,
  NAL_AUD,
  NAL_LENGTH_SIZE,
  nalSizeAt,
  nalType,
  nextParameterSet,
  parameterSetSize,
  parameterSetsSize,
} from "../../codec/avc";
import { putU8, putU16, putU32 } from "../../io/bytes";
import { beginPes, writeSpan } from "./packet";

/** With PTS and DTS. */
export const PES_MAX_HEADER_SIZE: u32 = 19;
const STREAM_ID_VIDEO: u32 = 0xe0;
const STREAM_ID_AUDIO: u32 = 0xc0;
const TIMESTAMP_SIZE: u32 = 5;
/** access_unit_delimiter_rbsp with primary_pic_type 7: any slice. */
const AUD = memory.data<u8>([0, 0, 0, 1, 9, 0xf0]);
const AUD_SIZE: u32 = 6;
/** As long as the length field it stands for. */
const START_CODE = memory.data<u8>([0, 0, 0, 1]);
const START_CODE_SIZE: u32 = 4;

/** '0010', '0011' or '0001', then the 33 bits in three parts, a marker_bit behind each. */
function putTimestamp(at: usize, prefix: u32, time90k: i64): usize {
  const t = <u64>time90k;
  at = putU8(at, (prefix << 4) | (<u32>((t >> 30) & 7) << 1) | 1);
  at = putU16(at, (<u32>((t >> 15) & 0x7fff) << 1) | 1);
  return putU16(at, (<u32>(t & 0x7fff) << 1) | 1);
}

/**
 * First transport packet and PES header of an access unit of `bytes`, of which the caller puts the first `prefixBytes`
 * (ADTS) itself.
 */
function beginAccessUnit(
  ts: usize,
  at: usize,
  track: u32,
  flags: u32,
  pcr: i64,
  pts: i64,
  dts: i64,
  bytes: u32,
  prefixBytes: u32,
): usize {
  const timestamps = pts == dts ? TIMESTAMP_SIZE : 2 * TIMESTAMP_SIZE;
  const headerBytes = 9 + timestamps;
  const packetLength = bytes + headerBytes - 6;
  at = beginPes(ts, at, track, flags, pcr, headerBytes + bytes, headerBytes + prefixBytes);
  // packet_start_code_prefix, stream_id
  at = putU32(at, 0x100 | (track == TRACK_VIDEO ? STREAM_ID_VIDEO : STREAM_ID_AUDIO));
  at = putU16(at, packetLength > 0xffff ? 0 : packetLength); // PES_packet_length, 0 = not said (video only)
  at = putU8(at, 0x84); // '10', data_alignment_indicator
  at = putU8(at, pts == dts ? 0x80 : 0xc0); // PTS_DTS_flags
  at = putU8(at, timestamps); // PES_header_data_length
  if (pts == dts) return putTimestamp(at, 2, pts);
  at = putTimestamp(at, 3, pts);
  return putTimestamp(at, 1, dts);
}

/**
 * True where the configuration's parameter sets go in front: decoding can start here and the access unit does not bring
 * its own.
 */
// @ts-ignore: decorator
@inline
function wantsParameterSets(has: u32, isRandomAccess: bool): bool {
  return (isRandomAccess || (has & AU_HAS_IDR) != 0) && (has & (AU_HAS_SPS | AU_HAS_PPS)) != (AU_HAS_SPS | AU_HAS_PPS);
}

// @ts-ignore: decorator
@inline
function writeNal(ts: usize, at: usize, nal: usize, size: u32): usize {
  at = writeSpan(ts, at, TRACK_VIDEO, START_CODE, START_CODE_SIZE);
  return writeSpan(ts, at, TRACK_VIDEO, nal, size);
}

/** `scan` is what scanAccessUnit found, and not empty. */
export function writeVideoPes(
  ts: usize,
  at: usize,
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
  at = beginAccessUnit(ts, at, TRACK_VIDEO, flags, pcr, pts, dts, bytes, 0);
  at = writeSpan(ts, at, TRACK_VIDEO, AUD, AUD_SIZE);
  if (withSets) {
    for (let set = nextParameterSet(config, 0); set != 0; set = nextParameterSet(config, set)) at = writeNal(ts, at, set, parameterSetSize(set));
  }
  const end = payload + size;
  let nal = payload;
  for (let nalSize = nalSizeAt(nal, end); nalSize >= 0; nalSize = nalSizeAt(nal, end)) {
    nal += NAL_LENGTH_SIZE;
    // The source's own delimiters are replaced by ours.
    if (nalSize > 0 && nalType(nal) != NAL_AUD) at = writeNal(ts, at, nal, nalSize);
    nal += nalSize;
  }
  return at;
}

export function writeAudioPes(
  ts: usize,
  at: usize,
  payload: usize,
  size: u32,
  config: usize,
  flags: u32,
  pcr: i64,
  time: i64,
): usize {
  at = beginAccessUnit(ts, at, TRACK_AUDIO, flags, pcr, time, time, ADTS_HEADER_SIZE + size, ADTS_HEADER_SIZE);
  at = putAdtsHeader(at, config, payload, size);
  return writeSpan(ts, at, TRACK_AUDIO, payload, size);
}

/** Most bytes of an access unit in front of what the ring holds of it. */
export function accessUnitOverhead(track: u32, config: usize): u32 {
  return track == TRACK_VIDEO ? AUD_SIZE + parameterSetsSize(config) : ADTS_HEADER_SIZE;
}
