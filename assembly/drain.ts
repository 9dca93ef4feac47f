// The way out of the ring, the same for every container: where a segment begins, which frames belong to it, where it is
// cut.
//
//   tail ──▶ [ frame frame frame | RAP … head        select() walks headers only and never blocks;
//             └── this batch ──┘ └── next segment    the container then writes the selected range into the output buffer.
//
// Every frame goes into exactly one segment, in ring order (design.md §3). All memory between two calls is in the
// recording's and the segment's state; the recording's lock is held for the length of a call, so that the main thread
// may move a slow consumer's cursor between two calls.

import { FLAG_RANDOM_ACCESS, FRAME_HEADER_SIZE, TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../src/abi/frame";
import {
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CHUNK_LENGTH_OFFSET,
  REC_CONFIG_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_FLAG_DROPPED_VIDEO,
  REC_FLAG_HAS_AUDIO,
  REC_FLAG_HAS_VIDEO_TRACK,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_LOCK_OFFSET,
  REC_RING_OFFSET,
  REC_SKIPPED_BYTES_OFFSET,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_SKIPPED_FROM_OFFSET,
  REC_SKIPPED_TO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  REC_VIDEO_DELTA_OFFSET,
  STOP_AT_INDEX,
  STOP_AT_RANDOM_ACCESS,
} from "../src/abi/recording";
import { RING_CAPACITY_OFFSET } from "../src/abi/ring";
import {
  SEG_CONFIG_OFFSET,
  SEG_FLAG_OPEN,
  SEG_FLAGS_OFFSET,
  SEG_LAST_DELTA_OFFSET,
  SEG_NEEDED_OUTPUT_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_ZERO_OFFSET,
} from "../src/abi/segment";
import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_NEED_OUTPUT,
  STATUS_NOT_READY,
  STATUS_OUTPUT_FULL,
  STATUS_READY,
  STATUS_RING_EMPTY,
  STATUS_STOPPED,
} from "../src/abi/status";
import { frameBound, headerBound, writeBatch } from "./container/table";
import { audioFrameDuration90k, isAudioConfig } from "./decoder-config";
import {
  frameAt,
  frameConfig,
  frameDts,
  frameFlags,
  frameSize,
  frameStride,
  frameTrack,
  isFiller,
  ringHead,
} from "./ring";
import { segmentConfig, segmentTrack } from "./segment";

// Leading audio of a stream whose video is expected waits this long (media time) for the first video frame.
const START_WAIT_90K: i64 = 90000;
const MAX_DELTA_90K: i64 = 90000;

// @ts-ignore: decorator
@inline
function lock(rec: usize): void {
  while (atomic.cmpxchg<u32>(rec + REC_LOCK_OFFSET, LOCK_FREE, LOCK_KERNEL) != LOCK_FREE) {}
}

// @ts-ignore: decorator
@inline
function unlock(rec: usize): void {
  atomic.store<u32>(rec + REC_LOCK_OFFSET, LOCK_FREE);
}

// @ts-ignore: decorator
@inline
function isWanted(rec: usize, track: u32): bool {
  return track != TRACK_AUDIO || (load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_HAS_AUDIO) != 0;
}

