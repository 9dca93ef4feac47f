// Where a segment begins: the first frame of a recording or of its next file, its time zero and its tracks.
//
//   cursor ─▶ [ audio, pictures that nothing can be decoded from … | RAP … head     dropped up to a start, then nothing

import { MAX_TRACKS } from "../src/abi/frame";
import {
  REC_BEGIN_DTS_OFFSET,
  REC_CONFIG_OFFSET,
  REC_FLAG_DROPPED_VIDEO,
  REC_FLAG_DROPS_LEADING,
  REC_FLAG_HAS_VIDEO_TRACK,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_RING_OFFSET,
  REC_SKIPPED_BYTES_OFFSET,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_SKIPPED_FROM_OFFSET,
  REC_SKIPPED_TO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  REC_VIDEO_DELTA_OFFSET,
  STOP_AT_RANDOM_ACCESS,
} from "../src/abi/recording";
import {
  SEG_BEGIN_OFFSET,
  SEG_CONFIG_OFFSET,
  SEG_FLAG_OPEN,
  SEG_FLAGS_OFFSET,
  SEG_LAST_DELTA_OFFSET,
  SEG_ZERO_OFFSET,
} from "../src/abi/segment";
import { STATUS_BAD_FRAME, STATUS_NOT_READY, STATUS_READY, STATUS_STOPPED } from "../src/abi/status";
import { isAudioConfig } from "./decoder-config";
import {
  hasFlag,
  isOfMainVideo,
  isStartPoint,
  isStopReached,
  isUntaken,
  isWhole,
  limitOf,
  lock,
  setFlag,
  takesAll,
  takesAudio,
  unlock,
} from "./recording";
import { frameAt, frameConfig, frameDts, frameSize, frameStride, frameTrack, isFiller, ringHead } from "./ring";
import { chooseMainVideo, segmentConfig } from "./segment";

// Leading audio of a stream whose video is expected waits this long (media time) for the first video frame.
const START_WAIT_90K: i64 = 90000;
const NO_ZERO: i64 = i64.MIN_VALUE;

/**
 * Finds where the next segment begins and moves the cursor there. Nothing that belongs to a segment is dropped: only
 * what comes before the first random access point of a recording that starts in the middle of a GOP (waitForIDR=1).
 * STATUS_READY, STATUS_NOT_READY or STATUS_BAD_FRAME.
 */
function seekStart(rec: usize, ring: usize, limit: u32): i32 {
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  const waits = (flags & REC_FLAG_WAIT_FOR_IDR) != 0 && (flags & REC_FLAG_HAS_VIDEO_TRACK) != 0;
  const all = takesAll(rec);
  const anywhere = !waits || (flags & REC_FLAG_START_ANYWHERE) != 0;
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
    if (!isFiller(frame) && isUntaken(rec, all, frame, index)) {
      isFound = anywhere || isStartPoint(rec, frame);
      if (isFound) {
        if (droppedVideo || anywhere) start = index;
        break;
      }
      // A further video whose first picture comes before that of the main one loses nothing of it, as audio does.
      if (isOfMainVideo(rec, frame)) droppedVideo = true;
      else if (!hasAudio && isAudioConfig(frameConfig(frame))) {
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
  if (hasFlag(rec, REC_FLAG_SKIP_TO_RANDOM_ACCESS)) found = skipToRandomAccess(rec, ring, limit);
  if (found == STATUS_READY) found = seekStart(rec, ring, limit);
  const isEnding = stopping == STOP_AT_RANDOM_ACCESS || isStopReached(rec, limit);
  if (found == STATUS_NOT_READY && isEnding) return STATUS_STOPPED;
  if (found != STATUS_READY) return found;
  const tail = load<u32>(rec, REC_TAIL_OFFSET);
  if (stopping == STOP_AT_RANDOM_ACCESS && <i32>(tail - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0) {
    // What an inner cut left in front of the random access point is still this recording's.
    if (isStartPoint(rec, frameAt(ring, tail)) || !hasFlag(rec, REC_FLAG_HAS_VIDEO_TRACK)) return STATUS_STOPPED;
  }
  const zero = takeTracks(rec, seg, ring, tail, limit);
  if (zero == NO_ZERO) return STATUS_BAD_FRAME;
  store<i64>(seg, zero, SEG_ZERO_OFFSET);
  store<i64>(seg, max<i64>(zero, load<i64>(rec, REC_BEGIN_DTS_OFFSET)), SEG_BEGIN_OFFSET);
  // What an inner cut has in front of it is in the file before.
  if (!hasFlag(rec, REC_FLAG_START_ANYWHERE)) setFlag(rec, REC_FLAG_DROPS_LEADING, true);
  store<u32>(seg, load<u32>(rec, REC_VIDEO_DELTA_OFFSET), SEG_LAST_DELTA_OFFSET);
  store<u32>(seg, load<u32>(seg, SEG_FLAGS_OFFSET) | SEG_FLAG_OPEN, SEG_FLAGS_OFFSET);
  return STATUS_READY;
}

/**
 * Gives the segment the tracks whose frames are in the ring, and those that the stream has settled on. Returns the
 * earliest decoding time, NO_ZERO where a frame is damaged.
 */
function takeTracks(rec: usize, seg: usize, ring: usize, from: u32, limit: u32): i64 {
  const all = takesAll(rec);
  const withAudio = takesAudio(rec);
  let zero = i64.MAX_VALUE;
  for (let index = from; index != limit; ) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) return NO_ZERO;
    const at = index;
    index += frameStride(frame);
    if (isFiller(frame)) continue;
    const track = frameTrack(frame);
    if (track >= <u32>MAX_TRACKS) return NO_ZERO;
    if (!isUntaken(rec, all, frame, at)) continue;
    if (frameDts(frame) < zero) zero = frameDts(frame);
    if (segmentConfig(seg, track) == 0) store<u32>(seg + (track << 2), <u32>frameConfig(frame), SEG_CONFIG_OFFSET);
  }
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const settled = load<u32>(rec + (track << 2), REC_CONFIG_OFFSET);
    if (segmentConfig(seg, track) != 0 || settled == 0 || (!withAudio && isAudioConfig(settled))) continue;
    store<u32>(seg + (track << 2), settled, SEG_CONFIG_OFFSET);
  }
  chooseMainVideo(seg, load<u32>(rec, REC_MAIN_VIDEO_OFFSET));
  return zero;
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
export function skipToRandomAccess(rec: usize, ring: usize, limit: u32): i32 {
  let index = load<u32>(rec, REC_TAIL_OFFSET);
  const hasVideo = hasFlag(rec, REC_FLAG_HAS_VIDEO_TRACK);
  const all = takesAll(rec);
  while (index != limit) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) return STATUS_BAD_FRAME;
    if (!isFiller(frame) && frameTrack(frame) >= <u32>MAX_TRACKS) return STATUS_BAD_FRAME;
    if (!isFiller(frame) && isUntaken(rec, all, frame, index)) {
      if (!hasVideo || isStartPoint(rec, frame)) {
        store<i64>(rec, frameDts(frame), REC_SKIPPED_TO_OFFSET);
        setFlag(rec, REC_FLAG_SKIP_TO_RANDOM_ACCESS, false);
        setFlag(rec, REC_FLAG_DROPS_LEADING, true);
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
