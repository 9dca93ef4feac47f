// What the demuxer hands on: one access unit at a time, as ranges of the scratch memory in which it was assembled, and the sink that takes it.
// The object and its memory are the assembler's own and are reused by the next one: a sink copies before it returns.

import type { CodecName } from "../../stream/decoder-config.js";
import type { Ticks90k } from "../../time/units.js";

export interface AccessUnit {
  track: number;
  /** The assembler's scratch, as bytes and as words: `words` is a view of the same memory. */
  bytes: Uint8Array;
  words: Int32Array;
  /** Pairs [start, end) into `bytes`: NAL units without start codes, or one raw AAC access unit. */
  ranges: Int32Array;
  rangeCount: number;
  /** Each range gets a 4-byte length in front. */
  isLengthPrefixed: boolean;
  /** Bytes that the frame has in the ring, lengths included. */
  sizeBytes: number;
  dts90k: Ticks90k;
  ctsOffset90k: Ticks90k;
  isRandomAccess: boolean;
}

export interface Loss {
  track: number;
  /** Access units known to have been given up; more may be missing. */
  frames: number;
  /** Bytes known to be missing or given up. */
  bytes: number;
  durationMs: number;
}

export interface AccessUnitSink {
  /** False where the configuration cannot be used; the assembler then drops frames until another one comes. */
  decoderConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean;
  accessUnit(accessUnit: AccessUnit): void;
  loss(loss: Loss): void;
}

export const LENGTH_PREFIX_SIZE = 4;

export function newAccessUnit(track: number, isLengthPrefixed: boolean): AccessUnit {
  const words = new Int32Array(0);
  const bytes = new Uint8Array(words.buffer);
  return { track, bytes, words, ranges: new Int32Array(2), rangeCount: 0, isLengthPrefixed, sizeBytes: 0, dts90k: 0, ctsOffset90k: 0, isRandomAccess: false };
}
