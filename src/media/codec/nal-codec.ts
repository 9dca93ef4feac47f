// What the codecs that consist of NAL units (H.264, H.265) answer about them, so that access units are put together and
// inspected by one piece of code. Each answers in its folder (nal-units.ts).

import type { CodecEntry } from "./codec-entry.js";

/** What the NAL units of one picture say about random access. Facts only; RandomAccessRule (src/stream) decides. */
export interface PictureFacts {
  hasNal: boolean;
  /** A slice. NAL units without one are no picture. */
  hasSlice: boolean;
  /** Decoding can start here, and nothing that follows refers to what came before: IDR, BLA. */
  hasIdr: boolean;
  /** Decoding can start here, but pictures that follow may refer to what came before: CRA. */
  hasCra: boolean;
  /** Leading pictures of a random access point; skipped ones (RASL) cannot be decoded where decoding starts there. */
  isLeading: boolean;
  isSkippedLeading: boolean;
  /** Frames that the recovery point in front of the first slice takes; -1 = there is none. */
  recoveryFrames: number;
  /** No slice refers to another picture. */
  isIntra: boolean;
  /** The access unit brings parameter sets. */
  hasParameterSet: boolean;
  reset(): void;
  /** Takes the NAL unit [start, end), its header included. Allocates nothing. */
  take(bytes: Uint8Array, start: number, end: number): void;
}

/** What a slice header's frame_num and field flags are read by, where fields may be pictures of their own (H.264). */
export interface FrameNumbering {
  frameMbsOnly: boolean;
  /** Bits of frame_num. */
  frameNumBits: number;
  separatePlanes: boolean;
}

export interface NalCodec {
  readonly entry: CodecEntry;
  /** Bytes of a NAL unit's header. */
  readonly headerBytes: 1 | 2;
  /** Where a decoder configuration record has lengthSizeMinusOne. */
  readonly lengthSizeIndex: number;
  /** Of the NAL unit whose header begins at `at`. */
  isSlice(bytes: Uint8Array, at: number): boolean;
  /** It is the first slice of a picture, or can only stand in front of one: behind a slice it begins an access unit. */
  beginsAccessUnit(bytes: Uint8Array, at: number): boolean;
  isParameterSet(bytes: Uint8Array, at: number): boolean;
  isDelimiter(bytes: Uint8Array, at: number): boolean;
  /** Delimiters and filler: no part of a sample (ISO/IEC 14496-15). */
  isLeftOut(bytes: Uint8Array, at: number): boolean;
  createFacts(): PictureFacts;
  /** Of a decoder configuration record. Throws ReelError `badConfig`. */
  parameterSetsOf(record: Uint8Array): readonly Uint8Array[];
}

/** Whether these bytes open with the start code of a NAL unit that stands at the front of an access unit. */
export function startsAccessUnit(codec: NalCodec, bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0) at++;
  if (at + 4 + codec.headerBytes > end || bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1) return false;
  return codec.beginsAccessUnit(bytes, at + 3);
}