// @ts-ignore: decorator
@inline
function isVideoRandomAccess(frame: usize): bool {
  return frameTrack(frame) == TRACK_VIDEO && (frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0;
}

// @ts-ignore: decorator
@inline
function setFlag(rec: usize, flag: u32, on: bool): void {
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  store<u32>(rec, on ? flags | flag : flags & ~flag, REC_FLAGS_OFFSET);
}

/**
 * The index a stopping recording may not pass, else the head. Never behind the cursor, which a jump may have moved past
 * the stop.
 */
function limitOf(rec: usize, head: u32): u32 {
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
function isStopReached(rec: usize, limit: u32): bool {
  return load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_INDEX && <i32>(limit - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0;
}

/**
 * A frame, or filler, that ends behind the limit is nothing a producer wrote, and walking on would never meet the
 * limit.
 */
// @ts-ignore: decorator
@inline
function isWhole(ring: usize, frame: usize, index: u32, limit: u32): bool {
  return frameSize(frame) <= load<u32>(ring, RING_CAPACITY_OFFSET) - FRAME_HEADER_SIZE && frameStride(frame) <= limit - index;
}

/**
 * Finds where the next segment begins and moves the cursor there. Nothing that belongs to a segment is dropped: only
 * what comes before the first random access point of a recording that starts in the middle of a GOP (waitForIDR=1).
 * STATUS_READY, STATUS_NOT_READY or STATUS_BAD_FRAME.
 */
function seekStart(rec: usize, ring: usize, limit: u32): i32 {
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  const anywhere = (flags & REC_FLAG_START_ANYWHERE) != 0 || (flags & REC_FLAG_WAIT_FOR_IDR) == 0 || (flags & REC_FLAG_HAS_VIDEO_TRACK) == 0;
  // Remembered between calls: what is dropped may not depend on when the ring was looked at.
  let droppedVideo = (flags & REC_FLAG_DROPPED_VIDEO) != 0;
  let index = load<u32>(rec, REC_TAIL_OFFSET);
  let start = index;
  let firstAudio: i64 = 0;
  let hasAudio = false;
  let isFound = false;
  while (index != limit) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) return STATUS_BAD_FRAME;
    if (!isFiller(frame) && isWanted(rec, frameTrack(frame))) {
      isFound = anywhere || isVideoRandomAccess(frame);
      if (isFound) {
        if (droppedVideo || anywhere) start = index;
        break;
      }
      if (frameTrack(frame) == TRACK_VIDEO) droppedVideo = true;
      else if (!hasAudio) {
        hasAudio = true;
        firstAudio = frameDts(frame);
      }
      // No video in sight: the audio is recorded from its start, and a late video track joins.
      isFound = hasAudio && !droppedVideo && frameDts(frame) - firstAudio > START_WAIT_90K;
      if (isFound) break;
    }
    index += frameStride(frame);
    if (droppedVideo) start = index;
  }
  // The same for a recording that is stopped while it waits.
  if (!isFound && hasAudio && !droppedVideo && isStopReached(rec, limit)) isFound = true;
  atomic.store<u32>(rec + REC_TAIL_OFFSET, start);
  setFlag(rec, REC_FLAG_DROPPED_VIDEO, droppedVideo && !isFound);
  return isFound ? STATUS_READY : STATUS_NOT_READY;
}

/**
 * Fixes the zero and the tracks of a segment whose state is otherwise empty. STATUS_READY, STATUS_NOT_READY (nothing to
 * begin with yet) or STATUS_STOPPED (the recording ended before it began).
 */
export function openSegment(rec: usize, seg: usize): i32 {
  lock(rec);
  const status = openLocked(rec, seg);
  unlock(rec);
  return status;
}

function openLocked(rec: usize, seg: usize): i32 {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const limit = limitOf(rec, ringHead(ring));
  const stopping = load<u32>(rec, REC_STOP_MODE_OFFSET);
  let found: i32 = STATUS_READY;
  if ((load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_SKIP_TO_RANDOM_ACCESS) != 0) found = skipToRandomAccess(rec, ring, limit);
  if (found == STATUS_READY) found = seekStart(rec, ring, limit);
  if (found == STATUS_NOT_READY && (stopping == STOP_AT_RANDOM_ACCESS || isStopReached(rec, limit))) return STATUS_STOPPED;
  if (found != STATUS_READY) return found;
  const tail = load<u32>(rec, REC_TAIL_OFFSET);
  if (stopping == STOP_AT_RANDOM_ACCESS && <i32>(tail - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0) {
    // What an inner cut left in front of the random access point is still this recording's.
    if (isVideoRandomAccess(frameAt(ring, tail)) || (load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_HAS_VIDEO_TRACK) == 0) return STATUS_STOPPED;
  }
  let zero: i64 = i64.MAX_VALUE;
  for (let index = tail; index != limit; ) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) return STATUS_BAD_FRAME;
    index += frameStride(frame);
    if (isFiller(frame)) continue;
    const track = frameTrack(frame);
    if (track >= <u32>TRACK_COUNT) return STATUS_BAD_FRAME;
    if (!isWanted(rec, track)) continue;
    if (frameDts(frame) < zero) zero = frameDts(frame);
    if (segmentConfig(seg, track) == 0) store<u32>(seg + (track << 2), <u32>frameConfig(frame), SEG_CONFIG_OFFSET);
  }
  for (let track: u32 = 0; track < <u32>TRACK_COUNT; track++) {
    if (segmentConfig(seg, track) == 0 && isWanted(rec, track)) {
      store<u32>(seg + (track << 2), load<u32>(rec + (track << 2), REC_CONFIG_OFFSET), SEG_CONFIG_OFFSET);
    }
  }
  store<i64>(seg, zero, SEG_ZERO_OFFSET);
  store<u32>(seg, load<u32>(rec, REC_VIDEO_DELTA_OFFSET), SEG_LAST_DELTA_OFFSET);
  store<u32>(seg, load<u32>(seg, SEG_FLAGS_OFFSET) | SEG_FLAG_OPEN, SEG_FLAGS_OFFSET);
  return STATUS_READY;
}

