// H.265 access units in the ring's framing (nal-lengths.ts), and the parameter sets of an hvcC.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { readU16 } from "../../io/bytes";
import { NAL_LENGTH_SIZE, nalSizeAt } from "../nal-lengths";

const FIRST_RANDOM_ACCESS: u32 = 16; // BLA, IDR, CRA
const LAST_RANDOM_ACCESS: u32 = 21;
const NAL_VPS: u32 = 32;
const NAL_SPS: u32 = 33;
const NAL_PPS: u32 = 34;
export const NAL_AUD: u32 = 35;

export const AU_HAS_RANDOM_ACCESS: u32 = 1;
export const AU_HAS_VPS: u32 = 2;
export const AU_HAS_SPS: u32 = 4;
export const AU_HAS_PPS: u32 = 8;

// hvcC, ISO/IEC 14496-15 §8.3.3.1
const HVCC_ARRAYS_OFFSET: u32 = 22;

// @ts-ignore: decorator
@inline
export function nalType(nal: usize): u32 {
  return (<u32>load<u8>(nal) >> 1) & 63;
}

/**
 * AU_HAS_* in the upper half; in the lower the bytes of the access unit in Annex B without its access unit delimiters.
 */
export function scanH265AccessUnit(payload: usize, size: u32): u64 {
  const end = payload + size;
  let at = payload;
  let bytes: u32 = 0;
  let has: u32 = 0;
  for (let nalSize = nalSizeAt(at, end); nalSize >= 0; nalSize = nalSizeAt(at, end)) {
    at += NAL_LENGTH_SIZE;
    if (nalSize > 0) {
      const type = nalType(at);
      if (type != NAL_AUD) bytes += NAL_LENGTH_SIZE + nalSize;
      if (type >= FIRST_RANDOM_ACCESS && type <= LAST_RANDOM_ACCESS) has |= AU_HAS_RANDOM_ACCESS;
      else if (type >= NAL_VPS && type <= NAL_PPS) has |= AU_HAS_VPS << (type - NAL_VPS);
    }
    at += nalSize;
  }
  return (<u64>has << 32) | bytes;
}

/**
 * Walks the parameter sets of an hvcC in its order: the place of the set behind `at`, or 0 at the end; its size is the
 * u16 in front of it. `at` = 0 asks for the first. Other NAL units of the record are passed over.
 */
export function nextH265ParameterSet(config: usize, at: usize): usize {
  const bytes = config + CONFIG_BYTES_OFFSET;
  const end = bytes + load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  let place = bytes + HVCC_ARRAYS_OFFSET;
  if (place >= end) return 0;
  // The counts stand in front of each array, so the walk begins anew; a configuration has three or four sets.
  let arrays = <u32>load<u8>(place++);
  for (; arrays > 0; arrays--) {
    if (place + 3 > end) return 0;
    const type = <u32>load<u8>(place) & 63;
    let count = readU16(place + 1);
    place += 3;
    for (; count > 0; count--) {
      if (place + 2 > end) return 0;
      const size = readU16(place);
      place += 2;
      if (place + size > end) return 0;
      if (place > at && size > 0 && type >= NAL_VPS && type <= NAL_PPS) return place;
      place += size;
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
export function parameterSetSize(set: usize): u32 {
  return readU16(set - 2);
}

/** Bytes of all parameter sets in Annex B. */
export function h265ParameterSetsSize(config: usize): u32 {
  let bytes: u32 = 0;
  for (let set = nextH265ParameterSet(config, 0); set != 0; set = nextH265ParameterSet(config, set)) {
    bytes += NAL_LENGTH_SIZE + parameterSetSize(set);
  }
  return bytes;
}
