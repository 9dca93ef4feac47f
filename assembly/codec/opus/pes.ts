// Opus in MPEG-TS ("Opus in MPEG-2 transport streams"): private streams with a registration and an extension
// descriptor; a control header in front of every packet.

import { FLAG_TRACK_START } from "../../../src/abi/frame";
import { STREAM_ID_PRIVATE_1, beginAccessUnit } from "../../container/mpegts/pes";
import { writeSpan } from "../../container/mpegts/packet";
import { putU16, putU32, putU8 } from "../../io/bytes";
import { opusChannelConfigCode, opusPreSkip } from "./head";
import { opusPacketSamples } from "./packet";

export const OPUS_DESCRIPTORS_SIZE: u32 = 10;
/**
 * Its control header fits into the first packet of a PES packet. What an encoder makes has 1275 bytes for each frame.
 */
export const OPUS_MAX_PACKET: u32 = 36 * 1024;
const REGISTRATION_DESCRIPTOR: u32 = 5;
const OPUS_REGISTRATION: u32 = 0x4f707573;
const EXTENSION_DESCRIPTOR: u32 = 0x7f;
const OPUS_EXTENSION: u32 = 0x80;
/** control_header_prefix (11), no trims, no extension. */
const CONTROL_HEADER: u32 = 0x7fe0;
const CONTROL_HEADER_SIZE: u32 = 2;
const START_TRIM_FLAG: u32 = 0x10;
const START_TRIM_SIZE: u32 = 2;
/** Its field has 13 bits. */
const MAX_START_TRIM: u32 = 0x1fff;

export function putOpusDescriptors(at: usize, config: usize): usize {
  at = putU8(at, REGISTRATION_DESCRIPTOR); // descriptor_tag
  at = putU8(at, 4); // descriptor_length
  at = putU32(at, OPUS_REGISTRATION); // format_identifier
  at = putU8(at, EXTENSION_DESCRIPTOR); // descriptor_tag
  at = putU8(at, 2); // descriptor_length
  at = putU8(at, OPUS_EXTENSION); // descriptor_tag_extension
  return putU8(at, opusChannelConfigCode(config)); // channel_config_code
}

/** Most bytes of an access unit in front of what the ring holds of it. */
export function opusPesOverhead(): u32 {
  return CONTROL_HEADER_SIZE + OPUS_MAX_PACKET / 255 + 1 + START_TRIM_SIZE;
}

/** Samples at the packet's front that are not heard: the pre-skip, of the track's first packet as far as it reaches. */
function startTrim(config: usize, payload: usize, size: u32, frameFlags: u32): u32 {
  if ((frameFlags & FLAG_TRACK_START) == 0) return 0;
  return min<u32>(min<u32>(opusPreSkip(config), opusPacketSamples(payload, size)), MAX_START_TRIM);
}

export function writeOpusPes(
  ts: usize,
  at: usize,
  track: u32,
  payload: usize,
  size: u32,
  config: usize,
  frameFlags: u32,
  flags: u32,
  pcr: i64,
  pts: i64,
): usize {
  const trim = startTrim(config, payload, size, frameFlags);
  const headerBytes = CONTROL_HEADER_SIZE + size / 255 + 1 + (trim > 0 ? START_TRIM_SIZE : 0);
  at = beginAccessUnit(ts, at, track, STREAM_ID_PRIVATE_1, flags, pcr, pts, pts, headerBytes + size, headerBytes);
  at = putU16(at, trim > 0 ? CONTROL_HEADER | START_TRIM_FLAG : CONTROL_HEADER);
  let left = size; // au_size
  for (; left >= 255; left -= 255) at = putU8(at, 255);
  at = putU8(at, left);
  if (trim > 0) at = putU16(at, trim); // start_trim
  return writeSpan(ts, at, track, payload, size);
}
