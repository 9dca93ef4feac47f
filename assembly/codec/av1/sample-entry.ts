// `av01` with `av1C`, AV1 Codec ISO Media File Format Binding §2.2, §2.3.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { beginBox, endBox } from "../../container/mp4/box";
import { beginVisualSampleEntry, endVisualSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes } from "../../io/bytes";

export const AV01: u32 = 0x61763031;
const AV1C: u32 = 0x61763143;

export function putAv1SampleEntry(movie: usize, at: usize, config: usize): usize {
  const av01 = at;
  at = beginVisualSampleEntry(at, AV01, config);
  const av1C = at;
  at = beginBox(at, AV1C);
  // AV1CodecConfigurationRecord
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  endBox(movie, av1C, at);
  return endVisualSampleEntry(movie, av01, at, config);
}
