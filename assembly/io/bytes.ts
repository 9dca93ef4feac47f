// Big-endian fields at a pointer, as every container of this module stores them. A writer is the pointer itself: each
// `putX` stores one field and returns the place behind it, so a header reads like the standard, one field a line, and
// nothing is allocated.
//
//   at = putU16(at, 0xffff); // field_name
//
// Nothing is checked here: room is checked once per batch (assembly/drain.ts), against the bounds that each container
// states.

// @ts-ignore: decorator
@inline
export function putU8(at: usize, value: u32): usize {
  store<u8>(at, <u8>value);
  return at + 1;
}

// @ts-ignore: decorator
@inline
export function putU16(at: usize, value: u32): usize {
  store<u16>(at, bswap<u16>(<u16>value));
  return at + 2;
}

// @ts-ignore: decorator
@inline
export function putU24(at: usize, value: u32): usize {
  store<u8>(at, <u8>(value >> 16));
  store<u16>(at, bswap<u16>(<u16>value), 1);
  return at + 3;
}

// @ts-ignore: decorator
@inline
export function putU32(at: usize, value: u32): usize {
  store<u32>(at, bswap<u32>(value));
  return at + 4;
}

// @ts-ignore: decorator
@inline
export function putU64(at: usize, value: u64): usize {
  store<u64>(at, bswap<u64>(value));
  return at + 8;
}

/** IEEE 754 double. */
// @ts-ignore: decorator
@inline
export function putF64(at: usize, value: f64): usize {
  return putU64(at, reinterpret<u64>(value));
}

// @ts-ignore: decorator
@inline
export function putBytes(at: usize, from: usize, bytes: u32): usize {
  memory.copy(at, from, bytes);
  return at + bytes;
}

/** `bytes` times the same value. */
// @ts-ignore: decorator
@inline
export function putFill(at: usize, value: u8, bytes: u32): usize {
  memory.fill(at, value, bytes);
  return at + bytes;
}

// @ts-ignore: decorator
@inline
export function readU16(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

// @ts-ignore: decorator
@inline
export function readU32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}
