// PCM and G.711 as linear samples of 16 bits, little-endian: what MP4 has of them (ISO/IEC 23003-5 knows nothing
// smaller). G.711 is expanded by the rule behind its tables (ITU-T G.711 §3), 8-bit PCM loses its offset.

import {
  CODEC_PCMA,
  CODEC_PCMU,
  CONFIG_BYTES_OFFSET,
  CONFIG_CHANNELS_OFFSET,
} from "../../../src/abi/decoder-config";
import { configCodec } from "../../decoder-config";

/** Of the coded samples, in the configuration's bytes (src/media/codec/pcm/pcm-config.ts). */
const BITS_AT: usize = 5;
/** Samples of a frame have 16 bits in a sample record (src/abi/mp4.ts). */
const MAX_SAMPLES: u32 = 0xffff;
const MU_LAW_BIAS: i32 = 0x84;

// @ts-ignore: decorator
@inline
export function pcmCodedBits(config: usize): u32 {
  return load<u8>(config + CONFIG_BYTES_OFFSET + BITS_AT);
}

/** How long a frame lasts. */
export function pcmFrameSamples(config: usize, size: u32): u32 {
  const blockBytes = load<u32>(config, CONFIG_CHANNELS_OFFSET) * (pcmCodedBits(config) >> 3);
  return min<u32>(size / max<u32>(blockBytes, 1), MAX_SAMPLES);
}

/** Bytes of a frame of `size` when its samples are linear. */
export function pcmLinearSize(config: usize, size: u32): u32 {
  return pcmCodedBits(config) == 8 ? size * 2 : size;
}

/** Even bits are inverted; sign 1, segment 3, step 4. Of the step its middle is taken. */
// @ts-ignore: decorator
@inline
function aLaw(code: u32): i32 {
  code ^= 0x55;
  const segment = (code >> 4) & 7;
  const step = <i32>((code & 15) << 4) + 8;
  const size = segment == 0 ? step : (step + 0x100) << (segment - 1);
  return (code & 0x80) != 0 ? size : -size;
}

/** All bits are inverted; the bias that makes segments double is taken away at the end. */
// @ts-ignore: decorator
@inline
function muLaw(code: u32): i32 {
  code = ~code;
  const size = ((<i32>((code & 15) << 3) + MU_LAW_BIAS) << ((code >> 4) & 7)) - MU_LAW_BIAS;
  return (code & 0x80) != 0 ? -size : size;
}

export function putLinear(at: usize, config: usize, payload: usize, size: u32): void {
  if (pcmCodedBits(config) != 8) {
    memory.copy(at, payload, size);
    return;
  }
  const codec = configCodec(config);
  for (let i: u32 = 0; i < size; i++) {
    const code = <u32>load<u8>(payload + i);
    const sample = codec == CODEC_PCMA ? aLaw(code) : codec == CODEC_PCMU ? muLaw(code) : (<i32>code - 128) << 8;
    store<i16>(at + (i << 1), <i16>sample);
  }
}
