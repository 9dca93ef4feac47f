// Where two segments overlap in the ring. Tracks do not come in the order of their times: sources bundle audio, and
// send it ahead or behind. A cut falls on a frame of one track; of the others the frames in front of its time belong to
// the segment that ends, wherever they lie.
//
//   tail ──▶ [ a7 v6 a9 │ V8 a7.5 v9 a8.2 … head     V8 is cut at: a7, v6 and a7.5 end the old segment,
//                       └ the frame that was cut at  a9, V8, v9 and a8.2 begin the next, which skips a7.5
//
// So the old segment goes on behind the cut until every other track has reached its time, or the track that was cut has
// passed it by MAX_WAIT. The tail stays in front of the first frame that is left for the next segment.

import { MAX_TRACKS } from "../src/abi/frame";
import {
  REC_BEGIN_DTS_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_CUT_DTS_OFFSET,
  REC_CUT_INDEX_OFFSET,
  REC_CUT_STATUS_OFFSET,
  REC_CUT_TRACK_OFFSET,
  REC_CUT_TRACKS_OFFSET,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_TAKEN_AHEAD,
  REC_LOOKED_DTS_OFFSET,
  REC_LOOKED_INDEX_OFFSET,
  REC_RING_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  REC_TAKEN_END_OFFSET,
  REC_TAKEN_OFFSET,
  STOP_AT_INDEX,
} from "../src/abi/recording";
import { SEG_NEEDED_OUTPUT_OFFSET, SEG_TRACK_FRAMES_OFFSET, SEG_ZERO_OFFSET } from "../src/abi/segment";
import {
  STATUS_BAD_FRAME,
  STATUS_NEED_OUTPUT,
  STATUS_NOT_READY,
  STATUS_OUTPUT_FULL,
  STATUS_RING_EMPTY,
  STATUS_STOPPED,
} from "../src/abi/status";
import { frameBound, headerBound, writeBatch } from "./container/table";
import { cutReason, joinStatus } from "./cut";
import { endBatch, hasFlag, isBeforeCut, isSelected, isUntaken, isWhole, mustDecide, setFlag } from "./recording";
import { frameAt, frameConfig, frameDts, frameStride, frameTrack, isFiller } from "./ring";
import { segmentConfig, segmentHasFrames, segmentMainVideo, segmentTrack } from "./segment";

/** Media time for which a cut waits for another track. Sources bundle up to half a second of audio. */
const MAX_WAIT_90K: i64 = 90000;
/** In a segment that was shorter than this a live track may have had no frame. */
const LIVE_90K: i64 = 90000;

/** Begins a drain: frames that are taken lie behind the cursor for good once it has passed the last of them. */
export function beginOverlapCheck(rec: usize): void {
  const tail = load<u32>(rec, REC_TAIL_OFFSET);
  store<u32>(rec, tail, REC_LOOKED_INDEX_OFFSET);
  store<i64>(rec, i64.MIN_VALUE, REC_LOOKED_DTS_OFFSET);
  if (hasFlag(rec, REC_FLAG_TAKEN_AHEAD) && <i32>(tail - load<u32>(rec, REC_TAKEN_END_OFFSET)) >= 0) {
    setFlag(rec, REC_FLAG_TAKEN_AHEAD, false);
  }
}

/**
 * Whether a frame that comes ahead of the main video belongs to the segment: STATUS_RING_EMPTY where it does,
 * STATUS_NOT_READY where the main video has still to say so. Any other status is the reason of a cut in front of its
 * time; that lies at REC_LOOKED_INDEX then.
 */
