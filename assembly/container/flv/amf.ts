// AMF0 values as onMetaData needs them (Action Message Format AMF 0, §2). Names are string constants of the module.

import { putF64, putFill, putU16, putU32, putU8 } from "../../io/bytes";

const MARKER_NUMBER: u32 = 0;
const MARKER_BOOLEAN: u32 = 1;
const MARKER_STRING: u32 = 2;
const MARKER_OBJECT: u32 = 3;
const MARKER_ECMA_ARRAY: u32 = 8;
const MARKER_OBJECT_END: u32 = 9;
const MARKER_STRICT_ARRAY: u32 = 10;
export const AMF_NUMBER_SIZE: u32 = 9;
/** Length, name of 7 bytes, marker, length. */
const FILLER_OVERHEAD: u32 = 12;
const MAX_FILLER_PROPERTY: u32 = 1000;

/** UTF-8 of an ASCII constant behind its length. */
export function putName(at: usize, name: string): usize {
  const length = name.length;
  at = putU16(at, length);
  const units = changetype<usize>(name);
  for (let i = 0; i < length; i++) at = putU8(at, load<u16>(units + (i << 1)));
  return at;
}

export function putNumber(at: usize, value: f64): usize {
  return putF64(putU8(at, MARKER_NUMBER), value);
}

export function putNumberProperty(at: usize, name: string, value: f64): usize {
  return putNumber(putName(at, name), value);
}

export function putBooleanProperty(at: usize, name: string, value: bool): usize {
  at = putName(at, name);
  at = putU8(at, MARKER_BOOLEAN);
  return putU8(at, value ? 1 : 0);
}

export function putString(at: usize, value: string): usize {
  return putName(putU8(at, MARKER_STRING), value);
}

export function beginEcmaArray(at: usize, count: u32): usize {
  return putU32(putU8(at, MARKER_ECMA_ARRAY), count);
}

export function beginObjectProperty(at: usize, name: string): usize {
  return putU8(putName(at, name), MARKER_OBJECT);
}

export function beginStrictArrayProperty(at: usize, name: string, count: u32): usize {
  return putU32(putU8(putName(at, name), MARKER_STRICT_ARRAY), count);
}

/** Ends objects and ECMA arrays. */
export function endObject(at: usize): usize {
  return putU8(putU16(at, 0), MARKER_OBJECT_END);
}

/** How many string properties it takes to fill `bytes`, which are enough for one. */
export function fillerCount(bytes: u32): u32 {
  return (bytes + MAX_FILLER_PROPERTY - 1) / MAX_FILLER_PROPERTY;
}

/**
 * Properties filler0, filler1 … of spaces up to `end`. Several, because FFmpeg's demuxer reads strings into 1024 bytes
 * and gives the whole tag up on a longer one; of about one size, so that none is too short for its own name.
 */
export function putFillers(at: usize, end: usize): usize {
  const count = fillerCount(<u32>(end - at));
  for (let i: u32 = 0; i < count; i++) {
    const size = <u32>(end - at) / (count - i);
    at = putU16(at, 7);
    store<u32>(at, 0x6c6c6966); // "fill"
    store<u16>(at, 0x7265, 4); // "er"
    at = putU8(at + 6, 0x30 + i);
    at = putU8(at, MARKER_STRING);
    at = putU16(at, size - FILLER_OVERHEAD);
    at = putFill(at, 0x20, size - FILLER_OVERHEAD);
  }
  return at;
}
