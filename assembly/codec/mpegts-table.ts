// Codecs in MPEG-TS: what depends on a codec, one switch each. With mp4-table.ts and flv-table.ts this is the
// muxers' half of src/media/codec/table.ts. AssemblyScript cannot hold it complete by types. So the number of codecs is
// stated here again, which fails the build where one was added, and test/unit/media/codec/table.test.ts asks every
// function about every codec.
//
// An answer of 0 (no bytes, no type) means that the container has no form for the codec. The functions that write are
// only called where it has one.

import {
  CODEC_AAC,
  CODEC_AC3,
  CODEC_COUNT,
  CODEC_EAC3,
  CODEC_H264,
  CODEC_H265,
  CODEC_MP2,
  CODEC_MP3,
  CODEC_OPUS,
  CONFIG_LANGUAGE_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
} from "../../src/abi/decoder-config";
import { FLAG_RANDOM_ACCESS } from "../../src/abi/frame";
import { STREAM_ID_AUDIO, STREAM_ID_PRIVATE_1 } from "../container/mpegts/pes";
import { configCodec } from "../decoder-config";
import { ADTS_MAX_PAYLOAD } from "./aac/adts";
import { adtsCanSay, latmCanCarry, latmPayloadBytes, latmPesOverhead, writeLatmPes } from "./aac/latm";
import { aacPesOverhead, writeAacPes } from "./aac/pes";
import { scanAccessUnit } from "./h264/nal";
import { h264PesOverhead, writeH264Pes } from "./h264/pes";
import { scanH265AccessUnit } from "./h265/nal";
import { h265PesOverhead, writeH265Pes } from "./h265/pes";
import { AC3_REGISTRATION, EAC3_REGISTRATION, putRegistration, REGISTRATION_SIZE } from "./ac3/pes";
import { MPEG1_MINIMUM_RATE } from "./mpeg-audio/sample-entry";
import { MAX_RAW_ACCESS_UNIT, writeRawPes } from "./raw-pes";
import { opusChannelConfigCode, opusHasChannelConfigCode } from "./opus/head";
import { OPUS_DESCRIPTORS_SIZE, OPUS_MAX_PACKET, opusPesOverhead, putOpusDescriptors, writeOpusPes } from "./opus/pes";

/** A codec that was added to src/abi/decoder-config.ts belongs into every switch below; then this number is raised. */
const CODECS_HERE: i32 = 15;
const STREAM_TYPE_H264: u32 = 0x1b;
const STREAM_TYPE_H265: u32 = 0x24;
const STREAM_TYPE_AAC_ADTS: u32 = 0x0f;
const STREAM_TYPE_AAC_LATM: u32 = 0x11;
const STREAM_TYPE_PRIVATE_PES: u32 = 0x06;
const STREAM_TYPE_MPEG1_AUDIO: u32 = 0x03;
const STREAM_TYPE_MPEG2_AUDIO: u32 = 0x04;
const STREAM_TYPE_AC3: u32 = 0x81;
const STREAM_TYPE_EAC3: u32 = 0x87;

/** Whether MPEG-TS has a form for this configuration. */
export function tsCanCarry(config: usize): bool {
  const codec = configCodec(config);
  if (codec == CODEC_AAC) return adtsCanSay(config) || latmCanCarry(config);
  if (codec == CODEC_OPUS) return opusHasChannelConfigCode(config);
  return tsStreamType(config) != 0;
}

/** stream_type of MPEG-TS. */
export function tsStreamType(config: usize): u32 {
  if (CODECS_HERE != CODEC_COUNT) ERROR("assembly/codec/mpegts-table.ts lacks a codec of src/abi/decoder-config.ts");
  switch (configCodec(config)) {
    case CODEC_H264:
      return STREAM_TYPE_H264;
    case CODEC_H265:
      return STREAM_TYPE_H265;
    case CODEC_AAC:
      return adtsCanSay(config) ? STREAM_TYPE_AAC_ADTS : STREAM_TYPE_AAC_LATM;
    case CODEC_OPUS:
      return STREAM_TYPE_PRIVATE_PES;
    case CODEC_MP3:
    case CODEC_MP2:
      return load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET) >= MPEG1_MINIMUM_RATE
        ? STREAM_TYPE_MPEG1_AUDIO
        : STREAM_TYPE_MPEG2_AUDIO;
    case CODEC_AC3:
      return STREAM_TYPE_AC3;
    case CODEC_EAC3:
      return STREAM_TYPE_EAC3;
    default:
      return 0;
  }
}

