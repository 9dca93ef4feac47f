// Sample descriptions: `avc1` (ISO/IEC 14496-15 §5.4.2) with `avcC`, `colr` and `pasp`, and `mp4a` (ISO/IEC 14496-14
// §5.6) with `esds`, from a decoder configuration block.

import {
  CODEC_H264,
  CONFIG_BYTES_OFFSET,
  CONFIG_BYTES_SIZE_OFFSET,
  CONFIG_CHANNELS_OFFSET,
  CONFIG_CODEC_OFFSET,
  CONFIG_COLOUR_OFFSET,
  CONFIG_HEIGHT_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../../../src/abi/decoder-config";
import {
  INDEX_BYTES_OFFSET,
  INDEX_CONFIG_OFFSET,
  INDEX_LARGEST_SAMPLE_OFFSET,
  INDEX_MEDIA_DURATION_OFFSET,
  INDEX_TIMESCALE_OFFSET,
} from "../../../src/abi/mp4";
import { putBytes, putFill, putU16, putU24, putU32, putU8 } from "../../io/bytes";
import { AVC1, AVCC, beginBox, beginFullBox, COLR, endBox, ESDS, MP4A, NCLX, PASP, STSD } from "./box";

const RESOLUTION_72_DPI: u32 = 0x00480000;
const DEPTH_COLOUR: u32 = 0x0018;
const COLOUR_PRESENT: u32 = 1 << 25;
/** Frames in a ring have 4-byte NAL unit lengths, whatever the source had. */
const LENGTH_SIZE_4: u32 = 0xff; // reserved bits, lengthSizeMinusOne 3

// ISO/IEC 14496-1 §7.2.2.1, Table 1.
const ES_DESCRIPTOR: u32 = 3;
const DECODER_CONFIG_DESCRIPTOR: u32 = 4;
const DECODER_SPECIFIC_INFO: u32 = 5;
const SL_CONFIG_DESCRIPTOR: u32 = 6;
const DESCRIPTOR_HEADER_SIZE: u32 = 5;
const OBJECT_TYPE_MPEG4_AUDIO: u32 = 0x40;
const STREAM_TYPE_AUDIO: u32 = (5 << 2) | 1; // streamType, upStream 0, reserved 1
const SL_PREDEFINED_MP4: u32 = 2;

function beginSampleEntry(at: usize, type: u32): usize {
  at = beginBox(at, type);
  at = putFill(at, 0, 6); // reserved
  return putU16(at, 1); // data_reference_index
}

function putAvcDecoderConfiguration(movie: usize, at: usize, config: usize): usize {
  const avcC = at;
  at = beginBox(at, AVCC);
  const record = at;
  // AVCDecoderConfigurationRecord
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, load<u32>(config, CONFIG_BYTES_SIZE_OFFSET));
  putU8(record + 4, LENGTH_SIZE_4);
  endBox(movie, avcC, at);
  return at;
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

function putVisualSampleEntry(movie: usize, at: usize, config: usize): usize {
  const avc1 = at;
  at = beginSampleEntry(at, AVC1);
  at = putFill(at, 0, 16); // pre_defined, reserved
  at = putU16(at, load<u32>(config, CONFIG_WIDTH_OFFSET)); // width
  at = putU16(at, load<u32>(config, CONFIG_HEIGHT_OFFSET)); // height
  at = putU32(at, RESOLUTION_72_DPI); // horizresolution
  at = putU32(at, RESOLUTION_72_DPI); // vertresolution
  at = putU32(at, 0); // reserved
  at = putU16(at, 1); // frame_count
  at = putFill(at, 0, 32); // compressorname
  at = putU16(at, DEPTH_COLOUR); // depth
  at = putU16(at, 0xffff); // pre_defined
  at = putAvcDecoderConfiguration(movie, at, config);
  const colour = load<u32>(config, CONFIG_COLOUR_OFFSET);
  if ((colour & COLOUR_PRESENT) != 0) at = putColourInformation(movie, at, colour);
  if (load<u32>(config, CONFIG_PAR_WIDTH_OFFSET) != 0) {
    const pasp = at;
    at = beginBox(at, PASP);
    at = putU32(at, load<u32>(config, CONFIG_PAR_WIDTH_OFFSET)); // hSpacing
    at = putU32(at, load<u32>(config, CONFIG_PAR_HEIGHT_OFFSET)); // vSpacing
    endBox(movie, pasp, at);
  }
  endBox(movie, avc1, at);
  return at;
}

/** Tag and size; the size in four bytes of seven bits, as writers of MP4 do since QuickTime. */
function putDescriptorHeader(at: usize, tag: u32, bytes: u32): usize {
  at = putU8(at, tag);
  at = putU8(at, 0x80 | ((bytes >> 21) & 127));
  at = putU8(at, 0x80 | ((bytes >> 14) & 127));
  at = putU8(at, 0x80 | ((bytes >> 7) & 127));
  return putU8(at, bytes & 127);
}

function averageBitRate(track: usize): u32 {
  const duration = load<i64>(track, INDEX_MEDIA_DURATION_OFFSET);
  if (duration <= 0) return 0;
  // In doubles: bytes × 8 × timescale passes 2^63 at 10^13 bytes.
  const rate = (<f64>load<i64>(track, INDEX_BYTES_OFFSET) * 8 * <f64>load<u32>(track, INDEX_TIMESCALE_OFFSET)) / <f64>duration;
  return rate < <f64>u32.MAX_VALUE ? <u32>rate : u32.MAX_VALUE;
}

function putElementaryStreamDescriptor(movie: usize, at: usize, track: usize, config: usize): usize {
  const specificBytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  const decoderBytes: u32 = 13 + DESCRIPTOR_HEADER_SIZE + specificBytes;
  const esds = at;
  at = beginFullBox(at, ESDS, 0, 0);
  at = putDescriptorHeader(at, ES_DESCRIPTOR, 3 + DESCRIPTOR_HEADER_SIZE + decoderBytes + DESCRIPTOR_HEADER_SIZE + 1);
  at = putU16(at, 0); // ES_ID: 0 in a file, ISO/IEC 14496-14 §3.1.2
  at = putU8(at, 0); // streamDependenceFlag, URL_Flag, OCRstreamFlag, streamPriority
  at = putDescriptorHeader(at, DECODER_CONFIG_DESCRIPTOR, decoderBytes);
  at = putU8(at, OBJECT_TYPE_MPEG4_AUDIO); // objectTypeIndication
  at = putU8(at, STREAM_TYPE_AUDIO);
  at = putU24(at, load<u32>(track, INDEX_LARGEST_SAMPLE_OFFSET)); // bufferSizeDB
  at = putU32(at, averageBitRate(track)); // maxBitrate: the peaks are not measured
  at = putU32(at, averageBitRate(track)); // avgBitrate
  at = putDescriptorHeader(at, DECODER_SPECIFIC_INFO, specificBytes);
  at = putBytes(at, config + CONFIG_BYTES_OFFSET, specificBytes); // AudioSpecificConfig
  at = putDescriptorHeader(at, SL_CONFIG_DESCRIPTOR, 1);
  at = putU8(at, SL_PREDEFINED_MP4); // predefined
  endBox(movie, esds, at);
  return at;
}

function putAudioSampleEntry(movie: usize, at: usize, track: usize, config: usize): usize {
  const rate = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  const mp4a = at;
  at = beginSampleEntry(at, MP4A);
  at = putFill(at, 0, 8); // reserved
  at = putU16(at, load<u32>(config, CONFIG_CHANNELS_OFFSET)); // channelcount
  at = putU16(at, 16); // samplesize
  at = putU32(at, 0); // pre_defined, reserved
  // samplerate, 16.16: 88.2 and 96 kHz do not fit and are in the AudioSpecificConfig
  at = putU32(at, rate <= 0xffff ? rate << 16 : 0);
  at = putElementaryStreamDescriptor(movie, at, track, config);
  endBox(movie, mp4a, at);
  return at;
}

export function putSampleDescriptions(movie: usize, at: usize, track: usize): usize {
  const config = <usize>load<u32>(track, INDEX_CONFIG_OFFSET);
  const stsd = at;
  at = beginFullBox(at, STSD, 0, 0);
  at = putU32(at, 1); // entry_count
  if (load<u32>(config, CONFIG_CODEC_OFFSET) == CODEC_H264) at = putVisualSampleEntry(movie, at, config);
  else at = putAudioSampleEntry(movie, at, track, config);
  endBox(movie, stsd, at);
  return at;
}
