// Tags with the extended headers of Enhanced RTMP v2: for codecs that FLV 10.1 has no number for, and for every track
// of a kind but the first, which says its number as a multitrack message of one track. FFmpeg 6.1 and later, OBS and
// current players read the headers; FFmpeg 7.1 and later the tracks.
//
//   video: | 1, frame type 3, packet type 4 | FourCC | (composition time SI24) | data |
//   audio: | 9, packet type | FourCC | data |
//   a further track: | 1, frame type 3, Multitrack | OneTrack, packet type | FourCC | track id | (SI24) | data |

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_AUDIO, TAG_VIDEO } from "../container/flv/tag";
import { putBytes, putU24, putU32, putU8 } from "../io/bytes";

/** Packet type and FourCC. */
export const EX_PREFIX_SIZE: u32 = 5;
export const COMPOSITION_TIME_SIZE: u32 = 3;
/** Multitrack type and track id. */
export const MULTITRACK_SIZE: u32 = 2;
const EX_VIDEO: u32 = 0x80;
const EX_AUDIO: u32 = 0x90;
const KEY_FRAME: u32 = 1;
const INTER_FRAME: u32 = 2;
const SEQUENCE_START: u32 = 0;
const CODED_FRAMES: u32 = 1;
const VIDEO_MULTITRACK: u32 = 6;
const AUDIO_MULTITRACK: u32 = 5;
const ONE_TRACK: u32 = 0;
const MAX_COMPOSITION_TIME: i64 = 0x7fffff;

/** Of a tag without a composition time. `trackId` 0: the first track of its kind, which says no number. */
// @ts-ignore: decorator
@inline
export function exPrefixSize(trackId: u32): u32 {
  return trackId == 0 ? EX_PREFIX_SIZE : EX_PREFIX_SIZE + MULTITRACK_SIZE;
}

function putExVideoHead(at: usize, packetType: u32, isRandomAccess: bool, fourCc: u32, trackId: u32): usize {
  const first = EX_VIDEO | ((isRandomAccess ? KEY_FRAME : INTER_FRAME) << 4); // VideoFrameType
  return putExHead(at, first, VIDEO_MULTITRACK, packetType, fourCc, trackId);
}

function putExHead(at: usize, first: u32, multitrack: u32, packetType: u32, fourCc: u32, trackId: u32): usize {
  if (trackId == 0) return putU32(putU8(at, first | packetType), fourCc);
  at = putU8(at, first | multitrack); // packet type Multitrack
  at = putU8(at, (ONE_TRACK << 4) | packetType); // AvMultitrackType, packet type
  at = putU32(at, fourCc);
  return putU8(at, trackId);
}

/** The tag up to its data, of which there are `bytes`; `endTag` ends it. */
export function beginExVideoSequenceStart(
  at: usize,
  fourCc: u32,
  trackId: u32,
  bytes: u32,
  timestampMs: i64,
): usize {
  at = putTagHeader(at, TAG_VIDEO, exPrefixSize(trackId) + bytes, timestampMs);
  return putExVideoHead(at, SEQUENCE_START, true, fourCc, trackId);
}

/** `bytes` of the configuration. */
export function putExVideoSequenceStart(
  at: usize,
  fourCc: u32,
  trackId: u32,
  config: usize,
  bytes: u32,
  timestampMs: i64,
): usize {
  const tag = at;
  at = beginExVideoSequenceStart(at, fourCc, trackId, bytes, timestampMs);
  return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes));
}

/** Of a codec whose frames have a composition time. */
export function putExTimedVideoTag(
  at: usize,
  fourCc: u32,
  trackId: u32,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
  compositionMs: i64,
): usize {
  const tag = at;
  const composition = min<i64>(max<i64>(compositionMs, -MAX_COMPOSITION_TIME), MAX_COMPOSITION_TIME);
  at = putTagHeader(at, TAG_VIDEO, exPrefixSize(trackId) + COMPOSITION_TIME_SIZE + bytes, timestampMs);
  at = putExVideoHead(at, CODED_FRAMES, isRandomAccess, fourCc, trackId);
  at = putU24(at, <u32>composition); // CompositionTimeOffset
  return endTag(tag, putBytes(at, payload, bytes));
}

/** Of a codec whose frames have none: they are shown when they are decoded. */
export function putExVideoTag(
  at: usize,
  fourCc: u32,
  trackId: u32,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
): usize {
  const tag = at;
  at = putTagHeader(at, TAG_VIDEO, exPrefixSize(trackId) + bytes, timestampMs);
  at = putExVideoHead(at, CODED_FRAMES, isRandomAccess, fourCc, trackId);
  return endTag(tag, putBytes(at, payload, bytes));
}

/** FLAC's configuration stands behind its stream's magic number. */
export const FLAC_MAGIC_SIZE: u32 = 4;

/** `magic`: four letters in front of the configuration, 0 = none. */
export function putExAudioSequenceStart(
  at: usize,
  fourCc: u32,
  trackId: u32,
  magic: u32,
  config: usize,
  timestampMs: i64,
): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  const magicBytes = magic != 0 ? FLAC_MAGIC_SIZE : 0;
  at = putTagHeader(at, TAG_AUDIO, exPrefixSize(trackId) + magicBytes + bytes, timestampMs);
  at = putExHead(at, EX_AUDIO, AUDIO_MULTITRACK, SEQUENCE_START, fourCc, trackId);
  if (magic != 0) at = putU32(at, magic);
  return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes));
}

export function putExAudioTag(
  at: usize,
  fourCc: u32,
  trackId: u32,
  payload: usize,
  bytes: u32,
  timestampMs: i64,
): usize {
  const tag = at;
  at = putTagHeader(at, TAG_AUDIO, exPrefixSize(trackId) + bytes, timestampMs);
  at = putExHead(at, EX_AUDIO, AUDIO_MULTITRACK, CODED_FRAMES, fourCc, trackId);
  return endTag(tag, putBytes(at, payload, bytes));
}
