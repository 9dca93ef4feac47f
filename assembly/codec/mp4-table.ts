// Codecs in MP4: what depends on a codec, one switch each. With mpegts-table.ts and flv-table.ts this is the
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
  CODEC_MP2,
  CODEC_MP3,
  CODEC_OPUS,
  CODEC_PCMA,
  CODEC_PCMU,
  CODEC_VP8,
  CODEC_VP9,
} from "../../src/abi/decoder-config";
import { configCodec } from "../decoder-config";
import { MP4A, putAacSampleEntry } from "./aac/sample-entry";
import { AV01, putAv1SampleEntry } from "./av1/sample-entry";
import { AVC1, putAvcSampleEntry } from "./h264/sample-entry";
import { HVC1, putHvcSampleEntry } from "./h265/sample-entry";
import { AC3_FOUR_CC, EAC3_FOUR_CC, putAc3SampleEntry, putEac3SampleEntry } from "./ac3/sample-entry";
import { FLAC_FOUR_CC, putFlacSampleEntry } from "./flac/sample-entry";
import { putMpegAudioSampleEntry } from "./mpeg-audio/sample-entry";
import { IPCM, putPcmSampleEntry } from "./pcm/sample-entry";
import { pcmLinearSize, putLinear } from "./pcm/samples";
import { OPUS_FOUR_CC, putOpusSampleEntry } from "./opus/sample-entry";
import { putVpSampleEntry, VP08, VP09 } from "./vp-sample-entry";

/** A codec that was added to src/abi/decoder-config.ts belongs into every switch below; then this number is raised. */
const CODECS_HERE: i32 = 15;

/** The type of the sample entry in MP4. */
export function mp4SampleEntryType(codec: u32): u32 {
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
  if (CODECS_HERE != CODEC_COUNT) ERROR("assembly/codec/mp4-table.ts lacks a codec of src/abi/decoder-config.ts");
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
