// Every loss, jump, splice, hold-back and late track is one typed entry (design.md §4). It is counted, sent as an event
// and listed in the segment it happened in.

import type { TrackKind } from "../media/codec/codec-entry.js";
import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";

export type GapCause =
  | "backwardJump" // the source's clock went back; the timeline was spliced, no frame is missing
  | "forwardJump" // the source's clock jumped ahead without silence; spliced, no frame is missing
  | "jitter" // frames were clamped to just after their predecessors
  | "compositionOffset" // frames whose PTS lay more than 10 s from their DTS are shown at their DTS
  | "lag" // a recording fell behind its siblings; its cursor jumped to the next random access point
  | "overflow" // a source that cannot wait met a full ring; frames were dropped up to the next random access point
  | "heldBack" // the source was kept waiting: no frame is missing
  | "lateTrack" // a track appeared after the segment had begun
  | "unsupportedTrack" // a track that is not recorded, or not carried by this container: said once a segment
  | "unusable" // access units without anything to decode, or too large for the container, were left out of a file
  | "sourceLoss" // the transport lost data before it reached us (continuity, sequence numbers)
  | "writeFailed" // a failed write lost what was in flight
  | "crash"; // what a recovered file lost at its end

export interface Gap {
  cause: GapCause;
  /** "video", "audio", or null where it concerns all tracks. */
  track: "video" | "audio" | null;
  /** Place on the in-stream's timeline. */
  dtsMs: number;
  durationMs: number;
  /** Frames and bytes that are missing; 0 where nothing is. */
  frames: number;
  bytes: number;
  /** Of an unsupported track, for people. */
  codec?: string;
}

/** A track that is left out. `codec` is for people. */
export function unsupportedTrack(track: Gap["track"], codec: string, dts90k: Ticks90k): Gap {
  return { cause: "unsupportedTrack", track, dtsMs: dts90k / TICKS_PER_MS, durationMs: 0, frames: 0, bytes: 0, codec };
}

/** What a gap says of a track: of data it says only that it concerns the stream. */
export function trackName(kind: TrackKind | undefined): Gap["track"] {
  return kind === "video" || kind === "audio" ? kind : null;
}
