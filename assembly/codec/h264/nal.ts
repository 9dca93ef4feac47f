// H.264 access units in the ring's framing (nal-lengths.ts), and the parameter sets of an avcC.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { readU16 } from "../../io/bytes";
import { NAL_LENGTH_SIZE, nalSizeAt } from "../nal-lengths";

const NAL_IDR: u32 = 5;
const NAL_SPS: u32 = 7;
const NAL_PPS: u32 = 8;
export const NAL_AUD: u32 = 9;

export const AU_HAS_IDR: u32 = 1;
export const AU_HAS_SPS: u32 = 2;
export const AU_HAS_PPS: u32 = 4;

// avcC, ISO/IEC 14496-15 §5.3.3.1
const AVCC_SPS_COUNT_OFFSET: u32 = 5;

// @ts-ignore: decorator
@inline
export function nalType(nal: usize): u32 {
  return <u32>load<u8>(nal) & 31;
}

/**
 * AU_HAS_* in the upper half; in the lower the bytes of the access unit in Annex B without its access unit delimiters.
 */
export function scanAccessUnit(payload: usize, size: u32): u64 {
  const end = payload + size;
  let at = payload;
  let bytes: u32 = 0;
  let has: u32 = 0;
  for (let nalSize = nalSizeAt(at, end); nalSize >= 0; nalSize = nalSizeAt(at, end)) {
    at += NAL_LENGTH_SIZE;
    if (nalSize > 0) {
      const type = nalType(at);
      if (type != NAL_AUD) bytes += NAL_LENGTH_SIZE + nalSize;
      if (type == NAL_IDR) has |= AU_HAS_IDR;
      else if (type == NAL_SPS) has |= AU_HAS_SPS;
      else if (type == NAL_PPS) has |= AU_HAS_PPS;
    }
    at += nalSize;
  }
  return (<u64>has << 32) | bytes;
}

/**
 * Walks the parameter sets of an avcC, sequence first: the place of the set behind `at`, or 0 at the end; its size is
 * the u16 in front of it. `at` = 0 asks for the first.
 */
export function nextParameterSet(config: usize, at: usize): usize {
  const bytes = config + CONFIG_BYTES_OFFSET;
  const end = bytes + load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  // The counts stand in front of each group, so the walk begins anew; a configuration has two or three sets.
  let place = bytes + AVCC_SPS_COUNT_OFFSET;
  for (let group = 0; group < 2; group++) {
    if (place >= end) return 0;
    const mask: u32 = group == 0 ? 31 : 255;
    let count = <u32>load<u8>(place++) & mask;
    for (; count > 0; count--) {
      if (place + 2 > end) return 0;
      const size = readU16(place);
      place += 2;
      if (place + size > end) return 0;
      if (place > at && size > 0) return place;
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
export function parameterSetsSize(config: usize): u32 {
  let bytes: u32 = 0;
  for (let set = nextParameterSet(config, 0); set != 0; set = nextParameterSet(config, set)) {
    bytes += NAL_LENGTH_SIZE + parameterSetSize(set);
  }
  return bytes;
}
