// Where a segment ends: its time is up, it is full, somebody wants a cut, a decoder configuration changed, the
// recording stops or hands over.

import { MAX_TRACKS } from "../src/abi/frame";
import {
  REC_CHUNK_LENGTH_OFFSET,
  REC_CONFIG_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_CUT_AT_OFFSET,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_MAX_BYTES_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_VIDEO_DELTA_OFFSET,
  STOP_AT_RANDOM_ACCESS,
} from "../src/abi/recording";
import { SEG_CHANGED_OFFSET, SEG_TRACK_BYTES_OFFSET, SEG_ZERO_OFFSET } from "../src/abi/segment";
import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_OUTPUT_FULL,
  STATUS_RING_EMPTY,
  STATUS_STOPPED,
} from "../src/abi/status";
import { carriesChanges } from "./container/table";
import { audioFrameDuration90k, configCodec, isAudioConfig } from "./decoder-config";
import { hasFlag } from "./recording";
import { frameConfig, frameDts, frameTrack } from "./ring";
import {
  changeConfig,
  isMainRandomAccess,
  joinTrack,
  markChanged,
  segmentConfig,
  segmentHasFrames,
  segmentMainVideo,
  segmentTrack,
} from "./segment";

const MAX_DELTA_90K: i64 = 90000;

/**
 * Half of a frame's duration: what its configuration says of an audio frame, the distance of the main video's last two
 * frames of any other. `ownDelta`, the frame's distance from the main video's last one, does where no two have been
 * seen.
 */
function cutTolerance(rec: usize, frame: usize, ownDelta: u32): i64 {
  if (isAudioConfig(frameConfig(frame))) return audioFrameDuration90k(frameConfig(frame)) >> 1;
  const known = load<u32>(rec, REC_VIDEO_DELTA_OFFSET);
  return <i64>((known != 0 ? known : ownDelta) >> 1);
}

/** A gap is no frame duration: only a plausible distance (up to 1 s) counts, any other is 0. */
// @ts-ignore: decorator
@inline
export function plausibleDelta(from90k: i64, to90k: i64): u32 {
  if (from90k == i64.MIN_VALUE || to90k <= from90k || to90k - from90k > MAX_DELTA_90K) return 0;
  return <u32>(to90k - from90k);
}

/** True where a frame may not join this segment because its time is up, it is full, or a cut is wanted. */
function isCut(rec: usize, seg: usize, frame: usize, videoDelta: u32): bool {
  const chunkLength = load<i64>(rec, REC_CHUNK_LENGTH_OFFSET);
  const cutAt = load<i64>(rec, REC_CUT_AT_OFFSET);
  const maxBytes = load<i64>(rec, REC_MAX_BYTES_OFFSET);
  if (chunkLength == 0 && cutAt == 0 && maxBytes == 0) return false;
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  const waits = (flags & REC_FLAG_WAIT_FOR_IDR) != 0 && segmentMainVideo(seg) != 0;
  if (waits && !isMainRandomAccess(seg, frame)) return false;
  if (cutAt != 0 && frameDts(frame) >= cutAt) return true;
  if (maxBytes != 0 && segmentBytes(seg) >= maxBytes) return true;
  if (chunkLength == 0) return false;
  // Less half a frame, so that a 2 s GOP and chunkLength=2 give 2 s files (ems-record-spec §3.4).
  return frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) >= chunkLength - cutTolerance(rec, frame, videoDelta);
}

/** Of all tracks, in front of the batch. */
function segmentBytes(seg: usize): i64 {
  let bytes: i64 = 0;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++)
    bytes += load<i64>(segmentTrack(seg, track), SEG_TRACK_BYTES_OFFSET);
  return bytes;
}

/**
 * Why a frame does not belong to this segment, or STATUS_RING_EMPTY where it does. `isFirst`: nothing is in the batch
 * yet.
 */
export function cutReason(rec: usize, seg: usize, frame: usize, index: u32, isFirst: bool, videoDelta: u32): i32 {
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_RANDOM_ACCESS) {
    const isBehind = <i32>(index - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0;
    if (isBehind && (isMainRandomAccess(seg, frame) || segmentMainVideo(seg) == 0)) return STATUS_STOPPED;
  }
  if ((!isFirst || segmentHasFrames(seg)) && isCut(rec, seg, frame, videoDelta)) return STATUS_CUT;
  if (load<u32>(seg, SEG_CHANGED_OFFSET) != 0 && isMainRandomAccess(seg, frame)) return STATUS_CONFIG_CHANGED;
  const config = segmentConfig(seg, frameTrack(frame));
  if (config == frameConfig(frame) || config == 0) return STATUS_RING_EMPTY;
  return isCarriedInBand(rec, seg, frame) ? STATUS_RING_EMPTY : STATUS_CONFIG_CHANGED;
}

