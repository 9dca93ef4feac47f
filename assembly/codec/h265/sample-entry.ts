// `hvc1` with `hvcC`, ISO/IEC 14496-15 §8.4.1. The record has lengths of 4 bytes and complete arrays, as all that is in
// a configuration block.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { beginBox, endBox } from "../../container/mp4/box";
import { beginVisualSampleEntry, endVisualSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes } from "../../io/bytes";

export const HVC1: u32 = 0x68766331;
const HVCC: u32 = 0x68766343;

export function putHvcSampleEntry(movie: usize, at: usize, config: usize): usize {
  const hvc1 = at;
  at = beginVisualSampleEntry(at, HVC1, config);
  const hvcC = at;
  at = beginBox(at, HVCC);
  // HEVCDecoderConfigurationRecord
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  endBox(movie, hvcC, at);
  return endVisualSampleEntry(movie, hvc1, at, config);
}
