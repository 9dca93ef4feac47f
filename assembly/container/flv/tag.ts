// FLV file header and tags, Adobe Flash Video File Format Specification 10.1, Annex E.
//
//   | FLV header 9 | PreviousTagSize0 | tag: header 11, body | PreviousTagSize | tag …
//
// Times are milliseconds of 32 bits, 24 and 8 more; they are cut to that only when written.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame";
import { putBytes, putU24, putU32, putU8 } from "../../io/bytes";

/** FLV header and PreviousTagSize0: where the first tag lies. */
export const FILE_HEADER_SIZE: u32 = 13;
export const TAG_HEADER_SIZE: u32 = 11;
export const PREVIOUS_TAG_SIZE: u32 = 4;
/** DataSize has 24 bits. */
export const MAX_BODY_SIZE: u32 = 0xffffff;

export const TAG_AUDIO: u32 = 8;
export const TAG_VIDEO: u32 = 9;
export const TAG_SCRIPT: u32 = 18;

const KEY_FRAME: u32 = 1;
const INTER_FRAME: u32 = 2;
const CODEC_ID_AVC: u32 = 7;
/** SoundFormat AAC, 44 kHz, 16 bit, stereo: the fixed values for AAC, whatever the stream is (E.4.2.1). */
const AUDIO_FLAGS: u32 = 0xaf;
const SEQUENCE_HEADER: u32 = 0;
const RAW: u32 = 1;
export const VIDEO_PREFIX_SIZE: u32 = 5;
export const AUDIO_PREFIX_SIZE: u32 = 2;
const MAX_COMPOSITION_TIME: i64 = 0x7fffff;

/** `tracks`: bit per TRACK_*. */
export function putFileHeader(at: usize, tracks: u32): usize {
  const hasAudio: u32 = (tracks >> TRACK_AUDIO) & 1;
  const hasVideo: u32 = (tracks >> TRACK_VIDEO) & 1;
  at = putU32(at, 0x464c5601); // Signature "FLV", Version
  at = putU8(at, (hasAudio << 2) | hasVideo); // TypeFlagsAudio, TypeFlagsVideo
  at = putU32(at, 9); // DataOffset
  return putU32(at, 0); // PreviousTagSize0
}

// @ts-ignore: decorator
@inline
export function putTagHeader(at: usize, type: u32, bodyBytes: u32, timestampMs: i64): usize {
  at = putU8(at, type); // TagType
  at = putU24(at, bodyBytes); // DataSize
  at = putU24(at, <u32>timestampMs); // Timestamp
  at = putU8(at, <u32>timestampMs >> 24); // TimestampExtended
  return putU24(at, 0); // StreamID
}

/** PreviousTagSize behind the tag that begins at `tag`. */
// @ts-ignore: decorator
@inline
export function endTag(tag: usize, at: usize): usize {
  return putU32(at, <u32>(at - tag));
}

/** Nearest millisecond, so that what came in whole milliseconds goes out unchanged. */
// @ts-ignore: decorator
@inline
export function toMs(time90k: i64): i64 {
  const shifted = time90k + 45;
  return shifted >= 0 ? shifted / 90 : -((89 - shifted) / 90);
}

export function sequenceHeaderSize(config: usize): u32 {
  return TAG_HEADER_SIZE + VIDEO_PREFIX_SIZE + load<u32>(config, CONFIG_BYTES_SIZE_OFFSET) + PREVIOUS_TAG_SIZE;
}

export function putSequenceHeader(at: usize, track: u32, config: usize, timestampMs: i64): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  if (track == TRACK_AUDIO) {
    at = putTagHeader(at, TAG_AUDIO, AUDIO_PREFIX_SIZE + bytes, timestampMs);
    at = putU8(at, AUDIO_FLAGS);
    at = putU8(at, SEQUENCE_HEADER); // AACPacketType
    return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes)); // AudioSpecificConfig
  }
  at = putTagHeader(at, TAG_VIDEO, VIDEO_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, (KEY_FRAME << 4) | CODEC_ID_AVC);
  at = putU8(at, SEQUENCE_HEADER); // AVCPacketType
  at = putU24(at, 0); // CompositionTime
  const avcC = at;
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, bytes); // AVCDecoderConfigurationRecord
  // lengthSizeMinusOne: the source's lengths may be shorter, those in the ring have four bytes.
  if (bytes > 4) store<u8>(avcC, load<u8>(avcC, 4) | 3, 4);
  return endTag(tag, at);
}

export function putVideoTag(
  at: usize,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
  compositionMs: i64,
): usize {
  const tag = at;
  const composition = min<i64>(max<i64>(compositionMs, -MAX_COMPOSITION_TIME), MAX_COMPOSITION_TIME);
  at = putTagHeader(at, TAG_VIDEO, VIDEO_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, ((isRandomAccess ? KEY_FRAME : INTER_FRAME) << 4) | CODEC_ID_AVC);
  at = putU8(at, RAW); // AVCPacketType: NAL units
  at = putU24(at, <u32>composition); // CompositionTime
  return endTag(tag, putBytes(at, payload, bytes));
}

export function putAudioTag(at: usize, payload: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  at = putTagHeader(at, TAG_AUDIO, AUDIO_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, AUDIO_FLAGS);
  at = putU8(at, RAW); // AACPacketType
  return endTag(tag, putBytes(at, payload, bytes));
}
