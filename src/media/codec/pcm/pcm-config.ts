// The decoder configuration of PCM and of G.711, which no standard has a record for: what a source says of them beside
// the samples (the first byte of an FLV tag, an RTP map) in one form.
//
//   | sample rate u32 | channels u8 | bits of a coded sample u8 |

import { ReelError } from "../../../base/reel-error.js";
import type { AudioConfig } from "../audio-config.js";

export const PCM_CONFIG_SIZE = 6;
/** An AudioSampleEntry has 16 bits for it, and nothing else in an MP4 says it. */
const MAX_RATE = 65_535;
/** More have no layout without a channel mask, which no source says. */
const MAX_CHANNELS = 2;
/** The usual packet of RTP has 20 ms. Frames say themselves how long they are. */
const USUAL_FRAMES_PER_SECOND = 50;

export function pcmConfig(sampleRate: number, channels: number, bitsPerSample: number): Uint8Array {
  const config = new Uint8Array(PCM_CONFIG_SIZE);
  new DataView(config.buffer).setUint32(0, sampleRate);
  config[4] = channels;
  config[5] = bitsPerSample;
  return config;
}

/** Of the coded samples of all channels at one time. `config` is one that can be parsed. */
export function pcmBlockBytes(config: Uint8Array): number {
  const [, , , , channels = 0, bitsPerSample = 0] = config;
  return (channels * bitsPerSample) / 8;
}

/** Throws ReelError `badConfig`. */
export function parsePcmConfig(bytes: Uint8Array, title: string, bits: readonly number[]): AudioConfig {
  const bad = (reason: string): never => {
    throw new ReelError("badConfig", `${title} decoder configuration: ${reason}`);
  };
  if (bytes.byteLength !== PCM_CONFIG_SIZE) bad(`${bytes.byteLength} bytes`);
  const sampleRate = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const [, , , , channels = 0, bitsPerSample = 0] = bytes;
  if (sampleRate < USUAL_FRAMES_PER_SECOND || sampleRate > MAX_RATE) bad(`a rate of ${sampleRate}`);
  if (channels < 1 || channels > MAX_CHANNELS) bad(`${channels} channels`);
  if (!bits.includes(bitsPerSample)) bad(`${bitsPerSample} bits a sample`);
  return {
    sampleRate,
    channels,
    samplesPerFrame: Math.round(sampleRate / USUAL_FRAMES_PER_SECOND),
    objectType: 0,
    rateIndex: 0,
  };
}
