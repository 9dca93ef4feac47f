// FLV file header and tags, Adobe Flash Video File Format Specification 10.1, Annex E. What stands in a tag of audio or
// video is the codec's (assembly/codec/).
//
//   | FLV header 9 | PreviousTagSize0 | tag: header 11, body | PreviousTagSize | tag …
//
// Times are milliseconds of 32 bits, 24 and 8 more; they are cut to that only when written.

import { putU24, putU32, putU8 } from "../../io/bytes";

/** FLV header and PreviousTagSize0: where the first tag lies. */
export const FILE_HEADER_SIZE: u32 = 13;
export const TAG_HEADER_SIZE: u32 = 11;
export const PREVIOUS_TAG_SIZE: u32 = 4;
/** DataSize has 24 bits. */
export const MAX_BODY_SIZE: u32 = 0xffffff;

export const TAG_AUDIO: u32 = 8;
export const TAG_VIDEO: u32 = 9;
export const TAG_SCRIPT: u32 = 18;

export function putFileHeader(at: usize, hasVideo: bool, hasAudio: bool): usize {
  at = putU32(at, 0x464c5601); // Signature "FLV", Version
  at = putU8(at, (hasAudio ? 4 : 0) | (hasVideo ? 1 : 0)); // TypeFlagsAudio, TypeFlagsVideo
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
