// The counters of a segment's tracks around a batch: the kernel counts a frame when it muxes it, and a batch that could
// not be written was not recorded.

import { MAX_TRACKS } from "../abi/frame.js";
import {
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";

/** What a batch that could not be written held. */
export interface Unwritten {
  frames: number;
  bytes: number;
  from90k: number;
  to90k: number;
}

interface TrackCounters {
  frames: number;
  bytes: number;
  lastDts90k: number;
}

/** Called twice a second per recording: what it makes is short-lived and small. */
export function saveCounters(arena: ArenaViews, segment: number): TrackCounters[] {
  const saved: TrackCounters[] = [];
  for (let track = 0; track < MAX_TRACKS; track++) {
    const at = segment + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
    saved.push({
      frames: arena.u32(at + SEG_TRACK_FRAMES_OFFSET),
      bytes: arena.i64(at + SEG_TRACK_BYTES_OFFSET),
      lastDts90k: arena.i64(at + SEG_TRACK_LAST_DTS_OFFSET),
    });
  }
  return saved;
}

/** Sets the counters back to `saved` and says what lies between. */
export function restoreCounters(arena: ArenaViews, segment: number, saved: readonly TrackCounters[]): Unwritten {
  const unwritten: Unwritten = { frames: 0, bytes: 0, from90k: Number.POSITIVE_INFINITY, to90k: 0 };
  saved.forEach((before, track) => {
    const at = segment + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
    const frames = arena.u32(at + SEG_TRACK_FRAMES_OFFSET) - before.frames;
    if (frames === 0) return;
    unwritten.frames += frames;
    unwritten.bytes += arena.i64(at + SEG_TRACK_BYTES_OFFSET) - before.bytes;
    unwritten.from90k = Math.min(
      unwritten.from90k,
      before.frames > 0 ? before.lastDts90k : arena.i64(at + SEG_TRACK_FIRST_DTS_OFFSET),
    );
    unwritten.to90k = Math.max(unwritten.to90k, arena.i64(at + SEG_TRACK_LAST_DTS_OFFSET));
    arena.setU32(at + SEG_TRACK_FRAMES_OFFSET, before.frames);
    arena.setI64(at + SEG_TRACK_BYTES_OFFSET, before.bytes);
    arena.setI64(at + SEG_TRACK_LAST_DTS_OFFSET, before.lastDts90k);
  });
  if (unwritten.frames === 0) unwritten.from90k = 0;
  return unwritten;
}
