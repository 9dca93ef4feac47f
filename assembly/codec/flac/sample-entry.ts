// `fLaC` with `dfLa`, "Encapsulation of FLAC in ISO Base Media File Format" §3.3: the box holds the metadata blocks
// that a configuration block does.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { beginFullBox, endBox } from "../../container/mp4/box";
import { beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes, putU16 } from "../../io/bytes";

export const FLAC_FOUR_CC: u32 = 0x664c6143;
const DFLA: u32 = 0x64664c61;
/** Of `samplesize` in an AudioSampleEntry, its header included. */
const SAMPLE_SIZE_AT: usize = 26;

/** bits per sample − 1, five bits that begin with the last one of this byte, RFC 9639 §8.2. */
function bitsPerSample(config: usize): u32 {
  const at = config + CONFIG_BYTES_OFFSET + 16;
  return (((<u32>load<u8>(at) & 1) << 4) | (<u32>load<u8>(at, 1) >> 4)) + 1;
}

export function putFlacSampleEntry(movie: usize, at: usize, config: usize): usize {
  const entry = at;
  at = beginAudioSampleEntry(at, FLAC_FOUR_CC, config);
  putU16(entry + SAMPLE_SIZE_AT, bitsPerSample(config)); // samplesize
  const dfla = at;
  at = beginFullBox(at, DFLA, 0, 0);
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  endBox(movie, dfla, at);
  endBox(movie, entry, at);
  return at;
}