export function lookAhead(rec: usize, seg: usize, ring: usize, index: u32, limit: u32, isFirst: bool): i32 {
  const dts = frameDts(frameAt(ring, index));
  if (dts <= load<i64>(rec, REC_LOOKED_DTS_OFFSET) || (isFirst && !segmentHasFrames(seg))) return STATUS_RING_EMPTY;
  const main = segmentMainVideo(seg);
  let at = load<u32>(rec, REC_LOOKED_INDEX_OFFSET);
  if (<i32>(at - index) < 0) at = index;
  while (at != limit) {
    const frame = frameAt(ring, at);
    // The walk over the batch will meet it, and say so.
    if (!isWhole(ring, frame, at, limit)) return STATUS_RING_EMPTY;
    const next = at + frameStride(frame);
    if (!isFiller(frame) && isUntaken(rec, false, frame, at)) {
      if (frameTrack(frame) + 1 == main) {
        const reason = cutReason(rec, seg, frame, at, false, 0);
        if (reason != STATUS_RING_EMPTY) return foundCut(rec, at, frameDts(frame), dts, reason);
        if (frameDts(frame) >= dts) {
          store<u32>(rec, next, REC_LOOKED_INDEX_OFFSET);
          store<i64>(rec, frameDts(frame), REC_LOOKED_DTS_OFFSET);
          return STATUS_RING_EMPTY;
        }
      } else if (frameDts(frame) - dts >= MAX_WAIT_90K) return STATUS_RING_EMPTY;
    }
    at = next;
  }
  store<u32>(rec, at, REC_LOOKED_INDEX_OFFSET);
  return mustDecide(rec, limit) ? STATUS_RING_EMPTY : STATUS_NOT_READY;
}

function foundCut(rec: usize, index: u32, cutDts: i64, dts: i64, reason: i32): i32 {
  store<u32>(rec, index, REC_LOOKED_INDEX_OFFSET);
  store<i64>(rec, cutDts - 1, REC_LOOKED_DTS_OFFSET);
  return cutDts <= dts ? reason : STATUS_RING_EMPTY;
}

/** Remembers a cut at a frame. The batch in front of it must have been written. */
export function beginCut(rec: usize, seg: usize, frame: usize, index: u32, reason: i32): void {
  const isShort = frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) < LIVE_90K;
  // Of a recording's first segment nothing is known but which tracks there are.
  const isFirst = load<i64>(rec, REC_BEGIN_DTS_OFFSET) == 0;
  let live: u32 = isShort ? load<u32>(rec, REC_CUT_TRACKS_OFFSET) : 0;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const hasFrames = load<u32>(segmentTrack(seg, track), SEG_TRACK_FRAMES_OFFSET) != 0;
    if (hasFrames || (isShort && isFirst && segmentConfig(seg, track) != 0)) live |= 1 << track;
  }
  store<u32>(rec, live, REC_CUT_TRACKS_OFFSET);
  store<u32>(rec, index, REC_CUT_INDEX_OFFSET);
  store<i64>(rec, frameDts(frame), REC_CUT_DTS_OFFSET);
  store<u32>(rec, frameTrack(frame), REC_CUT_TRACK_OFFSET);
  store<u32>(rec, reason, REC_CUT_STATUS_OFFSET);
}

/**
 * Takes what still belongs to the segment in front of a cut. STATUS_RING_EMPTY while it waits, then the reason of the
 * cut; as of any drain there may be outputs with each.
 */
export function drainOverlap(rec: usize, seg: usize, limit: u32, out: usize, capacity: u32): i32 {
  const reason = <i32>load<u32>(rec, REC_CUT_STATUS_OFFSET);
  if (reason == STATUS_STOPPED && load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_INDEX) {
    // The hand-over has become a stop: what its successor would have taken is this segment's.
    store<u32>(rec, STATUS_RING_EMPTY, REC_CUT_STATUS_OFFSET);
    return STATUS_OUTPUT_FULL;
  }
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const container = load<u32>(rec, REC_CONTAINER_OFFSET);
  const header = headerBound(container, seg);
  let waited = load<u32>(rec, REC_CUT_TRACKS_OFFSET);
  let used = header;
  let status: i32 = STATUS_RING_EMPTY;
  const from = load<u32>(rec, REC_TAIL_OFFSET);
  let index = from;
  for (; index != limit; index += frameStride(frameAt(ring, index))) {
    const frame = frameAt(ring, index);
    const isDamaged = !isWhole(ring, frame, index, limit) || (!isFiller(frame) && !isNamed(frame));
    if (isDamaged) status = STATUS_BAD_FRAME;
    else if (isFiller(frame) || !isUntaken(rec, false, frame, index)) continue;
    else if (!isBeforeCut(rec, frame, index)) {
      waited &= ~(1 << frameTrack(frame));
      if (isPastCut(rec, frame, index, waited)) status = reason;
    } else {
      // It may have had no frame in the batch in front of the cut.
      waited |= 1 << frameTrack(frame);
      const bound = frameBound(container, seg, frame);
      if (used + bound <= capacity) status = joinStatus(rec, seg, frame, used == header);
      else {
        if (used == header) store<u32>(seg, used + bound, SEG_NEEDED_OUTPUT_OFFSET);
        status = used == header ? STATUS_NEED_OUTPUT : STATUS_OUTPUT_FULL;
      }
      used += status == STATUS_RING_EMPTY ? bound : 0;
    }
    if (status != STATUS_RING_EMPTY) break;
  }
  store<u32>(rec, load<u32>(rec, REC_CUT_TRACKS_OFFSET) | waited, REC_CUT_TRACKS_OFFSET);
  if (index == limit && mustDecide(rec, limit)) status = reason;
  if (used != header) {
    writeBatch(container, rec, seg, from, index, out, capacity);
    markTaken(rec, ring, from, index);
    endBatch(rec, seg, pastTaken(rec, ring, limit));
  } else atomic.store<u32>(rec + REC_TAIL_OFFSET, pastTaken(rec, ring, limit));
  if (status == reason) endCut(rec);
  return status;
}

