// AudioMuxElement of LATM and its framing LOAS, ISO/IEC 14496-3 §1.7.2, §1.7.3: AAC access units that begin at any bit,
// and now and then how they are configured.
//
//   LOAS: | syncword 0x2b7, 11 | audioMuxLengthBytes 13 | AudioMuxElement |
//   AudioMuxElement: | useSameStreamMux | (StreamMuxConfig) | (length 8 …) payload … | other data | 0 … |

import { ReelError } from "../../../base/reel-error.js";
import { LENGTHS_IN_BAND, parseStreamMuxConfig, type StreamMuxConfig } from "./stream-mux-config.js";

export const LOAS_HEADER_SIZE = 3;
/** audioMuxLengthBytes has 13 bits. */
export const MAX_LOAS_FRAME_SIZE = LOAS_HEADER_SIZE + 0x1fff;
const MAX_SUB_FRAMES = 64;

/** Bytes of the frame whose header begins at `at`; 0 where none does. */
export function loasFrameSize(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x56 || ((bytes[at + 1] ?? 0) & 0xe0) !== 0xe0) return 0; // syncword
  const size = (((bytes[at + 1] ?? 0) & 0x1f) << 8) | (bytes[at + 2] ?? 0);
  return size > 0 ? LOAS_HEADER_SIZE + size : 0;
}

/** Whether the element at `at` has a StreamMuxConfig in it. */
export function hasStreamMuxConfig(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] ?? 0) & 0x80) === 0; // useSameStreamMux
}

/** Reads elements one after the other. Nothing is allocated for one that is configured as the one before. */
export class AudioMuxReader {
  /** In force; undefined where none has come, or the last one was of what is not recorded. */
  config: StreamMuxConfig | undefined;
  /** What is not recorded, where that is what the last configuration says. */
  refused: string | undefined;
  /** Access units of the element that was read last. */
  payloads = 0;
  /** Of each its first bit, counted from the beginning of the bytes, and its bytes. */
  readonly payloadBit = new Int32Array(MAX_SUB_FRAMES);
  readonly payloadBytes = new Int32Array(MAX_SUB_FRAMES);
  /** The whole bytes of the last configuration, useSameStreamMux in front; the bits behind them are compared apart. */
  #last = new Uint8Array(0);
  #lastBits = 0;

  /** Of a configuration that comes beside the elements (RFC 6416 §7.3). Throws ReelError as its parser does. */
  useConfig(bytes: Uint8Array): void {
    this.config = parseStreamMuxConfig(bytes, 0);
  }

  /**
   * Reads the element in [start, end). `isConfigPresent`: it says whether it has a configuration. False where there is
   * none in force, or the element is damaged.
   */
  read(bytes: Uint8Array, start: number, end: number, isConfigPresent = true): boolean {
    this.payloads = 0;
    let bit = start * 8;
    if (isConfigPresent) {
      if (hasStreamMuxConfig(bytes, start) && !this.#isSame(bytes, start, end) && !this.#use(bytes, start, end))
        return false;
      bit += hasStreamMuxConfig(bytes, start) ? this.#lastBits : 1;
    }
    const { config } = this;
    if (!config) return false;
    for (let i = 0; i < config.subFrames; i++) {
      let size = config.payloadBytes;
      if (size === LENGTHS_IN_BAND)
        for (let part = 255; part === 255; size += part, bit += 8) {
          if (bit + 8 > end * 8) return false;
          part = byteAt(bytes, bit); // MuxSlotLengthBytes
        }
      if (bit + size * 8 > end * 8) return false;
      this.payloadBit[i] = bit;
      this.payloadBytes[i] = size;
      bit += size * 8;
    }
    this.payloads = config.subFrames;
    return true;
  }

  #use(bytes: Uint8Array, start: number, end: number): boolean {
    try {
      const config = parseStreamMuxConfig(bytes.subarray(start, end), 1);
      this.config = config;
      this.refused = undefined;
      this.#lastBits = 1 + config.bits;
      this.#last = bytes.slice(start, start + Math.ceil(this.#lastBits / 8));
      return true;
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      // A damaged one changes nothing.
      if (error.code !== "notCarried") return false;
      this.config = undefined;
      this.refused = error.message;
      this.#lastBits = 0;
      return false;
    }
  }

  #isSame(bytes: Uint8Array, start: number, end: number): boolean {
    const bits = this.#lastBits;
    const whole = bits >> 3;
    if (bits === 0 || start + Math.ceil(bits / 8) > end) return false;
    for (let i = 0; i < whole; i++) if (bytes[start + i] !== this.#last[i]) return false;
    const shift = 8 - (bits & 7);
    return shift === 8 || (bytes[start + whole] ?? 0) >> shift === (this.#last[whole] ?? 0) >> shift;
  }
}

/** The byte that begins at a bit. */
function byteAt(bytes: Uint8Array, bit: number): number {
  const at = bit >> 3;
  const shift = bit & 7;
  const two = ((bytes[at] ?? 0) << 8) | (shift === 0 ? 0 : (bytes[at + 1] ?? 0));
  return (two >> (8 - shift)) & 255;
}

/** Copies `count` bytes that begin at a bit of `from`. The two may be one, where they do not overlap. */
export function copyFromBit(to: Uint8Array, at: number, from: Uint8Array, bit: number, count: number): void {
  const shift = bit & 7;
  let next = bit >> 3;
  if (shift === 0) {
    to.set(from.subarray(next, next + count), at);
    return;
  }
  let left = from[next] as number;
  for (let i = 0; i < count; i++) {
    const right = from[++next] as number;
    to[at + i] = (left << shift) | (right >> (8 - shift));
    left = right;
  }
}
