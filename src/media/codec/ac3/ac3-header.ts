// Frame headers of AC-3, ETSI TS 102 366 §4.3, §4.4 (ATSC A/52), and the decoder configuration that an MP4 has of it
// (`dac3`, annex F.4), which is made from the first frame.
//
//   | 0b77 | crc1 16 | fscod 2 | frmsizecod 6 | bsid 5 | bsmod 3 | acmod 3
//   | (cmixlev 2) (surmixlev 2) (dsurmod 2) | lfeon |

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { AudioConfig } from "../audio-config.js";
import type { CodecName } from "../codec-entry.js";
import type { SoundHeader } from "../sound-header.js";

export const DAC3_SIZE = 3;
export const AC3_SYNC = 0x0b77;
export const AC3_RATES = [48000, 44100, 32000] as const;
/** By acmod. */
export const AC3_CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5] as const;
const HEADER_BYTES = 8;
const SAMPLES = 1536;
/** Streams of a later bsid are another format; E-AC-3 has 11 to 16. */
const MAX_BSID = 8;
/** Thousands of bits a second by frmsizecod >> 1. */
const BIT_RATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640] as const;

/** Bytes of a frame, Table 4.13; 0 where the code is reserved. */
function frameBytes(fscod: number, frmsizecod: number): number {
  const kilobits = BIT_RATES[frmsizecod >> 1];
  if (kilobits === undefined || fscod > 2) return 0;
  if (fscod === 1) return 2 * (Math.floor((320 * kilobits) / 147) + (frmsizecod & 1));
  return kilobits * (fscod === 0 ? 4 : 6);
}

export class Ac3Header implements SoundHeader {
  readonly unit = "frame of AC-3";
  readonly headerBytes = HEADER_BYTES;
  readonly codec: CodecName = "ac3";
  readonly samples = SAMPLES;
  readonly isContinuation = false;
  sizeBytes = 0;
  sampleRate = 0;
  channels = 0;
  /** fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5, as `dac3` has them. */
  identity = 0;

  parse(bytes: Uint8Array, at: number): boolean {
    if ((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) !== AC3_SYNC) return false;
    const sizes = bytes[at + 4] ?? 0;
    const stream = bytes[at + 5] ?? 0;
    const modes = ((bytes[at + 6] ?? 0) << 8) | (bytes[at + 7] ?? 0);
    const fscod = sizes >> 6;
    const bsid = stream >> 3;
    this.sizeBytes = frameBytes(fscod, sizes & 63);
    if (this.sizeBytes === 0 || bsid > MAX_BSID) return false;
    const acmod = modes >> 13;
    let bit = 12;
    if ((acmod & 1) !== 0 && acmod !== 1) bit -= 2; // cmixlev
    if ((acmod & 4) !== 0) bit -= 2; // surmixlev
    if (acmod === 2) bit -= 2; // dsurmod
    const lfeon = (modes >> bit) & 1;
    this.sampleRate = AC3_RATES[fscod] ?? 0;
    this.channels = (AC3_CHANNELS[acmod] ?? 0) + lfeon;
    const format = (fscod << 17) | (bsid << 12) | ((stream & 7) << 9) | (acmod << 6) | (lfeon << 5);
    this.identity = format | ((sizes & 63) >> 1);
    return true;
  }

  config(): Uint8Array {
    const box = this.identity << 5;
    return Uint8Array.of(box >>> 16, (box >> 8) & 255, box & 255);
  }
}

/** Throws ReelError `badConfig`. */
export function parseDac3(bytes: Uint8Array): AudioConfig {
  const bad = (): never => {
    throw new ReelError("badConfig", "AC-3 decoder configuration: cannot be read");
  };
  const r = new BitReader(bytes, bad);
  const sampleRate = AC3_RATES[r.u(2)] ?? bad();
  if (r.u(5) > MAX_BSID) bad();
  r.u(3); // bsmod
  const channels = (AC3_CHANNELS[r.u(3)] ?? 0) + r.u(1);
  r.u(10); // bit_rate_code, reserved
  return { sampleRate, channels, samplesPerFrame: SAMPLES, objectType: 0, rateIndex: 0 };
}