/** What a producer writes has a number and a configuration. */
function isNamed(frame: usize): bool {
  return frameTrack(frame) < <u32>MAX_TRACKS && frameConfig(frame) != 0;
}

/** Whether no frame from in front of the cut is waited for any more. `waited`: bit per track. */
function isPastCut(rec: usize, frame: usize, index: u32, waited: u32): bool {
  if (<i32>(index - load<u32>(rec, REC_CUT_INDEX_OFFSET)) < 0) return false;
  if ((waited & ~(1 << load<u32>(rec, REC_CUT_TRACK_OFFSET))) == 0) return true;
  const isCutTrack = frameTrack(frame) == load<u32>(rec, REC_CUT_TRACK_OFFSET);
  return isCutTrack && frameDts(frame) - load<i64>(rec, REC_CUT_DTS_OFFSET) >= MAX_WAIT_90K;
}

/** Notes what the batch has taken from behind the cursor. */
function markTaken(rec: usize, ring: usize, from: u32, to: u32): void {
  if (!hasFlag(rec, REC_FLAG_TAKEN_AHEAD)) {
    for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) store<u32>(rec + (track << 2), from, REC_TAKEN_OFFSET);
    store<u32>(rec, from, REC_TAKEN_END_OFFSET);
    setFlag(rec, REC_FLAG_TAKEN_AHEAD, true);
  }
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    const next = index + frameStride(frame);
    if (!isFiller(frame) && isSelected(rec, false, frame, index)) {
      store<u32>(rec + (frameTrack(frame) << 2), next, REC_TAKEN_OFFSET);
      if (<i32>(next - load<u32>(rec, REC_TAKEN_END_OFFSET)) > 0) store<u32>(rec, next, REC_TAKEN_END_OFFSET);
    }
    index = next;
  }
}

/** Where the cursor goes: to the first frame that is left for the next segment. */
function pastTaken(rec: usize, ring: usize, limit: u32): u32 {
  let index = load<u32>(rec, REC_TAIL_OFFSET);
  if (!hasFlag(rec, REC_FLAG_TAKEN_AHEAD)) return index;
  const end = load<u32>(rec, REC_TAKEN_END_OFFSET);
  while (index != limit && <i32>(index - end) < 0) {
    const frame = frameAt(ring, index);
    if (!isFiller(frame) && isUntaken(rec, false, frame, index)) break;
    index += frameStride(frame);
  }
  return index;
}

/** The next segment takes all that is left from the cursor on. */
function endCut(rec: usize): void {
  store<i64>(rec, load<i64>(rec, REC_CUT_DTS_OFFSET), REC_BEGIN_DTS_OFFSET);
  store<u32>(rec, STATUS_RING_EMPTY, REC_CUT_STATUS_OFFSET);
  // The frame that was cut at begins the next segment, whatever the rules for a recording's start say.
  setFlag(rec, REC_FLAG_START_ANYWHERE, true);
}
