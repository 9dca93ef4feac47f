// `vp08` and `vp09` with `vpcC`, VP Codec ISO Media File Format Binding §2.1, §2.2. A configuration has the record
// first, version and flags of its box included; the size of the pictures behind it is ours
// (src/media/codec/vp-configuration.ts).

import { CONFIG_BYTES_OFFSET } from "../../src/abi/decoder-config";
import { beginBox, endBox } from "../container/mp4/box";
import { beginVisualSampleEntry, endVisualSampleEntry } from "../container/mp4/sample-entry";
import { putBytes } from "../io/bytes";

export const VP08: u32 = 0x76703038;
export const VP09: u32 = 0x76703039;
const VPCC: u32 = 0x76706343;
export const VPCC_BYTES: u32 = 12;

export function putVpSampleEntry(movie: usize, at: usize, type: u32, config: usize): usize {
  const entry = at;
  at = beginVisualSampleEntry(at, type, config);
  const vpcC = at;
  at = beginBox(at, VPCC);
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, VPCC_BYTES); // version, flags, VPCodecConfigurationRecord
  endBox(movie, vpcC, at);
  return endVisualSampleEntry(movie, entry, at, config);
}
