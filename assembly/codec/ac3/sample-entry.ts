// `ac-3` with `dac3` and `ec-3` with `dec3`, ETSI TS 102 366 annex F: the boxes hold what a configuration block does.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { beginBox, endBox } from "../../container/mp4/box";
import { beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes } from "../../io/bytes";

export const AC3_FOUR_CC: u32 = 0x61632d33;
export const EAC3_FOUR_CC: u32 = 0x65632d33;
const DAC3: u32 = 0x64616333;
const DEC3: u32 = 0x64656333;

function putSpecific(movie: usize, at: usize, type: u32, box: u32, config: usize): usize {
  const entry = at;
  at = beginAudioSampleEntry(at, type, config);
  const specific = at;
  at = beginBox(at, box);
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  endBox(movie, specific, at);
  endBox(movie, entry, at);
  return at;
}

export function putAc3SampleEntry(movie: usize, at: usize, config: usize): usize {
  return putSpecific(movie, at, AC3_FOUR_CC, DAC3, config);
}

export function putEac3SampleEntry(movie: usize, at: usize, config: usize): usize {
  return putSpecific(movie, at, EAC3_FOUR_CC, DEC3, config);
}
