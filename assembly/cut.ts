// Where a segment ends: its time is up, a decoder configuration changed, the recording stops or hands over.

import { MAX_TRACKS } from "../src/abi/frame";
import {
  REC_CHUNK_LENGTH_OFFSET,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_VIDEO_DELTA_OFFSET,
  STOP_AT_RANDOM_ACCESS,
} from "../src/abi/recording";
import { SEG_ZERO_OFFSET } from "../src/abi/segment";
import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_OUTPUT_FULL,
  STATUS_RING_EMPTY,
  STATUS_STOPPED,
} from "../src/abi/status";
import { audioFrameDuration90k, isAudioConfig } from "./decoder-config";
import { setFlag } from "./recording";
import { frameConfig, frameDts, frameTrack } from "./ring";
import { isMainRandomAccess, joinTrack, segmentConfig, segmentHasFrames, segmentMainVideo } from "./segment";

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

/** True where a frame may not join this segment because its time is up. */
function isCut(rec: usize, seg: usize, frame: usize, videoDelta: u32): bool {
  const chunkLength = load<i64>(rec, REC_CHUNK_LENGTH_OFFSET);
  if (chunkLength == 0) return false;
  const flags = load<u32>(rec, REC_FLAGS_OFFSET);
  const waits = (flags & REC_FLAG_WAIT_FOR_IDR) != 0 && segmentMainVideo(seg) != 0;
  if (waits && !isMainRandomAccess(seg, frame)) return false;
  // Less half a frame, so that a 2 s GOP and chunkLength=2 give 2 s files (ems-record-spec §3.4).
  return frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) >= chunkLength - cutTolerance(rec, frame, videoDelta);
}

/** Why a frame does not join this batch, or STATUS_RING_EMPTY where it does. `isFirst`: nothing is in the batch yet. */
export function frameStatus(rec: usize, seg: usize, frame: usize, index: u32, isFirst: bool, videoDelta: u32): i32 {
  const track = frameTrack(frame);
  if (track >= <u32>MAX_TRACKS || frameConfig(frame) == 0) return STATUS_BAD_FRAME;
  if (load<u32>(rec, REC_STOP_MODE_OFFSET) == STOP_AT_RANDOM_ACCESS) {
    const isBehind = <i32>(index - load<u32>(rec, REC_STOP_INDEX_OFFSET)) >= 0;
    if (isBehind && (isMainRandomAccess(seg, frame) || segmentMainVideo(seg) == 0)) return STATUS_STOPPED;
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
  joinTrack(seg, track, frameConfig(frame));
  return STATUS_RING_EMPTY;
}
