// The codec table of the muxers, the half of src/media/codec/table.ts: every question that depends on a codec, one
// switch each. AssemblyScript cannot hold it complete by types. So the number of codecs is stated here again, which
// fails the build where one was added, and test/unit/media/codec/table.test.ts asks every function about every codec.
//
// An answer of 0 (no bytes, no type) means that the container has no form for the codec. The functions that write are
// only called where it has one.

import {
  CODEC_AAC,
  CODEC_AC3,
  CODEC_AV1,
  CODEC_COUNT,
  CODEC_EAC3,
  CODEC_FLAC,
  CODEC_H264,
  CODEC_H265,
  CODEC_LPCM,
  CODEC_MP2,
  CODEC_MP3,
  CODEC_OPUS,
  CODEC_PCMA,
  CODEC_PCMU,
  CODEC_VP8,
  CODEC_VP9,
  CONFIG_BYTES_SIZE_OFFSET,
  CONFIG_LANGUAGE_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
} from "../../src/abi/decoder-config";
import { FLAG_RANDOM_ACCESS } from "../../src/abi/frame";
import { STREAM_ID_AUDIO, STREAM_ID_PRIVATE_1 } from "../container/mpegts/pes";
import { configCodec } from "../decoder-config";
import { ADTS_MAX_PAYLOAD } from "./aac/adts";
import { AAC_PREFIX_SIZE, putAacSequenceHeader, putAacTag, SOUND_FORMAT_AAC } from "./aac/flv";
import { adtsCanSay, latmCanCarry, latmPayloadBytes, latmPesOverhead, writeLatmPes } from "./aac/latm";
import { aacPesOverhead, writeAacPes } from "./aac/pes";
import { MP4A, putAacSampleEntry } from "./aac/sample-entry";
import { AV01, putAv1SampleEntry } from "./av1/sample-entry";
import {
  COMPOSITION_TIME_SIZE,
  exPrefixSize,
  putExAudioSequenceStart,
  FLAC_MAGIC_SIZE,
  putExAudioTag,
  putExTimedVideoTag,
  putExVideoSequenceStart,
  putExVideoTag,
} from "./flv-extended";
import {
  AVC_PREFIX_SIZE,
  CODEC_ID_AVC,
  putAvcSequenceHeader,
  putAvcTag,
  putExAvcSequenceStart,
} from "./h264/flv";
import { scanAccessUnit } from "./h264/nal";
import { h264PesOverhead, writeH264Pes } from "./h264/pes";
import { AVC1, putAvcSampleEntry } from "./h264/sample-entry";
import { scanH265AccessUnit } from "./h265/nal";
import { h265PesOverhead, writeH265Pes } from "./h265/pes";
import { HVC1, putHvcSampleEntry } from "./h265/sample-entry";
import { eac3FrameSamples } from "./ac3/frame";
import { AC3_REGISTRATION, EAC3_REGISTRATION, putRegistration, REGISTRATION_SIZE } from "./ac3/pes";
import { AC3_FOUR_CC, EAC3_FOUR_CC, putAc3SampleEntry, putEac3SampleEntry } from "./ac3/sample-entry";
import { flacFrameSamples } from "./flac/frame";
import { FLAC_FOUR_CC, putFlacSampleEntry } from "./flac/sample-entry";
import { MP3_FOUR_CC, MP3_PREFIX_SIZE, mp3FlvId, putMp3Tag } from "./mpeg-audio/flv";
import { MPEG1_MINIMUM_RATE, putMpegAudioSampleEntry } from "./mpeg-audio/sample-entry";
import { PCM_PREFIX_SIZE, pcmFlvId, putPcmTag } from "./pcm/flv";
import { IPCM, putPcmSampleEntry } from "./pcm/sample-entry";
import { pcmCodedBits, pcmFrameSamples, pcmLinearSize, putLinear } from "./pcm/samples";
import { MAX_RAW_ACCESS_UNIT, writeRawPes } from "./raw-pes";
import { wholeNalBytes } from "./nal-lengths";
import { opusChannelConfigCode, opusHasChannelConfigCode, opusPreSkip } from "./opus/head";
import { opusPacketSamples } from "./opus/packet";
import { OPUS_DESCRIPTORS_SIZE, OPUS_MAX_PACKET, opusPesOverhead, putOpusDescriptors, writeOpusPes } from "./opus/pes";
import { OPUS_FOUR_CC, OPUS_PRE_ROLL, putOpusSampleEntry } from "./opus/sample-entry";
import { putVpSampleEntry, VP08, VP09, VPCC_BYTES } from "./vp-sample-entry";

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

