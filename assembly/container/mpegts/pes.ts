// PES packets, ISO/IEC 13818-1 §2.4.3.6, one access unit each; how a codec lays its access units into them stands in
// its folder (assembly/codec/). Timestamps are 64-bit here and cut to 33 bits only when written.

import { putU8, putU16, putU32 } from "../../io/bytes";
import { beginPes } from "./packet";

/** With PTS and DTS. */
export const PES_MAX_HEADER_SIZE: u32 = 19;
export const STREAM_ID_VIDEO: u32 = 0xe0;
export const STREAM_ID_AUDIO: u32 = 0xc0;
export const STREAM_ID_PRIVATE_1: u32 = 0xbd;
const TIMESTAMP_SIZE: u32 = 5;

/** '0010', '0011' or '0001', then the 33 bits in three parts, a marker_bit behind each. */
function putTimestamp(at: usize, prefix: u32, time90k: i64): usize {
  const t = <u64>time90k;
  at = putU8(at, (prefix << 4) | (<u32>((t >> 30) & 7) << 1) | 1);
  at = putU16(at, (<u32>((t >> 15) & 0x7fff) << 1) | 1);
  return putU16(at, (<u32>(t & 0x7fff) << 1) | 1);
}

/**
 * First transport packet and PES header of an access unit of `bytes`, of which the caller puts the first `prefixBytes`
 * (ADTS, a control header) itself.
 */
export function beginAccessUnit(
  ts: usize,
  at: usize,
  track: u32,
  streamId: u32,
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
  at = putU32(at, 0x100 | streamId); // packet_start_code_prefix, stream_id
  at = putU16(at, packetLength > 0xffff ? 0 : packetLength); // PES_packet_length, 0 = not said (video only)
  at = putU8(at, 0x84); // '10', data_alignment_indicator
  at = putU8(at, pts == dts ? 0x80 : 0xc0); // PTS_DTS_flags
  at = putU8(at, timestamps); // PES_header_data_length
  if (pts == dts) return putTimestamp(at, 2, pts);
  at = putTimestamp(at, 3, pts);
  return putTimestamp(at, 1, dts);
}
