// A segment's state around a batch: the kernel takes a frame into it when it muxes it, and a batch that could not be
// written was not recorded. All of it is taken back, the container's own part too (FLV's keyframe table and greatest
// timestamp, MPEG-TS's counters and clock): the finish writes what the state says.

import { ftruncateSync } from "node:fs";
import { MAX_TRACKS } from "../abi/frame.js";
import { REC_SIZE } from "../abi/recording.js";
import {
  SEG_BATCH_IS_WHOLE_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_PRIVATE_OFFSET,
  SEG_SIZE,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import { outputAt } from "../container/segment-state.js";

/** What a batch that could not be written held. */
export interface Unwritten {
  frames: number;
  bytes: number;
  from90k: number;
  to90k: number;
}

/** Bytes of `saved`: the segment's state, and the recording's behind it. */
export const SAVED_SIZE = SEG_SIZE + REC_SIZE;

/** Copies the state to `saved`, SAVED_SIZE bytes in the arena: 8 KiB a kernel call, less than a microsecond. */
export function saveState(arena: ArenaViews, segment: number, recording: number, saved: number): void {
  arena.setU32(segment + SEG_BATCH_IS_WHOLE_OFFSET, 0);
  arena.bytes(saved, SEG_SIZE).set(arena.bytes(segment, SEG_SIZE));
  arena.bytes(saved + SEG_SIZE, REC_SIZE).set(arena.bytes(recording, REC_SIZE));
}

/** Sets the state back to `saved` and says what lies between. The outputs' descriptors stay. */
export function restoreState(arena: ArenaViews, segment: number, saved: number): Unwritten {
  const unwritten = difference(arena, segment, saved);
  // What the kernel left out of the file is lost whether or not the rest was written, and has a report of its own.
  const leftOut = arena.bytes(segment, SEG_SIZE).slice(SEG_LEFT_OUT_FRAMES_OFFSET, SEG_PRIVATE_OFFSET);
  const descriptors = Array.from({ length: SEG_OUTPUT_COUNT }, (_, output) =>
    arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET),
  );
  const wasWritten = descriptors.map(
    (_, output) =>
      arena.i64(outputAt(segment, output) + SEG_OUTPUT_POSITION_OFFSET) !==
      arena.i64(outputAt(saved, output) + SEG_OUTPUT_POSITION_OFFSET),
  );
  arena.bytes(segment, SEG_SIZE).set(arena.bytes(saved, SEG_SIZE));
  arena.bytes(segment, SEG_SIZE).set(leftOut, SEG_LEFT_OUT_FRAMES_OFFSET);
  descriptors.forEach((fd, output) => {
    const at = outputAt(segment, output);
    arena.setU32(at + SEG_OUTPUT_FD_OFFSET, fd);
    arena.setU32(at + SEG_OUTPUT_BYTES_OFFSET, 0);
    if (wasWritten[output]) cutBack(fd | 0, arena.i64(at + SEG_OUTPUT_POSITION_OFFSET));
  });
  return unwritten;
}

/** Outputs of a batch are written one after the other: an MP4's sample records go with those that could not be. */
function cutBack(fd: number, position: number): void {
  try {
    ftruncateSync(fd, position);
  } catch {
    // The write that failed is the one to tell; the finish reads what there is.
  }
}

function difference(arena: ArenaViews, segment: number, saved: number): Unwritten {
  const unwritten: Unwritten = { frames: 0, bytes: 0, from90k: Number.POSITIVE_INFINITY, to90k: 0 };
  for (let track = 0; track < MAX_TRACKS; track++) {
    const offset = SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
    const now = segment + offset;
    const before = saved + offset;
    const framesBefore = arena.u32(before + SEG_TRACK_FRAMES_OFFSET);
    const frames = arena.u32(now + SEG_TRACK_FRAMES_OFFSET) - framesBefore;
    if (frames === 0) continue;
    unwritten.frames += frames;
    unwritten.bytes += arena.i64(now + SEG_TRACK_BYTES_OFFSET) - arena.i64(before + SEG_TRACK_BYTES_OFFSET);
    const from = framesBefore > 0 ? before + SEG_TRACK_LAST_DTS_OFFSET : now + SEG_TRACK_FIRST_DTS_OFFSET;
    unwritten.from90k = Math.min(unwritten.from90k, arena.i64(from));
    unwritten.to90k = Math.max(unwritten.to90k, arena.i64(now + SEG_TRACK_LAST_DTS_OFFSET));
  }
  if (unwritten.frames === 0) unwritten.from90k = 0;
  return unwritten;
}
