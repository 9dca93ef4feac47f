// `mp4a` with `esds`, ISO/IEC 14496-14 §5.6.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { INDEX_LARGEST_SAMPLE_OFFSET } from "../../../src/abi/mp4";
import { beginFullBox, endBox } from "../../container/mp4/box";
import { averageBitRate, beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes, putU16, putU24, putU32, putU8 } from "../../io/bytes";

export const MP4A: u32 = 0x6d703461;
const ESDS: u32 = 0x65736473;

// ISO/IEC 14496-1 §7.2.2.1, Table 1.
const ES_DESCRIPTOR: u32 = 3;
const DECODER_CONFIG_DESCRIPTOR: u32 = 4;
const DECODER_SPECIFIC_INFO: u32 = 5;
const SL_CONFIG_DESCRIPTOR: u32 = 6;
const DESCRIPTOR_HEADER_SIZE: u32 = 5;
const OBJECT_TYPE_MPEG4_AUDIO: u32 = 0x40;
const STREAM_TYPE_AUDIO: u32 = (5 << 2) | 1; // streamType, upStream 0, reserved 1
const SL_PREDEFINED_MP4: u32 = 2;

/** Tag and size; the size in four bytes of seven bits, as writers of MP4 do since QuickTime. */
function putDescriptorHeader(at: usize, tag: u32, bytes: u32): usize {
  at = putU8(at, tag);
  at = putU8(at, 0x80 | ((bytes >> 21) & 127));
  at = putU8(at, 0x80 | ((bytes >> 14) & 127));
  at = putU8(at, 0x80 | ((bytes >> 7) & 127));
  return putU8(at, bytes & 127);
}

/** `specificBytes` at `specific` are the DecoderSpecificInfo, which is left out where there are none. */
export function putElementaryStreamDescriptor(
  movie: usize,
  at: usize,
  track: usize,
  objectType: u32,
  specific: usize,
  specificBytes: u32,
): usize {
  const decoderBytes: u32 = 13 + (specificBytes > 0 ? DESCRIPTOR_HEADER_SIZE + specificBytes : 0);
  const esds = at;
  at = beginFullBox(at, ESDS, 0, 0);
  at = putDescriptorHeader(at, ES_DESCRIPTOR, 3 + DESCRIPTOR_HEADER_SIZE + decoderBytes + DESCRIPTOR_HEADER_SIZE + 1);
  at = putU16(at, 0); // ES_ID: 0 in a file, ISO/IEC 14496-14 §3.1.2
  at = putU8(at, 0); // streamDependenceFlag, URL_Flag, OCRstreamFlag, streamPriority
  at = putDescriptorHeader(at, DECODER_CONFIG_DESCRIPTOR, decoderBytes);
  at = putU8(at, objectType); // objectTypeIndication
  at = putU8(at, STREAM_TYPE_AUDIO);
  at = putU24(at, load<u32>(track, INDEX_LARGEST_SAMPLE_OFFSET)); // bufferSizeDB
  at = putU32(at, averageBitRate(track)); // maxBitrate: the peaks are not measured
  at = putU32(at, averageBitRate(track)); // avgBitrate
  if (specificBytes > 0) {
    at = putDescriptorHeader(at, DECODER_SPECIFIC_INFO, specificBytes);
    at = putBytes(at, specific, specificBytes); // AudioSpecificConfig
  }
  at = putDescriptorHeader(at, SL_CONFIG_DESCRIPTOR, 1);
  at = putU8(at, SL_PREDEFINED_MP4); // predefined
  endBox(movie, esds, at);
  return at;
}

export function putAacSampleEntry(movie: usize, at: usize, track: usize, config: usize): usize {
  const mp4a = at;
  at = beginAudioSampleEntry(at, MP4A, config);
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  const specific = config + CONFIG_BYTES_OFFSET;
  at = putElementaryStreamDescriptor(movie, at, track, OBJECT_TYPE_MPEG4_AUDIO, specific, bytes);
  endBox(movie, mp4a, at);
  return at;
}
