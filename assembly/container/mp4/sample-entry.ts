// What the sample entries of all codecs have in common, ISO/IEC 14496-12 §12.1.3, §12.2.3: the fields in front of a
// codec's own boxes, `colr` and `pasp` behind them. The codecs' parts are in assembly/codec/.

import {
  CONFIG_CHANNELS_OFFSET,
  CONFIG_COLOUR_OFFSET,
  CONFIG_CONTENT_LIGHT_OFFSET,
  CONFIG_HEIGHT_OFFSET,
  CONFIG_MASTERING_DISPLAY_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../../../src/abi/decoder-config";
import { INDEX_BYTES_OFFSET, INDEX_MEDIA_DURATION_OFFSET, INDEX_TIMESCALE_OFFSET } from "../../../src/abi/mp4";
import { putBytes, putFill, putU16, putU32, putU8 } from "../../io/bytes";
import { beginBox, CLLI, COLR, endBox, MDCV, NCLX, PASP } from "./box";

const RESOLUTION_72_DPI: u32 = 0x00480000;
const DEPTH_COLOUR: u32 = 0x0018;
const COLOUR_PRESENT: u32 = 1 << 25;
const MASTERING_DISPLAY_SIZE: u32 = 24;
const CONTENT_LIGHT_SIZE: u32 = 4;

function beginSampleEntry(at: usize, type: u32): usize {
  at = beginBox(at, type);
  at = putFill(at, 0, 6); // reserved
  return putU16(at, 1); // data_reference_index
}

/** The codec's own boxes follow, then `endVisualSampleEntry`. */
export function beginVisualSampleEntry(at: usize, type: u32, config: usize): usize {
  at = beginSampleEntry(at, type);
  at = putFill(at, 0, 16); // pre_defined, reserved
  at = putU16(at, load<u32>(config, CONFIG_WIDTH_OFFSET)); // width
  at = putU16(at, load<u32>(config, CONFIG_HEIGHT_OFFSET)); // height
  at = putU32(at, RESOLUTION_72_DPI); // horizresolution
  at = putU32(at, RESOLUTION_72_DPI); // vertresolution
  at = putU32(at, 0); // reserved
  at = putU16(at, 1); // frame_count
  at = putFill(at, 0, 32); // compressorname
  at = putU16(at, DEPTH_COLOUR); // depth
  return putU16(at, 0xffff); // pre_defined
}

function putColourInformation(movie: usize, at: usize, colour: u32): usize {
  const colr = at;
  at = beginBox(at, COLR);
  at = putU32(at, NCLX); // colour_type
  at = putU16(at, colour & 255); // colour_primaries
  at = putU16(at, (colour >> 8) & 255); // transfer_characteristics
  at = putU16(at, (colour >> 16) & 255); // matrix_coefficients
  at = putU8(at, ((colour >> 24) & 1) << 7); // full_range_flag
  endBox(movie, colr, at);
  return at;
}

/** `mdcv` (§12.1.8) or `clli` (§12.1.9): bytes that are written as they are, and left out where all are 0. */
function putLightBox(movie: usize, at: usize, type: u32, content: usize, bytes: u32): usize {
  let known: u32 = 0;
  for (let i: u32 = 0; i < bytes; i += 4) known |= load<u32>(content + i);
  if (known == 0) return at;
  const box = at;
  at = beginBox(at, type);
  at = putBytes(at, content, bytes);
  endBox(movie, box, at);
  return at;
}

export function endVisualSampleEntry(movie: usize, entry: usize, at: usize, config: usize): usize {
  const colour = load<u32>(config, CONFIG_COLOUR_OFFSET);
  if ((colour & COLOUR_PRESENT) != 0) at = putColourInformation(movie, at, colour);
  at = putLightBox(movie, at, MDCV, config + CONFIG_MASTERING_DISPLAY_OFFSET, MASTERING_DISPLAY_SIZE);
  at = putLightBox(movie, at, CLLI, config + CONFIG_CONTENT_LIGHT_OFFSET, CONTENT_LIGHT_SIZE);
  if (load<u32>(config, CONFIG_PAR_WIDTH_OFFSET) != 0) {
    const pasp = at;
    at = beginBox(at, PASP);
    at = putU32(at, load<u32>(config, CONFIG_PAR_WIDTH_OFFSET)); // hSpacing
    at = putU32(at, load<u32>(config, CONFIG_PAR_HEIGHT_OFFSET)); // vSpacing
    endBox(movie, pasp, at);
  }
  endBox(movie, entry, at);
  return at;
}

/** The codec's own boxes follow, then `endBox`. */
export function beginAudioSampleEntry(at: usize, type: u32, config: usize): usize {
  const rate = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  at = beginSampleEntry(at, type);
  at = putFill(at, 0, 8); // reserved
  at = putU16(at, load<u32>(config, CONFIG_CHANNELS_OFFSET)); // channelcount
  at = putU16(at, 16); // samplesize
  at = putU32(at, 0); // pre_defined, reserved
  // samplerate, 16.16: 88.2 and 96 kHz do not fit and are in the codec's own configuration
  return putU32(at, rate <= 0xffff ? rate << 16 : 0);
}

export function averageBitRate(track: usize): u32 {
  const duration = load<i64>(track, INDEX_MEDIA_DURATION_OFFSET);
  if (duration <= 0) return 0;
  // In doubles: bytes × 8 × timescale passes 2^63 at 10^13 bytes.
  const bits = <f64>load<i64>(track, INDEX_BYTES_OFFSET) * 8;
  const rate = (bits * <f64>load<u32>(track, INDEX_TIMESCALE_OFFSET)) / <f64>duration;
  return rate < <f64>u32.MAX_VALUE ? <u32>rate : u32.MAX_VALUE;
}
