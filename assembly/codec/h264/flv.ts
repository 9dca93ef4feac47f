// H.264 in FLV: VIDEODATA with an AVCVIDEOPACKET, Adobe FLV 10.1 §E.4.3; with extended headers where it is not the
// first video.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_VIDEO } from "../../container/flv/tag";
import { putBytes, putU24, putU8 } from "../../io/bytes";
import { beginExVideoSequenceStart } from "../flv-extended";
import { AVC1 } from "./sample-entry";

export const CODEC_ID_AVC: u32 = 7;
export const AVC_PREFIX_SIZE: u32 = 5;
const KEY_FRAME: u32 = 1;
const INTER_FRAME: u32 = 2;
const SEQUENCE_HEADER: u32 = 0;
const NAL_UNITS: u32 = 1;
const MAX_COMPOSITION_TIME: i64 = 0x7fffff;

export function putAvcSequenceHeader(at: usize, config: usize, timestampMs: i64): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  at = putTagHeader(at, TAG_VIDEO, AVC_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, (KEY_FRAME << 4) | CODEC_ID_AVC);
  at = putU8(at, SEQUENCE_HEADER); // AVCPacketType
  at = putU24(at, 0); // CompositionTime
  return endTag(tag, putAvcC(at, config, bytes));
}

export function putExAvcSequenceStart(at: usize, trackId: u32, config: usize, timestampMs: i64): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  at = beginExVideoSequenceStart(at, AVC1, trackId, bytes, timestampMs);
  return endTag(tag, putAvcC(at, config, bytes));
}

function putAvcC(at: usize, config: usize, bytes: u32): usize {
  const avcC = at;
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, bytes); // AVCDecoderConfigurationRecord
  // lengthSizeMinusOne: the source's lengths may be shorter, those in the ring have four bytes.
  if (bytes > 4) store<u8>(avcC, load<u8>(avcC, 4) | 3, 4);
  return at;
}

export function putAvcTag(
  at: usize,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
  compositionMs: i64,
): usize {
  const tag = at;
  const composition = min<i64>(max<i64>(compositionMs, -MAX_COMPOSITION_TIME), MAX_COMPOSITION_TIME);
  at = putTagHeader(at, TAG_VIDEO, AVC_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, ((isRandomAccess ? KEY_FRAME : INTER_FRAME) << 4) | CODEC_ID_AVC);
  at = putU8(at, NAL_UNITS); // AVCPacketType
  at = putU24(at, <u32>composition); // CompositionTime
  return endTag(tag, putBytes(at, payload, bytes));
}
