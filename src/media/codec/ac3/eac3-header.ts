// Frame headers of E-AC-3, ETSI TS 102 366 annex E.1.2, and the decoder configuration that an MP4 has of it (`dec3`,
// annex F.6), which is made from the first access unit: a frame of an independent substream, and those of the
// substreams that depend on it.
//
//   | 0b77 | strmtyp 2 | substreamid 3 | frmsiz 11 | fscod 2 | numblkscod or fscod2 2 | acmod 3 | lfeon | bsid 5 |

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { AudioConfig } from "../audio-config.js";
import type { CodecName } from "../codec-entry.js";
import type { SoundHeader } from "../sound-header.js";
import { AC3_CHANNELS, AC3_RATES, AC3_SYNC } from "./ac3-header.js";

export const DEC3_MINIMUM_SIZE = 5;
const HEADER_BYTES = 6;
const STRMTYP_DEPENDENT = 1;
const STRMTYP_RESERVED = 3;
const FSCOD_HALF_RATE = 3;
const SAMPLES_PER_BLOCK = 256;
const BLOCKS = [1, 2, 3, 6] as const;
const MIN_BSID = 11;
const MAX_BSID = 16;
const MAX_DATA_RATE = 0x1fff;
const ACMOD_DUAL_MONO = 0;
/** Places in chanmap, Table E.1.4, from below, and in chan_loc. */
const CHANMAP_LC_RC = 10;
const CHANMAP_LFE2 = 1;
const CHAN_LOC_LFE2 = 8;

export class Eac3Header implements SoundHeader {
  readonly unit = "frame of E-AC-3";
  readonly headerBytes = HEADER_BYTES;
  readonly codec: CodecName = "eac3";
  sizeBytes = 0;
  samples = 0;
  sampleRate = 0;
  channels = 0;
  identity = 0;
  /** Of a substream that is not the first: it belongs to the frame of the first in front of it. */
  isContinuation = false;
  #fscod = 0;
  #acmod = 0;
  #lfeon = 0;
  #bsid = 0;
  #isDependent = false;

  parse(bytes: Uint8Array, at: number): boolean {
    if ((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) !== AC3_SYNC) return false;
    const b2 = bytes[at + 2] ?? 0;
    const b4 = bytes[at + 4] ?? 0;
    const streamType = b2 >> 6;
    const fscod = b4 >> 6;
    const blocks = (b4 >> 4) & 3;
    const isHalfRate = fscod === FSCOD_HALF_RATE;
    const bsid = (bytes[at + 5] ?? 0) >> 3;
    const rate = AC3_RATES[isHalfRate ? blocks : fscod];
    if (streamType === STRMTYP_RESERVED || rate === undefined || bsid < MIN_BSID || bsid > MAX_BSID) return false;
    this.sizeBytes = ((((b2 & 7) << 8) | (bytes[at + 3] ?? 0)) + 1) * 2;
    if (this.sizeBytes < HEADER_BYTES) return false;
    this.sampleRate = isHalfRate ? rate / 2 : rate;
    this.samples = (isHalfRate ? 6 : (BLOCKS[blocks] ?? 6)) * SAMPLES_PER_BLOCK;
    this.#isDependent = streamType === STRMTYP_DEPENDENT;
    this.isContinuation = this.#isDependent || ((b2 >> 3) & 7) !== 0;
    this.#fscod = fscod;
    this.#acmod = (b4 >> 1) & 7;
    this.#lfeon = b4 & 1;
    this.#bsid = bsid;
    this.channels = (AC3_CHANNELS[this.#acmod] ?? 0) + this.#lfeon;
    this.identity = (b4 << 5) | bsid;
    return true;
  }

  /** `dec3` of one independent substream and those that depend on it, which are counted. */
  config(bytes: Uint8Array, at: number, sizeBytes: number): Uint8Array {
    const { sampleRate, samples } = this;
    const kilobits = Math.min(MAX_DATA_RATE, Math.round((sizeBytes * 8 * sampleRate) / samples / 1000));
    const format = (this.#fscod << 14) | (this.#bsid << 9) | (this.#acmod << 1) | this.#lfeon;
    let dependent = 0;
    let locations = 0;
    for (let next = at + this.sizeBytes; next + HEADER_BYTES <= at + sizeBytes && this.parse(bytes, next); ) {
      if (this.#isDependent) {
        dependent++;
        locations |= this.#locations(bytes.subarray(next, Math.min(next + this.sizeBytes, at + sizeBytes)));
      }
      next += this.sizeBytes;
    }
    this.parse(bytes, at);
    const dec3 = [kilobits >> 5, (kilobits & 31) << 3, format >> 8, format & 255];
    const numDepSub = Math.min(dependent, 15) << 1;
    return Uint8Array.from(
      dependent > 0 ? [...dec3, numDepSub | (locations >> 8), locations & 255] : [...dec3, numDepSub],
    );
  }

  /** chan_loc of the dependent substream that was parsed last, Table F.6.1: its channels beyond those of 5.1. */
  #locations(frame: Uint8Array): number {
    let isShort = false;
    const r = new BitReader(frame.subarray(HEADER_BYTES - 1), () => {
      isShort = true;
      throw new ReelError("badConfig", "E-AC-3 frame: ends in its header");
    });
    try {
      r.u(5); // bsid
      for (let programs = this.#acmod === ACMOD_DUAL_MONO ? 2 : 1; programs > 0; programs--) {
        r.u(5); // dialnorm
        if (r.u(1)) r.u(8); // compre, compr
      }
      const chanmap = r.u(1) ? r.u(16) : 0; // chanmape
      // Its bits from Lc/Rc on, which is the sixth from above, to Cvh; LFE2 is the last but one.
      let locations = ((chanmap >> CHANMAP_LFE2) & 1) << CHAN_LOC_LFE2;
      for (let bit = 0; bit < CHAN_LOC_LFE2; bit++) locations |= ((chanmap >> (CHANMAP_LC_RC - bit)) & 1) << bit;
      return locations;
    } catch (error) {
      if (!isShort) throw error;
      return 0;
    }
  }
}

/** Throws ReelError `badConfig`. */
export function parseDec3(bytes: Uint8Array): AudioConfig {
  const bad = (): never => {
    throw new ReelError("badConfig", "E-AC-3 decoder configuration: cannot be read");
  };
  const r = new BitReader(bytes, bad);
  r.u(16); // data_rate, num_ind_sub
  const fscod = r.u(2);
  const bsid = r.u(5);
  if (bsid < MIN_BSID || bsid > MAX_BSID) bad();
  r.u(5); // reserved, asvc, bsmod
  const channels = (AC3_CHANNELS[r.u(3)] ?? 0) + r.u(1);
  // A half rate does not say which: 24 kHz is the usual one.
  const sampleRate = AC3_RATES[fscod] ?? 24000;
  r.u(8);
  return { sampleRate, channels, samplesPerFrame: 6 * SAMPLES_PER_BLOCK, objectType: 0, rateIndex: 0 };
}
