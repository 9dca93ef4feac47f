// What every part of the muxers asks of a decoder configuration block (src/abi/decoder-config.ts), whatever its codec.

import {
  CONFIG_CODEC_OFFSET,
  CONFIG_KIND_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_SAMPLES_PER_FRAME_OFFSET,
  KIND_AUDIO,
  KIND_VIDEO,
} from "../src/abi/decoder-config";

// @ts-ignore: decorator
@inline
export function configCodec(config: usize): u32 {
  return load<u32>(config, CONFIG_CODEC_OFFSET);
}

// @ts-ignore: decorator
@inline
export function configKind(config: usize): u32 {
  return load<u32>(config, CONFIG_KIND_OFFSET);
}

// @ts-ignore: decorator
@inline
export function isVideoConfig(config: usize): bool {
  return configKind(config) == KIND_VIDEO;
}

// @ts-ignore: decorator
@inline
export function isAudioConfig(config: usize): bool {
  return configKind(config) == KIND_AUDIO;
}

/** Nominal duration of an audio frame at the core's rate: 1024 (or 960) samples of AAC. */
export function audioFrameDuration90k(config: usize): i64 {
  return audioDuration90k(config, load<u32>(config, CONFIG_SAMPLES_PER_FRAME_OFFSET));
}

/** Of so many samples, at the core's rate. */
export function audioDuration90k(config: usize, samples: u32): i64 {
  return (<i64>samples * 90000) / <i64>max<u32>(load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET), 1);
}
