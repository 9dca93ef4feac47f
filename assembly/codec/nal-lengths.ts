// Access units in the ring's framing: NAL units behind 4-byte lengths (ISO/IEC 14496-15 §4.3). Payloads come from
// outside: a length past the payload's end makes the rest of the access unit unusable, and it is left out. Nothing is
// read past `size`.

import { readU32 } from "../io/bytes";

export const NAL_LENGTH_SIZE: u32 = 4;

/**
 * Size of the NAL unit whose length field is at `at`, or -1 where it reaches past `end`. `end - at` is less than 2^31.
 */
// @ts-ignore: decorator
@inline
export function nalSizeAt(at: usize, end: usize): i32 {
  if (end - at < NAL_LENGTH_SIZE) return -1;
  const size = readU32(at);
  return size <= <u32>(end - at - NAL_LENGTH_SIZE) ? <i32>size : -1;
}

/** Bytes of the leading NAL units that are whole, their length fields included. */
export function wholeNalBytes(payload: usize, size: u32): u32 {
  const end = payload + size;
  let at = payload;
  for (let nalSize = nalSizeAt(at, end); nalSize >= 0; nalSize = nalSizeAt(at, end)) at += NAL_LENGTH_SIZE + nalSize;
  return <u32>(at - payload);
}