/**
 * A changed configuration cuts at the next random access point of the main video, so that the next file can be decoded
 * from its start. The rest of this one carries the change in band, or leaves the track out.
 */
function isCarriedInBand(rec: usize, seg: usize, frame: usize): bool {
  const main = segmentMainVideo(seg);
  if (main == 0 || main == frameTrack(frame) + 1 || !hasFlag(rec, REC_FLAG_WAIT_FOR_IDR)) return false;
  return configCodec(segmentConfig(seg, frameTrack(frame))) == configCodec(frameConfig(frame));
}

/** Why a frame does not join this batch, or STATUS_RING_EMPTY where it does. */
export function frameStatus(rec: usize, seg: usize, frame: usize, index: u32, isFirst: bool, videoDelta: u32): i32 {
  if (frameTrack(frame) >= <u32>MAX_TRACKS || frameConfig(frame) == 0) return STATUS_BAD_FRAME;
  // A place where a full segment ends begins a batch: all bytes in front of it are counted then.
  if (!isFirst && load<i64>(rec, REC_MAX_BYTES_OFFSET) != 0 && isMainRandomAccess(seg, frame))
    return STATUS_OUTPUT_FULL;
  const reason = cutReason(rec, seg, frame, index, isFirst, videoDelta);
  return reason == STATUS_RING_EMPTY ? joinStatus(rec, seg, frame, isFirst) : reason;
}

/** Lets a track and a changed configuration into the segment. */
// @ts-ignore: decorator
@inline
export function joinStatus(rec: usize, seg: usize, frame: usize, isFirst: bool): i32 {
  const track = frameTrack(frame);
  const config = segmentConfig(seg, track);
  if (config == frameConfig(frame)) return STATUS_RING_EMPTY;
  return joinOther(rec, seg, frame, isFirst);
}

function joinOther(rec: usize, seg: usize, frame: usize, isFirst: bool): i32 {
  const track = frameTrack(frame);
  const config = segmentConfig(seg, track);
  if (config != 0 && !carriesChanges(load<u32>(rec, REC_CONTAINER_OFFSET))) {
    markChanged(seg, track);
    return STATUS_RING_EMPTY;
  }
  // They begin a batch, so that files do not depend on where drains fall.
  if (!isFirst) return STATUS_OUTPUT_FULL;
  if (config == 0) joinTrack(seg, track, frameConfig(frame), load<u32>(rec, REC_MAIN_VIDEO_OFFSET));
  else changeConfig(seg, track, frameConfig(frame));
  return STATUS_RING_EMPTY;
}

/**
 * From which dts90k on a frame of another track may lie behind a cut that the main video is still to bring;
 * i64.MAX_VALUE where no cut is near.
 */
export function doubtFrom(rec: usize, seg: usize): i64 {
  if (segmentMainVideo(seg) == 0) return i64.MAX_VALUE;
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_RANDOM_ACCESS || isChangeNear(rec, seg)) return i64.MIN_VALUE;
  if (!hasFlag(rec, REC_FLAG_WAIT_FOR_IDR)) return i64.MAX_VALUE;
  const chunkLength = load<i64>(rec, REC_CHUNK_LENGTH_OFFSET);
  const cutAt = load<i64>(rec, REC_CUT_AT_OFFSET);
  let end = i64.MAX_VALUE;
  if (chunkLength != 0) end = load<i64>(seg, SEG_ZERO_OFFSET) + chunkLength;
  if (cutAt != 0 && cutAt < end) end = cutAt;
  return end == i64.MAX_VALUE ? end : end - (MAX_DELTA_90K >> 1);
}

/** The stream has another configuration in force than the segment, or the segment holds a change already. */
function isChangeNear(rec: usize, seg: usize): bool {
  if (load<u32>(seg, SEG_CHANGED_OFFSET) != 0) return true;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const inForce = load<u32>(rec + (track << 2), REC_CONFIG_OFFSET);
    const config = segmentConfig(seg, track);
    if (inForce != 0 && config != 0 && config != inForce) return true;
  }
  return false;
}