/** Bytes of the descriptors that name the codec in the PMT. */
export function tsDescriptorsSize(config: usize): u32 {
  switch (configCodec(config)) {
    case CODEC_OPUS:
      return OPUS_DESCRIPTORS_SIZE;
    case CODEC_AC3:
    case CODEC_EAC3:
      return REGISTRATION_SIZE;
    default:
      return 0;
  }
}

/** All that an entry of the PMT says of a configuration, as a number that is not 0. */
export function tsListing(config: usize): u32 {
  const descriptors = configCodec(config) == CODEC_OPUS ? opusChannelConfigCode(config) : 0;
  // A language has three letters of five bits.
  return (load<u32>(config, CONFIG_LANGUAGE_OFFSET) << 16) | (descriptors << 8) | tsStreamType(config);
}

export function putTsDescriptors(at: usize, config: usize): usize {
  switch (configCodec(config)) {
    case CODEC_OPUS:
      return putOpusDescriptors(at, config);
    case CODEC_AC3:
      return putRegistration(at, AC3_REGISTRATION);
    case CODEC_EAC3:
      return putRegistration(at, EAC3_REGISTRATION);
    default:
      return at;
  }
}

/**
 * What is to be known of an access unit before it is written: in the lower half its bytes in MPEG-TS as far as they
 * come from the ring, 0 where it is left out because no decoder would find anything in it or no header can say its
 * length; the upper half is the codec's own.
 */
// @ts-ignore: decorator
@inline
export function tsScan(config: usize, payload: usize, size: u32): u64 {
  switch (configCodec(config)) {
    case CODEC_H264:
      return scanAccessUnit(payload, size);
    case CODEC_H265:
      return scanH265AccessUnit(payload, size);
    case CODEC_AAC:
      if (!adtsCanSay(config)) return latmPayloadBytes(config, size);
      return size <= ADTS_MAX_PAYLOAD ? size : 0;
    case CODEC_OPUS:
      return size <= OPUS_MAX_PACKET ? size : 0;
    case CODEC_MP3:
    case CODEC_MP2:
    case CODEC_AC3:
    case CODEC_EAC3:
      return size <= MAX_RAW_ACCESS_UNIT ? size : 0;
    default:
      return 0;
  }
}

/** Most bytes of an access unit in front of what the ring holds of it; 0 also where there are none. */
// @ts-ignore: decorator
@inline
export function tsOverhead(config: usize): u32 {
  switch (configCodec(config)) {
    case CODEC_H264:
      return h264PesOverhead(config);
    case CODEC_H265:
      return h265PesOverhead(config);
    case CODEC_AAC:
      return adtsCanSay(config) ? aacPesOverhead() : latmPesOverhead(config);
    case CODEC_OPUS:
      return opusPesOverhead();
    default:
      return 0;
  }
}

/**
 * `scan` is what `tsScan` answered, and not empty; `frameFlags` are the ring's, `flags` those of the adaptation field.
 */
// @ts-ignore: decorator
@inline
export function writePes(
  ts: usize,
  at: usize,
  track: u32,
  payload: usize,
  size: u32,
  config: usize,
  scan: u64,
  frameFlags: u32,
  flags: u32,
  pcr: i64,
  pts: i64,
  dts: i64,
): usize {
  const isRandomAccess = (frameFlags & FLAG_RANDOM_ACCESS) != 0;
  switch (configCodec(config)) {
    case CODEC_H264:
      return writeH264Pes(ts, at, track, payload, size, config, scan, isRandomAccess, flags, pcr, pts, dts);
    case CODEC_H265:
      return writeH265Pes(ts, at, track, payload, size, config, scan, isRandomAccess, flags, pcr, pts, dts);
    case CODEC_AAC:
      return adtsCanSay(config)
        ? writeAacPes(ts, at, track, payload, size, config, flags, pcr, pts)
        : writeLatmPes(ts, at, track, payload, size, config, flags, pcr, pts);
    case CODEC_OPUS:
      return writeOpusPes(ts, at, track, payload, size, config, frameFlags, flags, pcr, pts);
    case CODEC_MP3:
    case CODEC_MP2:
      return writeRawPes(ts, at, track, STREAM_ID_AUDIO, payload, size, flags, pcr, pts);
    case CODEC_AC3:
    case CODEC_EAC3:
      return writeRawPes(ts, at, track, STREAM_ID_PRIVATE_1, payload, size, flags, pcr, pts);
    default:
      return unreachable();
  }
}
