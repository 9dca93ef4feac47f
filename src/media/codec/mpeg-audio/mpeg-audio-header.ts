// Frame headers of MPEG audio, layers II and III: ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.1.3 for the lower
// rates, and the usual extension ("2.5") for the lowest.
//
//   | sync 11 | version 2 | layer 2 | protection | bitrate 4 | rate 2 | padding | private
//   | mode 2 | mode extension 2 | copyright | original | emphasis 2 |

import type { CodecName } from "../codec-entry.js";
import type { SoundHeader } from "../sound-header.js";

export const MPEG_AUDIO_HEADER_SIZE = 4;
const VERSION_1 = 3;
const VERSION_2_5 = 0;
const VERSION_RESERVED = 1;
const LAYER_2 = 2;
const LAYER_3 = 1;
const MODE_MONO = 3;
const RATES = [44100, 48000, 32000] as const;
/** Thousands of bits a second by bitrate_index; 0 = free format, which says no frame size. */
const BIT_RATES = {
  layer2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  layer3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  lowRate: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const LAYER_2_SAMPLES = 1152;
const LAYER_3_LOW_RATE_SAMPLES = 576;
const BITS_PER_BYTE = 8;

export class MpegAudioHeader implements SoundHeader {
  readonly unit = "frame of MPEG audio";
  readonly headerBytes = MPEG_AUDIO_HEADER_SIZE;
  readonly isContinuation = false;
  codec: CodecName = "mp3";
  sizeBytes = 0;
  samples = 0;
  sampleRate = 0;
  channels = 0;
  identity = 0;

  parse(bytes: Uint8Array, at: number): boolean {
    const b1 = bytes[at + 1] ?? 0;
    const b2 = bytes[at + 2] ?? 0;
    if (bytes[at] !== 0xff || b1 < 0xe0) return false;
    const bitRateIndex = b2 >> 4;
    if (!this.#parseFormat(b1, b2, bytes[at + 3] ?? 0) || bitRateIndex === 0 || bitRateIndex === 15) return false;
    const isVersion1 = ((b1 >> 3) & 3) === VERSION_1;
    const table = isVersion1 ? (this.codec === "mp2" ? BIT_RATES.layer2 : BIT_RATES.layer3) : BIT_RATES.lowRate;
    const bitsPerSecond = (table[bitRateIndex] ?? 0) * 1000;
    const padding = (b2 >> 1) & 1;
    this.sizeBytes = Math.floor(((this.samples / BITS_PER_BYTE) * bitsPerSecond) / this.sampleRate) + padding;
    return true;
  }

  /** Of a configuration that `config` has made. */
  parseConfig(bytes: Uint8Array): boolean {
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = bytes;
    return bytes.byteLength === MPEG_AUDIO_HEADER_SIZE && b0 === 0xff && b1 >= 0xe0 && this.#parseFormat(b1, b2, b3);
  }

  /** A header without what changes from frame to frame: bit rate, padding, mode extension. */
  config(bytes: Uint8Array, at: number): Uint8Array {
    const [, b1 = 0, b2 = 0, b3 = 0] = bytes.subarray(at, at + MPEG_AUDIO_HEADER_SIZE);
    return Uint8Array.of(0xff, b1 | 1, b2 & 0x0c, b3 >> 6 === MODE_MONO ? MODE_MONO << 6 : 0);
  }

  #parseFormat(b1: number, b2: number, b3: number): boolean {
    const version = (b1 >> 3) & 3;
    const layer = (b1 >> 1) & 3;
    const rate = RATES[(b2 >> 2) & 3];
    if (version === VERSION_RESERVED || (layer !== LAYER_2 && layer !== LAYER_3) || rate === undefined) return false;
    const isVersion1 = version === VERSION_1;
    this.codec = layer === LAYER_2 ? "mp2" : "mp3";
    this.sampleRate = isVersion1 ? rate : version === VERSION_2_5 ? rate / 4 : rate / 2;
    this.samples = layer === LAYER_3 && !isVersion1 ? LAYER_3_LOW_RATE_SAMPLES : LAYER_2_SAMPLES;
    this.channels = b3 >> 6 === MODE_MONO ? 1 : 2;
    this.identity = (b1 << 16) | ((b2 & 0x0c) << 8) | this.channels;
    return true;
  }
}
