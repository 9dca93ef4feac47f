// The way out of the ring, the same for every container: which frames belong to this batch. Where a segment begins is
// start.ts, where it is cut cut.ts.
//
//   tail ──▶ [ frame frame frame | RAP … head        drain() walks headers only and never blocks;
//             └── this batch ──┘ └── next segment    the container then writes the selected range into the output.
//
// Every frame goes into exactly one segment, that of its time (overlap.ts). All memory between two calls is in the
// recording's and the segment's state; the recording's lock is held for the length of a call, so that the main thread
// may move a slow consumer's cursor between two calls.

import { FLAG_LEADING, FLAG_RANDOM_ACCESS, FLAG_SKIPPED_LEADING } from "../src/abi/frame";
import {
  REC_CONTAINER_OFFSET,
  REC_CUT_STATUS_OFFSET,
  REC_FLAG_DROPS_LEADING,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_START_ANYWHERE,
  REC_LOOKED_INDEX_OFFSET,
  REC_RING_OFFSET,
  REC_TAIL_OFFSET,
  REC_VIDEO_DELTA_OFFSET,
} from "../src/abi/recording";
import {
  SEG_LAST_DELTA_OFFSET,
  SEG_NEEDED_OUTPUT_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
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
import { doubtFrom, frameStatus, plausibleDelta } from "./cut";
import { beginCut, beginOverlapCheck, drainOverlap, lookAhead } from "./overlap";
import {
  endBatch,
  hasFlag,
  isStopReached,
  isUntaken,
  isWhole,
  limitOf,
  lock,
  setFlag,
  takesAll,
  unlock,
} from "./recording";
import { frameAt, frameDts, frameFlags, frameStride, frameTrack, isFiller, ringHead } from "./ring";
import { countLeftOut, segmentMainVideo, segmentTrack } from "./segment";
import { skipToRandomAccess } from "./start";

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
  const limit = limitOf(rec, ringHead(ring));
  if (hasFlag(rec, REC_FLAG_SKIP_TO_RANDOM_ACCESS)) {
    const found = skipToRandomAccess(rec, ring, limit);
    if (found == STATUS_BAD_FRAME) return found;
    if (found != STATUS_READY) return isStopReached(rec, limit) ? STATUS_STOPPED : STATUS_RING_EMPTY;
  }
  // The segment's files are open, so the frame that was cut at has its place: kept until now for an opening that is
  // tried again under another name.
  setFlag(rec, REC_FLAG_START_ANYWHERE, false);
  beginOverlapCheck(rec);
  if (load<u32>(rec, REC_CUT_STATUS_OFFSET) != 0) return drainOverlap(rec, seg, limit, out, capacity);
  return drainBatch(rec, seg, limit, out, capacity);
}

/** Takes frames in the order of the ring, up to the first that does not belong to the segment. */
function drainBatch(rec: usize, seg: usize, limit: u32, out: usize, capacity: u32): i32 {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const container = load<u32>(rec, REC_CONTAINER_OFFSET);
  const tail = load<u32>(rec, REC_TAIL_OFFSET);
  let from = tail;
  const header = headerBound(container, seg);
  const all = takesAll(rec);
  const doubt = doubtFrom(rec, seg);
  let index = from;
  let cut = from;
  let used = header;
  let status: i32 = STATUS_RING_EMPTY;
  let lastVideoDts = lastMainDts(seg);
  // A track joins only as the first of a batch, so the main video is looked up again with the first frame alone.
  let main = segmentMainVideo(seg);
  let dropsLeading = hasFlag(rec, REC_FLAG_DROPS_LEADING);
  while (index != limit) {
    const frame = frameAt(ring, index);
    if (!isWhole(ring, frame, index, limit)) {
      status = STATUS_BAD_FRAME;
      break;
    }
    if (isFiller(frame) || !isUntaken(rec, all, frame, index)) {
      index += frameStride(frame);
      continue;
    }
    const isMain = frameTrack(frame) + 1 == main;
    if (dropsLeading && isMain) {
      dropsLeading = stillDropsLeading(rec, frame);
      if (dropsLeading && (frameFlags(frame) & FLAG_SKIPPED_LEADING) != 0) {
        // It is left out of the file: a batch that is under way ends in front of it.
        if (used != header) {
          status = STATUS_OUTPUT_FULL;
          break;
        }
        countLeftOut(seg, frameTrack(frame), frame);
        index += frameStride(frame);
        from = index;
        continue;
      }
    }
    cut = index;
    if (!isMain && frameDts(frame) >= doubt) {
      status = lookAhead(rec, seg, ring, index, limit, used == header);
      cut = load<u32>(rec, REC_LOOKED_INDEX_OFFSET);
      if (status != STATUS_RING_EMPTY) break;
    }
    const videoDelta = isMain ? plausibleDelta(lastVideoDts, frameDts(frame)) : 0;
    cut = index;
    status = frameStatus(rec, seg, frame, index, used == header, videoDelta);
    if (status != STATUS_RING_EMPTY) break;
    const bound = frameBound(container, seg, frame);
    if (used + bound > capacity) {
      if (used == header) store<u32>(seg, used + bound, SEG_NEEDED_OUTPUT_OFFSET);
      status = used == header ? STATUS_NEED_OUTPUT : STATUS_OUTPUT_FULL;
      break;
    }
    if (used == header) main = segmentMainVideo(seg);
    if (frameTrack(frame) + 1 == main) {
      if (videoDelta != 0) {
        store<u32>(seg, videoDelta, SEG_LAST_DELTA_OFFSET);
        store<u32>(rec, videoDelta, REC_VIDEO_DELTA_OFFSET);
      }
      lastVideoDts = frameDts(frame);
    }
    used += bound;
    index += frameStride(frame);
  }
  if (index != from) writeBatch(container, rec, seg, from, index, out, capacity);
  if (index != tail) endBatch(rec, seg, index);
  if (status == STATUS_NOT_READY) return STATUS_RING_EMPTY;
  if (status == STATUS_CUT || status == STATUS_CONFIG_CHANGED || status == STATUS_STOPPED) {
    beginCut(rec, seg, frameAt(ring, cut), cut, status);
    // A call has one batch at most: what is whole is not undone with its thread.
    return index == tail ? drainOverlap(rec, seg, limit, out, capacity) : STATUS_OUTPUT_FULL;
  }
  return status == STATUS_RING_EMPTY && isStopReached(rec, limit) ? STATUS_STOPPED : status;
}

/**
 * Pictures that are shown before the one where decoding starts may refer to what was never recorded (RASL of H.265).
 * They come before the first picture that is shown behind it.
 */
function stillDropsLeading(rec: usize, frame: usize): bool {
  const still = (frameFlags(frame) & (FLAG_LEADING | FLAG_RANDOM_ACCESS)) != 0;
  if (!still) setFlag(rec, REC_FLAG_DROPS_LEADING, false);
  return still;
}

/** Decoding time of the main video's last frame in the segment; i64.MIN_VALUE where there is none. */
function lastMainDts(seg: usize): i64 {
  const main = segmentMainVideo(seg);
  if (main == 0) return i64.MIN_VALUE;
  const video = segmentTrack(seg, main - 1);
  return load<u32>(video, SEG_TRACK_FRAMES_OFFSET) != 0 ? load<i64>(video, SEG_TRACK_LAST_DTS_OFFSET) : i64.MIN_VALUE;
}
