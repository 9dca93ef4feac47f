// The state of a recording (src/abi/recording.ts) as every part of the way out of the ring reads it: its lock, which
// frames it wants, how far it may go.

import { FLAG_RANDOM_ACCESS, FRAME_HEADER_SIZE, MAX_TRACKS } from "../src/abi/frame";
import {
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CUT_DTS_OFFSET,
  REC_CUT_INDEX_OFFSET,
  REC_CUT_STATUS_OFFSET,
  REC_CUT_TRACK_OFFSET,
  REC_FLAG_DECIDE_NOW,
  REC_FLAG_HAS_AUDIO,
  REC_FLAG_TAKEN_AHEAD,
  REC_FLAGS_OFFSET,
  REC_LOCK_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  REC_TAKEN_END_OFFSET,
  REC_TAKEN_OFFSET,
  STOP_AT_INDEX,
} from "../src/abi/recording";
import { RING_CAPACITY_OFFSET } from "../src/abi/ring";
import { SEG_BATCH_END_OFFSET, SEG_BATCH_IS_WHOLE_OFFSET } from "../src/abi/segment";
import { isAudioConfig, isVideoConfig } from "./decoder-config";
import { frameConfig, frameDts, frameFlags, frameSize, frameStride, frameTrack } from "./ring";

// @ts-ignore: decorator
@inline
export function lock(rec: usize): void {
  while (atomic.cmpxchg<u32>(rec + REC_LOCK_OFFSET, LOCK_FREE, LOCK_KERNEL) != LOCK_FREE) {}
}

// @ts-ignore: decorator
@inline
export function unlock(rec: usize): void {
  atomic.store<u32>(rec + REC_LOCK_OFFSET, LOCK_FREE);
}

// @ts-ignore: decorator
@inline
export function hasFlag(rec: usize, flag: u32): bool {
  return (load<u32>(rec, REC_FLAGS_OFFSET) & flag) != 0;
}

// @ts-ignore: decorator
@inline
export function setFlag(rec: usize, flag: u32, on: bool): void {
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  store<u32>(rec, on ? flags | flag : flags & ~flag, REC_FLAGS_OFFSET);
}

// @ts-ignore: decorator
@inline
export function takesAudio(rec: usize): bool {
  return hasFlag(rec, REC_FLAG_HAS_AUDIO);
}

/** Moves the cursor behind a batch whose outputs are set. From the mark on another thread goes on from its end. */
export function endBatch(rec: usize, seg: usize, index: u32): void {
  store<u32>(seg, index, SEG_BATCH_END_OFFSET);
  store<u32>(seg, 1, SEG_BATCH_IS_WHOLE_OFFSET);
  atomic.store<u32>(rec + REC_TAIL_OFFSET, index);
}

/**
 * Whether the recording takes every frame that lies in front of its cursor. Asked once a batch: most take all, and then
 * no frame is looked at.
 */
// @ts-ignore: decorator
@inline
export function takesAll(rec: usize): bool {
  const flags = load<u32>(rec, REC_FLAGS_OFFSET) & (REC_FLAG_HAS_AUDIO | REC_FLAG_TAKEN_AHEAD);
  return flags == REC_FLAG_HAS_AUDIO && load<u32>(rec, REC_CUT_STATUS_OFFSET) == 0;
}

/** Whether a frame is the recording's, and no segment has taken it. `all` is what `takesAll` said. */
// @ts-ignore: decorator
@inline
export function isUntaken(rec: usize, all: bool, frame: usize, index: u32): bool {
  return all || (isWanted(rec, frame) && !isTaken(rec, frame, index));
}

/** The same, of the frames that belong to the segment in front of a cut that was found. */
// @ts-ignore: decorator
@inline
export function isSelected(rec: usize, all: bool, frame: usize, index: u32): bool {
  return all || isOfSegment(rec, frame, index);
}

function isOfSegment(rec: usize, frame: usize, index: u32): bool {
  if (!isWanted(rec, frame) || isTaken(rec, frame, index)) return false;
  return load<u32>(rec, REC_CUT_STATUS_OFFSET) == 0 || isBeforeCut(rec, frame, index);
}

/** Membership goes by time. Of the track that was cut it goes by place, because its times may stand still. */
export function isBeforeCut(rec: usize, frame: usize, index: u32): bool {
  if (frameTrack(frame) == load<u32>(rec, REC_CUT_TRACK_OFFSET)) {
    return <i32>(index - load<u32>(rec, REC_CUT_INDEX_OFFSET)) < 0;
  }
  return frameDts(frame) < load<i64>(rec, REC_CUT_DTS_OFFSET);
}

/** The configuration is only looked at where it matters: a recording without audio. */
function isWanted(rec: usize, frame: usize): bool {
  return takesAudio(rec) || !isAudioConfig(frameConfig(frame));
}

/** True where a segment that a cut has ended took the frame from behind the cursor. */
function isTaken(rec: usize, frame: usize, index: u32): bool {
  const track = frameTrack(frame);
  if (!hasFlag(rec, REC_FLAG_TAKEN_AHEAD) || track >= <u32>MAX_TRACKS) return false;
  if (<i32>(index - load<u32>(rec, REC_TAKEN_END_OFFSET)) >= 0) return false;
  return <i32>(index - load<u32>(rec + (track << 2), REC_TAKEN_OFFSET)) < 0;
}

/** Whether a cut has to be decided with what the ring holds. */
export function mustDecide(rec: usize, limit: u32): bool {
  return hasFlag(rec, REC_FLAG_DECIDE_NOW) || isStopReached(rec, limit);
}

/** Whether a recording may start at a frame: a random access point of the stream's main video. */
// @ts-ignore: decorator
@inline
export function isStartPoint(rec: usize, frame: usize): bool {
  return (frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0 && isOfMainVideo(rec, frame);
}

// @ts-ignore: decorator
@inline
export function isOfMainVideo(rec: usize, frame: usize): bool {
  if (!isVideoConfig(frameConfig(frame))) return false;
  const main = load<u32>(rec, REC_MAIN_VIDEO_OFFSET);
  return main == 0 || main == frameTrack(frame) + 1;
}

/**
 * The index a stopping recording may not pass, else the head. Never behind the cursor, which a jump may have moved past
 * the stop.
 */
export function limitOf(rec: usize, head: u32): u32 {
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) != STOP_AT_INDEX) return head;
  // Counted from the cursor: where a worker comes back from a write that hung for hours, the head may be more than 2^31
  // bytes ahead of the stop.
  const tail = load<u32>(rec, REC_TAIL_OFFSET);
  const left = <i32>(load<u32>(rec, REC_STOP_INDEX_OFFSET) - tail);
  if (left <= 0) return tail;
  return <u32>left < head - tail ? tail + <u32>left : head;
}

/** True where the ring holds all that a stopping recording still takes. */
// @ts-ignore: decorator
@inline
export function isStopReached(rec: usize, limit: u32): bool {
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) != STOP_AT_INDEX) return false;
  return <i32>(limit - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0;
}

/**
 * A frame, or filler, that ends behind the limit is nothing a producer wrote, and walking on would never meet the
 * limit.
 */
// @ts-ignore: decorator
@inline
export function isWhole(ring: usize, frame: usize, index: u32, limit: u32): bool {
  const largest = load<u32>(ring, RING_CAPACITY_OFFSET) - FRAME_HEADER_SIZE;
  return frameSize(frame) <= largest && frameStride(frame) <= limit - index;
}
