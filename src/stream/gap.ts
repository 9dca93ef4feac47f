// Every loss, jump, splice, hold-back and late track is one typed entry (design.md §4). It is counted, sent as an event
// and listed in the segment it happened in.

import type { TrackKind } from "../media/codec/codec-entry.js";
import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";

/** What a gap can be: the reference is generated from this table. */
export const GAP_CAUSES = {
  backwardJump: "The source's clock went back; the timeline was spliced, no frame is missing.",
  forwardJump: "The source's clock jumped ahead without silence; spliced, no frame is missing.",
  jitter: "Frames were clamped to just after their predecessors.",
  clockOffset: "A track's clock lay more than 3 s from the others' by arrival: the track was moved by that, once.",
  stuckClock: "A track's clock stood still: its frames have the times of their arrival, none is missing.",
  compositionOffset: "Frames whose PTS lay more than 10 s from their DTS are shown at their DTS.",
  lag: "A recording fell behind its siblings; its cursor jumped to the next random access point.",
  overflow: "A source that cannot wait met a full ring; frames were dropped up to the next random access point.",
  heldBack: "The source was kept waiting: no frame is missing.",
  lateTrack: "A track appeared after the segment had begun.",
  unsupportedTrack: "A track that is not recorded, or not carried by this container: said once a segment.",
  straggler: "Frames came more than 1 s too late for the segment of their time; they begin the next, none is missing.",
  unusable: "Access units were left out of a file: nothing to decode in them, too large, or of another configuration.",
  sourceLoss: "The transport lost data before it reached us (continuity, sequence numbers).",
  writeFailed: "A failed write lost what was in flight.",
  lostFile: "Somebody else deleted, replaced or cut short a growing file: what it held.",
  crash: "What a recovered file lost at its end.",
  restart:
    "From the last recorded moment before a crash to the first frame after, by the wall clock. Only told: files list it as `crash`.",
} as const;
export type GapCause = keyof typeof GAP_CAUSES;

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
