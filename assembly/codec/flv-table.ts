// Codecs in FLV: what depends on a codec, one switch each. With mp4-table.ts and mpegts-table.ts this is the
// muxers' half of src/media/codec/table.ts. AssemblyScript cannot hold it complete by types. So the number of codecs is
// stated here again, which fails the build where one was added, and test/unit/media/codec/table.test.ts asks every
// function about every codec.
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
  CODEC_MP3,
  CODEC_OPUS,
  CODEC_PCMA,
  CODEC_PCMU,
  CODEC_VP8,
  CODEC_VP9,
  CONFIG_BYTES_SIZE_OFFSET,
} from "../../src/abi/decoder-config";
import { configCodec } from "../decoder-config";
import { AAC_PREFIX_SIZE, putAacSequenceHeader, putAacTag, SOUND_FORMAT_AAC } from "./aac/flv";
import { MP4A } from "./aac/sample-entry";
import { AV01 } from "./av1/sample-entry";
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
import { AVC_PREFIX_SIZE, CODEC_ID_AVC, putAvcSequenceHeader, putAvcTag, putExAvcSequenceStart } from "./h264/flv";
import { AVC1 } from "./h264/sample-entry";
import { HVC1 } from "./h265/sample-entry";
import { AC3_FOUR_CC, EAC3_FOUR_CC } from "./ac3/sample-entry";
import { FLAC_FOUR_CC } from "./flac/sample-entry";
import { MP3_FOUR_CC, MP3_PREFIX_SIZE, mp3FlvId, putMp3Tag } from "./mpeg-audio/flv";
import { PCM_PREFIX_SIZE, pcmFlvId, putPcmTag } from "./pcm/flv";
import { pcmCodedBits } from "./pcm/samples";
import { wholeNalBytes } from "./nal-lengths";
import { OPUS_FOUR_CC } from "./opus/sample-entry";
import { VP08, VP09, VPCC_BYTES } from "./vp-sample-entry";

/** A codec that was added to src/abi/decoder-config.ts belongs into every switch below; then this number is raised. */
const CODECS_HERE: i32 = 15;

/** `videocodecid` and `audiocodecid` of FLV: CodecID or SoundFormat, the FourCC of a codec that is written extended. */
export function flvCodecId(config: usize): u32 {
  if (CODECS_HERE != CODEC_COUNT) ERROR("assembly/codec/flv-table.ts lacks a codec of src/abi/decoder-config.ts");
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