/** The type of the sample entry in MP4. */
export function mp4SampleEntryType(codec: u32): u32 {
  if (CODECS_HERE != CODEC_COUNT) ERROR("assembly/codec/table.ts lacks a codec of src/abi/decoder-config.ts");
  switch (codec) {
    case CODEC_H264:
      return AVC1;
    case CODEC_H265:
      return HVC1;
    case CODEC_AAC:
      return MP4A;
    case CODEC_OPUS:
      return OPUS_FOUR_CC;
    case CODEC_AV1:
      return AV01;
    case CODEC_VP9:
      return VP09;
    case CODEC_VP8:
      return VP08;
    case CODEC_MP3:
    case CODEC_MP2:
      return MP4A;
    case CODEC_AC3:
      return AC3_FOUR_CC;
    case CODEC_EAC3:
      return EAC3_FOUR_CC;
    case CODEC_FLAC:
      return FLAC_FOUR_CC;
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return IPCM;
    default:
      return 0;
  }
}

export function putMp4SampleEntry(movie: usize, at: usize, track: usize, config: usize): usize {
  switch (configCodec(config)) {
    case CODEC_H264:
      return putAvcSampleEntry(movie, at, config);
    case CODEC_H265:
      return putHvcSampleEntry(movie, at, config);
    case CODEC_AAC:
      return putAacSampleEntry(movie, at, track, config);
    case CODEC_OPUS:
      return putOpusSampleEntry(movie, at, config);
    case CODEC_AV1:
      return putAv1SampleEntry(movie, at, config);
    case CODEC_VP9:
      return putVpSampleEntry(movie, at, VP09, config);
    case CODEC_VP8:
      return putVpSampleEntry(movie, at, VP08, config);
    case CODEC_MP3:
    case CODEC_MP2:
      return putMpegAudioSampleEntry(movie, at, track, config);
    case CODEC_AC3:
      return putAc3SampleEntry(movie, at, config);
    case CODEC_EAC3:
      return putEac3SampleEntry(movie, at, config);
    case CODEC_FLAC:
      return putFlacSampleEntry(movie, at, config);
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return putPcmSampleEntry(movie, at, config);
    default:
      return unreachable();
  }
}

/** Bytes of a frame in MP4. */
// @ts-ignore: decorator
@inline
export function mp4SampleSize(config: usize, size: u32): u32 {
  switch (configCodec(config)) {
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return pcmLinearSize(config, size);
    default:
      return size;
  }
}

/** Writes the `mp4SampleSize` bytes that a frame has in MP4. */
// @ts-ignore: decorator
@inline
export function putMp4Sample(at: usize, config: usize, payload: usize, size: u32): void {
  switch (configCodec(config)) {
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      putLinear(at, config, payload, size);
      break;
    default:
      memory.copy(at, payload, size);
  }
}

/**
 * Samples of an audio frame that says its length itself, where that differs from frame to frame; 0: it is the usual.
 */
// @ts-ignore: decorator
@inline
export function audioFrameSamples(config: usize, payload: usize, size: u32): u32 {
  switch (configCodec(config)) {
    case CODEC_OPUS:
      return opusPacketSamples(payload, size);
    case CODEC_EAC3:
      return eac3FrameSamples(payload, size);
    case CODEC_FLAC:
      return flacFrameSamples(payload, size);
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return pcmFrameSamples(config, size);
    default:
      return 0;
  }
}

/** What the encoder put in front of the sound: samples of the track's first frames that are decoded but not heard. */
export function audioPriming(config: usize): u32 {
  return configCodec(config) == CODEC_OPUS ? opusPreSkip(config) : 0;
}

