// What the demuxer hands on: one access unit at a time, as ranges of the arena memory in which it was assembled, and
// the sink that takes it. The object and that memory are the assembler's own and are reused by the next one: a sink
// copies before it returns.

import type { CodecName } from "../../media/codec/codec-entry.js";
import type { RandomAccessRule } from "../../stream/random-access-rule.js";
import type { NewTrack } from "../../stream/track.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { Ticks90k } from "../../time/units.js";

export interface AccessUnit {
  track: number;
  /**
   * Pairs [start, end) of pointers into the arena: NAL units without start codes, or the parts of one raw AAC access
   * unit.
   */
  ranges: Uint32Array;
  rangeCount: number;
  /** Each range gets a 4-byte length in front. */
  isLengthPrefixed: boolean;
  /** Bytes that the frame has in the ring, lengths included. */
  sizeBytes: number;
  dts90k: Ticks90k;
  ctsOffset90k: Ticks90k;
  /** The container calls it a key picture (random_access_indicator). */
  isFlaggedKey: boolean;
  isRandomAccess: boolean;
  /** FLAG_LEADING and FLAG_SKIPPED_LEADING of src/abi/frame.ts. */
  leading: number;
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
  /** Of the in-stream that is fed; the parser asks it for every picture. */
  readonly randomAccess: RandomAccessRule;
  /** False where the configuration cannot be used; the assembler then drops frames until another one comes. */
  decoderConfig(track: number, codec: CodecName, bytes: Uint8Array): boolean;
  /** What is known of a track before its configuration: it is waited for. */
  describeTrack(track: number, about: NewTrack): void;
  /** A track that was described has nothing that is recorded: it is not waited for. */
  withdrawTrack(track: number): void;
  /** All tracks of the source that are not recorded. `isAll`: it has no others. */
  setUnrecorded(tracks: readonly UnrecordedTrack[], isAll: boolean): void;
  accessUnit(accessUnit: AccessUnit): void;
  loss(loss: Loss): void;
}

export const LENGTH_PREFIX_SIZE = 4;

export function newAccessUnit(track: number, isLengthPrefixed: boolean, maxRanges: number): AccessUnit {
  return {
    track,
    ranges: new Uint32Array(2 * maxRanges),
    rangeCount: 0,
    isLengthPrefixed,
    sizeBytes: 0,
    dts90k: 0,
    ctsOffset90k: 0,
    isFlaggedKey: false,
    isRandomAccess: false,
    leading: 0,
  };
}
