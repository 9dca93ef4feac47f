// Places in a segment's state block (src/abi/segment.ts) that more than one file here needs.

import { MAX_TRACKS } from "../abi/frame.js";
import {
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";

/** Pointer to an output of a segment: descriptor, position, and what the last kernel call left to write. */
export function outputAt(segment: number, output: number): number {
  return segment + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE;
}

/** True once a kernel call has taken a frame into the segment. */
export function hasFrames(arena: ArenaViews, segment: number): boolean {
  for (let track = 0; track < MAX_TRACKS; track++)
    if (arena.u32(segment + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE + SEG_TRACK_FRAMES_OFFSET) > 0) return true;
  return false;
}
