// The state of a recording (src/abi/recording.ts) as every part of the way out of the ring reads it: its lock, which
// frames it wants, how far it may go.

import { FLAG_RANDOM_ACCESS, FRAME_HEADER_SIZE } from "../src/abi/frame";
import {
  LOCK_FREE,
  LOCK_KERNEL,
  REC_FLAG_HAS_AUDIO,
  REC_FLAGS_OFFSET,
  REC_LOCK_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  STOP_AT_INDEX,
} from "../src/abi/recording";
import { RING_CAPACITY_OFFSET } from "../src/abi/ring";
import { isAudioConfig, isVideoConfig } from "./decoder-config";
import { frameConfig, frameFlags, frameSize, frameStride, frameTrack } from "./ring";

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

/**
 * `withAudio` is what `takesAudio` said, asked once a batch. The configuration is only looked at where it matters: a
 * recording without audio.
 */
// @ts-ignore: decorator
@inline
export function isWanted(withAudio: bool, frame: usize): bool {
  return withAudio || !isAudioConfig(frameConfig(frame));
}

/** Whether a recording may start at a frame: a random access point of the stream's main video. */
// @ts-ignore: decorator
@inline
export function isStartPoint(rec: usize, frame: usize): bool {
  if ((frameFlags(frame) & FLAG_RANDOM_ACCESS) == 0 || !isVideoConfig(frameConfig(frame))) return false;
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
