// Tags with the extended headers of Enhanced RTMP v2, one track each: for codecs that FLV 10.1 has no number for.
// FFmpeg 6.1 and later, OBS and current players read them.
//
//   video: | 1, frame type 3, packet type 4 | FourCC | (composition time SI24) | data |      audio: | 9, packet type | FourCC | data |

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_AUDIO, TAG_VIDEO } from "../container/flv/tag";
import { putBytes, putU24, putU32, putU8 } from "../io/bytes";

export const EX_PREFIX_SIZE: u32 = 5;
export const EX_TIMED_PREFIX_SIZE: u32 = 8;
const EX_VIDEO: u32 = 0x80;
const EX_AUDIO: u32 = 0x90;
const KEY_FRAME: u32 = 1;
const INTER_FRAME: u32 = 2;
const SEQUENCE_START: u32 = 0;
const CODED_FRAMES: u32 = 1;
const MAX_COMPOSITION_TIME: i64 = 0x7fffff;

/** `bytes` of the configuration. */
export function putExVideoSequenceStart(at: usize, fourCc: u32, config: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  at = putTagHeader(at, TAG_VIDEO, EX_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, EX_VIDEO | (KEY_FRAME << 4) | SEQUENCE_START); // VideoFrameType, VideoPacketType
  at = putU32(at, fourCc); // VideoFourCc
  return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes));
}

/** Of a codec whose frames have a composition time. */
export function putExTimedVideoTag(
  at: usize,
  fourCc: u32,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
  compositionMs: i64,
): usize {
  const tag = at;
  const composition = min<i64>(max<i64>(compositionMs, -MAX_COMPOSITION_TIME), MAX_COMPOSITION_TIME);
  at = putTagHeader(at, TAG_VIDEO, EX_TIMED_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, EX_VIDEO | ((isRandomAccess ? KEY_FRAME : INTER_FRAME) << 4) | CODED_FRAMES);
  at = putU32(at, fourCc); // VideoFourCc
  at = putU24(at, <u32>composition); // CompositionTimeOffset
  return endTag(tag, putBytes(at, payload, bytes));
}

/** FLAC's configuration stands behind its stream's magic number. */
export const FLAC_MAGIC_SIZE: u32 = 4;

/** `magic`: four letters in front of the configuration, 0 = none. */
export function putExAudioSequenceStart(
  at: usize,
  fourCc: u32,
  magic: u32,
  config: usize,
  timestampMs: i64,
): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  const magicBytes = magic != 0 ? FLAC_MAGIC_SIZE : 0;
  at = putTagHeader(at, TAG_AUDIO, EX_PREFIX_SIZE + magicBytes + bytes, timestampMs);
  at = putU8(at, EX_AUDIO | SEQUENCE_START); // SoundFormat, AudioPacketType
  at = putU32(at, fourCc); // AudioFourCc
  if (magic != 0) at = putU32(at, magic);
  return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes));
}

export function putExAudioTag(at: usize, fourCc: u32, payload: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  at = putTagHeader(at, TAG_AUDIO, EX_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, EX_AUDIO | CODED_FRAMES); // SoundFormat, AudioPacketType
  at = putU32(at, fourCc); // AudioFourCc
  return endTag(tag, putBytes(at, payload, bytes));
}

/** Of a codec whose frames have none: they are shown when they are decoded. */
export function putExVideoTag(
  at: usize,
  fourCc: u32,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
): usize {
  const tag = at;
  at = putTagHeader(at, TAG_VIDEO, EX_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, EX_VIDEO | ((isRandomAccess ? KEY_FRAME : INTER_FRAME) << 4) | CODED_FRAMES);
  at = putU32(at, fourCc); // VideoFourCc
  return endTag(tag, putBytes(at, payload, bytes));
}
