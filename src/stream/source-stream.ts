// An in-stream as its ingest has it: what takes configurations, frames and losses. Where the main thread reads the
// source it is the in-stream itself, else the half of it that lives in the thread that does
// (src/ingest/workers/worker-stream.ts).

import type { CodecName } from "../media/codec/codec-entry.js";
import type { Millis, Ticks90k } from "../time/units.js";
import type { PacketReception } from "./packet-reception.js";
import type { NewTrack } from "./track.js";
import type { UnrecordedTrack } from "./unrecorded-track.js";

export interface SourceStream {
  readonly name: string;
  readonly ended: boolean;
  /** Monotonic: the clock that frames are placed by. */
  readonly nowMs: Millis;
  /** When the last frame was committed, on that clock. */
  readonly lastFrameMs: Millis;
  /** How its packets arrive; undefined where it does not come in packets. Set by its ingest. */
  reception: (() => PacketReception) | undefined;
  /** As `InStream`'s. */
  config(track: number): { readonly bytes: Uint8Array } | undefined;
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void;
  describeTrack(track: number, about: NewTrack): void;
  withdrawTrack(track: number): void;
  /** No track comes but those that are described. */
  tracksAreNamed(): void;
  setUnrecorded(tracks: readonly UnrecordedTrack[]): void;
  reserve(sizeBytes: number, mayGrow?: boolean): number;
  abandon(): void;
  commit(
    track: number,
    sizeBytes: number,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading?: number,
  ): void;
  writeFrameOrDrop(
    track: number,
    payload: Uint8Array,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading?: number,
  ): boolean;
  reportSourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void;
  reportClock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void;
  end(reason: string): void;
  /** There is room in the ring again after `reserve` answered 0. */
  onRoom(listener: () => void): void;
}