/**
 * Half of a frame's duration: what its configuration says of an audio frame, the distance of the last two video frames
 * of a video frame. `ownDelta`, the frame's distance from the last video frame, does where no two have been seen.
 */
function cutTolerance(rec: usize, frame: usize, ownDelta: u32): i64 {
  if (isAudioConfig(frameConfig(frame))) return audioFrameDuration90k(frameConfig(frame)) >> 1;
  const known = load<u32>(rec, REC_VIDEO_DELTA_OFFSET);
  return <i64>((known != 0 ? known : ownDelta) >> 1);
}

/** A gap is no frame duration: only a plausible distance (up to 1 s) counts, any other is 0. */
// @ts-ignore: decorator
@inline
function plausibleDelta(from90k: i64, to90k: i64): u32 {
  if (from90k == i64.MIN_VALUE || to90k <= from90k || to90k - from90k > MAX_DELTA_90K) return 0;
  return <u32>(to90k - from90k);
}

/** True where a frame may not join this segment because its time is up. */
function isCut(rec: usize, seg: usize, frame: usize, videoDelta: u32): bool {
  const chunkLength = load<i64>(rec, REC_CHUNK_LENGTH_OFFSET);
  if (chunkLength == 0) return false;
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  const waits = (flags & REC_FLAG_WAIT_FOR_IDR) != 0 && segmentConfig(seg, TRACK_VIDEO) != 0;
  if (waits && !isVideoRandomAccess(frame)) return false;
  // Less half a frame, so that a 2 s GOP and chunkLength=2 give 2 s files (ems-record-spec §3.4).
  return frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) >= chunkLength - cutTolerance(rec, frame, videoDelta);
}

// @ts-ignore: decorator
@inline
function countSkipped(rec: usize, frame: usize, track: u32): void {
  const at = rec + (track << 2);
  if (load<i64>(rec, REC_SKIPPED_FROM_OFFSET) < 0) store<i64>(rec, frameDts(frame), REC_SKIPPED_FROM_OFFSET);
  store<u32>(at, load<u32>(at, REC_SKIPPED_FRAMES_OFFSET) + 1, REC_SKIPPED_FRAMES_OFFSET);
  store<i64>(rec, load<i64>(rec, REC_SKIPPED_BYTES_OFFSET) + <i64>frameSize(frame), REC_SKIPPED_BYTES_OFFSET);
}

/**
 * After a jump: drops and counts up to the next random access point. STATUS_READY, STATUS_NOT_READY while there is
 * none, or STATUS_BAD_FRAME.
 */
function skipToRandomAccess(rec: usize, ring: usize, limit: u32): i32 {
  let index = load<u32>(rec, REC_TAIL_OFFSET);
  const hasVideo = (load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_HAS_VIDEO_TRACK) != 0;
  while (index != limit) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit) || (!isFiller(frame) && frameTrack(frame) >= <u32>TRACK_COUNT)) return STATUS_BAD_FRAME;
    if (!isFiller(frame) && isWanted(rec, frameTrack(frame))) {
      if (!hasVideo || isVideoRandomAccess(frame)) {
        store<i64>(rec, frameDts(frame), REC_SKIPPED_TO_OFFSET);
        setFlag(rec, REC_FLAG_SKIP_TO_RANDOM_ACCESS, false);
        atomic.store<u32>(rec + REC_TAIL_OFFSET, index);
        return STATUS_READY;
      }
      countSkipped(rec, frame, frameTrack(frame));
    }
    index += frameStride(frame);
  }
  atomic.store<u32>(rec + REC_TAIL_OFFSET, index);
  return STATUS_NOT_READY;
}

/**
 * Muxes what the ring holds for a recording into `out` and sets the segment's outputs. Returns a STATUS_*; outputs may
 * be set with any of them. Not to be called while an output of the segment is still to be written.
 */
export function drain(rec: usize, seg: usize, out: usize, capacity: u32): i32 {
  lock(rec);
  const status = drainLocked(rec, seg, out, capacity);
  unlock(rec);
  return status;
}