/** Samples that are to be decoded in front of a place where playing starts, for the sound to be exact there. */
export function audioPreRoll(config: usize): u32 {
  return configCodec(config) == CODEC_OPUS ? OPUS_PRE_ROLL : 0;
}

/** Whether MPEG-TS has a form for this configuration. */
export function tsCanCarry(config: usize): bool {
  const codec = configCodec(config);
  if (codec == CODEC_AAC) return adtsCanSay(config) || latmCanCarry(config);
  if (codec == CODEC_OPUS) return opusHasChannelConfigCode(config);
  return tsStreamType(config) != 0;
}

/** stream_type of MPEG-TS. */
export function tsStreamType(config: usize): u32 {
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

/** `videocodecid` and `audiocodecid` of FLV: CodecID or SoundFormat, the FourCC of a codec that is written extended. */
export function flvCodecId(config: usize): u32 {
  switch (configCodec(config)) {
    case CODEC_H264:
      return CODEC_ID_AVC;
    case CODEC_H265:
      return HVC1;
    case CODEC_AAC:
      return SOUND_FORMAT_AAC;
    case CODEC_OPUS:
      return OPUS_FOUR_CC;
    case CODEC_AV1:
      return AV01;
    case CODEC_VP9:
      return VP09;
    case CODEC_VP8:
      return VP08;
    case CODEC_MP3:
      return mp3FlvId(config);
    case CODEC_AC3:
      return AC3_FOUR_CC;
    case CODEC_EAC3:
      return EAC3_FOUR_CC;
    case CODEC_FLAC:
      return FLAC_FOUR_CC;
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return pcmFlvId(config);
    default:
      return 0;
  }
}

/** `audiosamplesize` of FLV. */
export function flvSampleBits(config: usize): u32 {
  return configCodec(config) == CODEC_LPCM ? pcmCodedBits(config) : 16;
}

/** The FourCC of extended headers; 0: there is none, so that an FLV file can have the codec in its first track only. */
export function flvFourCc(config: usize): u32 {
  switch (configCodec(config)) {
    case CODEC_H264:
      return AVC1;
    case CODEC_AAC:
      return MP4A;
    case CODEC_MP3:
      return MP3_FOUR_CC;
    case CODEC_H265:
    case CODEC_OPUS:
    case CODEC_AV1:
    case CODEC_VP9:
    case CODEC_VP8:
    case CODEC_AC3:
    case CODEC_EAC3:
    case CODEC_FLAC:
      return flvCodecId(config);
    default:
      return 0;
  }
}

/** Bytes of a tag's body in front of the payload. `trackId`: of the track among those of its kind, the first is 0. */
// @ts-ignore: decorator
@inline
export function flvPrefixSize(config: usize, trackId: u32): u32 {
  switch (configCodec(config)) {
    case CODEC_H264:
      return trackId == 0 ? AVC_PREFIX_SIZE : exPrefixSize(trackId) + COMPOSITION_TIME_SIZE;
    case CODEC_H265:
      return exPrefixSize(trackId) + COMPOSITION_TIME_SIZE;
    case CODEC_AAC:
      return trackId == 0 ? AAC_PREFIX_SIZE : exPrefixSize(trackId);
    case CODEC_OPUS:
    case CODEC_AV1:
    case CODEC_VP9:
    case CODEC_VP8:
    case CODEC_AC3:
    case CODEC_EAC3:
    case CODEC_FLAC:
      return exPrefixSize(trackId);
    case CODEC_MP3:
      return isPlainMp3(config, trackId) ? MP3_PREFIX_SIZE : exPrefixSize(trackId);
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return PCM_PREFIX_SIZE;
    default:
      return 0;
  }
}

function isPlainMp3(config: usize, trackId: u32): bool {
  return trackId == 0 && mp3FlvId(config) != MP3_FOUR_CC;
}

/** Bytes of an access unit that a tag can take, 0 where it is left out. */
// @ts-ignore: decorator
@inline
export function flvPayloadSize(config: usize, payload: usize, size: u32): u32 {
  switch (configCodec(config)) {
    case CODEC_H264:
    case CODEC_H265:
      return wholeNalBytes(payload, size);
    case CODEC_AAC:
    case CODEC_OPUS:
    case CODEC_AV1:
    case CODEC_VP9:
    case CODEC_VP8:
    case CODEC_MP3:
    case CODEC_AC3:
    case CODEC_EAC3:
    case CODEC_FLAC:
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return size;
    default:
      return 0;
  }
}

/**
 * Whether frames or their tags say what a decoder must know, so that no tag with a decoder configuration stands in
 * front.
 */
function flvNeedsNoHeader(config: usize): bool {
  switch (configCodec(config)) {
    case CODEC_MP3:
    case CODEC_AC3:
    case CODEC_EAC3:
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return true;
    default:
      return false;
  }
}

/** Most bytes of the body of the tag with the decoder configuration. */
export function flvSequenceHeaderBody(config: usize, trackId: u32): u32 {
  return flvPrefixSize(config, trackId) + FLAC_MAGIC_SIZE + flvConfigBytes(config);
}

/** Of the configuration, as far as its sequence header has it. */
function flvConfigBytes(config: usize): u32 {
  const codec = configCodec(config);
  return codec == CODEC_VP9 || codec == CODEC_VP8 ? VPCC_BYTES : load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
}

/** The end is where it began for a codec that has none. */
export function putSequenceHeader(at: usize, config: usize, trackId: u32, timestampMs: i64): usize {
  if (flvNeedsNoHeader(config)) return at;
  switch (configCodec(config)) {
    case CODEC_H264:
      if (trackId != 0) return putExAvcSequenceStart(at, trackId, config, timestampMs);
      return putAvcSequenceHeader(at, config, timestampMs);
    case CODEC_AAC:
      if (trackId != 0) return putExAudioSequenceStart(at, MP4A, trackId, 0, config, timestampMs);
      return putAacSequenceHeader(at, config, timestampMs);
    case CODEC_OPUS:
      return putExAudioSequenceStart(at, OPUS_FOUR_CC, trackId, 0, config, timestampMs);
    case CODEC_FLAC:
      return putExAudioSequenceStart(at, FLAC_FOUR_CC, trackId, FLAC_FOUR_CC, config, timestampMs);
    case CODEC_H265:
    case CODEC_AV1:
    case CODEC_VP9:
    case CODEC_VP8:
      return putExVideoSequenceStart(at, flvFourCc(config), trackId, config, flvConfigBytes(config), timestampMs);
    default:
      return unreachable();
  }
}

/** `bytes` is what `flvPayloadSize` answered, and not 0. */
// @ts-ignore: decorator
@inline
export function putFrameTag(
  at: usize,
  config: usize,
  trackId: u32,
  payload: usize,
  bytes: u32,
  isRandomAccess: bool,
  timestampMs: i64,
  compositionMs: i64,
): usize {
  switch (configCodec(config)) {
    case CODEC_H264:
      if (trackId == 0) return putAvcTag(at, payload, bytes, isRandomAccess, timestampMs, compositionMs);
      return putExTimedVideoTag(at, AVC1, trackId, payload, bytes, isRandomAccess, timestampMs, compositionMs);
    case CODEC_H265:
      return putExTimedVideoTag(at, HVC1, trackId, payload, bytes, isRandomAccess, timestampMs, compositionMs);
    case CODEC_AAC:
      if (trackId == 0) return putAacTag(at, payload, bytes, timestampMs);
      return putExAudioTag(at, MP4A, trackId, payload, bytes, timestampMs);
    case CODEC_AV1:
    case CODEC_VP9:
    case CODEC_VP8:
      return putExVideoTag(at, flvFourCc(config), trackId, payload, bytes, isRandomAccess, timestampMs);
    case CODEC_MP3:
      if (isPlainMp3(config, trackId)) return putMp3Tag(at, config, payload, bytes, timestampMs);
      return putExAudioTag(at, MP3_FOUR_CC, trackId, payload, bytes, timestampMs);
    case CODEC_OPUS:
    case CODEC_AC3:
    case CODEC_EAC3:
    case CODEC_FLAC:
      return putExAudioTag(at, flvFourCc(config), trackId, payload, bytes, timestampMs);
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return putPcmTag(at, config, payload, bytes, timestampMs);
    default:
      return unreachable();
  }
}
