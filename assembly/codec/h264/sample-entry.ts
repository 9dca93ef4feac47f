// `avc1` with `avcC`, ISO/IEC 14496-15 §5.4.2.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { beginBox, endBox } from "../../container/mp4/box";
import { beginVisualSampleEntry, endVisualSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes, putU8 } from "../../io/bytes";

export const AVC1: u32 = 0x61766331;
const AVCC: u32 = 0x61766343;
/** Frames in a ring have 4-byte NAL unit lengths, whatever the source had. */
const LENGTH_SIZE_4: u32 = 0xff; // reserved bits, lengthSizeMinusOne 3

export function putAvcSampleEntry(movie: usize, at: usize, config: usize): usize {
  const avc1 = at;
  at = beginVisualSampleEntry(at, AVC1, config);
  const avcC = at;
  at = beginBox(at, AVCC);
  const record = at;
  // AVCDecoderConfigurationRecord
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  putU8(record + 4, LENGTH_SIZE_4);
  endBox(movie, avcC, at);
  return endVisualSampleEntry(movie, avc1, at, config);
}