function drainLocked(rec: usize, seg: usize, out: usize, capacity: u32): i32 {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const container = load<u32>(rec, REC_CONTAINER_OFFSET);
  const limit = limitOf(rec, ringHead(ring));
  if ((load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_SKIP_TO_RANDOM_ACCESS) != 0) {
    const found = skipToRandomAccess(rec, ring, limit);
    if (found == STATUS_BAD_FRAME) return found;
    if (found != STATUS_READY) return isStopReached(rec, limit) ? STATUS_STOPPED : STATUS_RING_EMPTY;
  }
  // The segment's files are open, so the frame that was cut at has its place: kept until now for an opening that is
  // tried again under another name.
  setFlag(rec, REC_FLAG_START_ANYWHERE, false);
  const from = load<u32>(rec, REC_TAIL_OFFSET);
  const header = headerBound(container, seg);
  let index = from;
  let used = header;
  let status: i32 = STATUS_RING_EMPTY;
  const video = segmentTrack(seg, TRACK_VIDEO);
  let lastVideoDts = load<u32>(video, SEG_TRACK_FRAMES_OFFSET) != 0 ? load<i64>(video, SEG_TRACK_LAST_DTS_OFFSET) : i64.MIN_VALUE;
  while (index != limit) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) {
      status = STATUS_BAD_FRAME;
      break;
    }
    const track = frameTrack(frame);
    if (isFiller(frame) || !isWanted(rec, track)) {
      index += frameStride(frame);
      continue;
    }
    const videoDelta = track == TRACK_VIDEO ? plausibleDelta(lastVideoDts, frameDts(frame)) : 0;
    status = frameStatus(rec, seg, frame, index, used == header, videoDelta);
    if (status != STATUS_RING_EMPTY) break;
    const bound = frameBound(container, seg, frame);
    if (used + bound > capacity) {
      if (used == header) store<u32>(seg, used + bound, SEG_NEEDED_OUTPUT_OFFSET);
      status = used == header ? STATUS_NEED_OUTPUT : STATUS_OUTPUT_FULL;
      break;
    }
    if (track == TRACK_VIDEO) {
      if (videoDelta != 0) {
        store<u32>(seg, videoDelta, SEG_LAST_DELTA_OFFSET);
        store<u32>(rec, videoDelta, REC_VIDEO_DELTA_OFFSET);
      }
      lastVideoDts = frameDts(frame);
    }
    used += bound;
    index += frameStride(frame);
  }
  if (status == STATUS_RING_EMPTY && isStopReached(rec, limit)) status = STATUS_STOPPED;
  if (index != from) {
    writeBatch(container, rec, seg, from, index, out, capacity);
    atomic.store<u32>(rec + REC_TAIL_OFFSET, index);
  }
  return status;
}

/** Why a frame does not join this batch, or STATUS_RING_EMPTY where it does. `isFirst`: nothing is in the batch yet. */
function frameStatus(rec: usize, seg: usize, frame: usize, index: u32, isFirst: bool, videoDelta: u32): i32 {
  const track = frameTrack(frame);
  if (track >= <u32>TRACK_COUNT || frameConfig(frame) == 0) return STATUS_BAD_FRAME;
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_RANDOM_ACCESS && <i32>(index - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0) {
    if (isVideoRandomAccess(frame) || segmentConfig(seg, TRACK_VIDEO) == 0) return STATUS_STOPPED;
  }
  if ((!isFirst || segmentHasFrames(seg)) && isCut(rec, seg, frame, videoDelta)) {
    // The frame that was cut at begins the next segment, whatever the rules for a recording's start say.
    setFlag(rec, REC_FLAG_START_ANYWHERE, true);
    return STATUS_CUT;
  }
  const config = segmentConfig(seg, track);
  if (config == frameConfig(frame)) return STATUS_RING_EMPTY;
  if (config != 0) {
    setFlag(rec, REC_FLAG_START_ANYWHERE, true);
    return STATUS_CONFIG_CHANGED;
  }
  // A track that joins begins a batch, so that files do not depend on where drains fall.
  if (!isFirst) return STATUS_OUTPUT_FULL;
  store<u32>(seg + (track << 2), <u32>frameConfig(frame), SEG_CONFIG_OFFSET);
  return STATUS_RING_EMPTY;
}

function segmentHasFrames(seg: usize): bool {
  return (load<u32>(segmentTrack(seg, TRACK_VIDEO), SEG_TRACK_FRAMES_OFFSET) | load<u32>(segmentTrack(seg, TRACK_AUDIO), SEG_TRACK_FRAMES_OFFSET)) != 0;
}
