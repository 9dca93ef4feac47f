// The common part of a segment's state (src/abi/segment.ts): times relative to its zero, counters, outputs.

import { FLAG_RANDOM_ACCESS, MAX_TRACKS } from "../src/abi/frame";
import {
  SEG_BEGIN_OFFSET,
  SEG_CHANGED_OFFSET,
  SEG_CLAMPED_OFFSET,
  SEG_CONFIG_OFFSET,
  SEG_LEFT_OUT_BYTES_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_LEFT_OUT_FROM_OFFSET,
  SEG_LEFT_OUT_TO_OFFSET,
  SEG_LEFT_OUT_TOTAL_OFFSET,
  SEG_MAIN_VIDEO_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_POINTER_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_STRAGGLER_TRACKS_OFFSET,
  SEG_STRAGGLERS_FROM_OFFSET,
  SEG_STRAGGLERS_OFFSET,
  SEG_STRAGGLERS_TO_OFFSET,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_RANDOM_ACCESS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
  SEG_UNSUPPORTED_OFFSET,
  SEG_ZERO_OFFSET,
} from "../src/abi/segment";
import { isVideoConfig } from "./decoder-config";
import { frameDts, frameFlags, frameSize, frameTrack } from "./ring";

// @ts-ignore: decorator
@inline
export function segmentTrack(seg: usize, track: u32): usize {
  return seg + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
}

// @ts-ignore: decorator
@inline
export function segmentConfig(seg: usize, track: u32): usize {
  return load<u32>(seg + (track << 2), SEG_CONFIG_OFFSET);
}

/** The number of the main video (src/abi/segment.ts) + 1, 0 where there is no video. */
// @ts-ignore: decorator
@inline
export function segmentMainVideo(seg: usize): u32 {
  return load<u32>(seg, SEG_MAIN_VIDEO_OFFSET);
}

// @ts-ignore: decorator
@inline
export function isMainVideo(seg: usize, track: u32): bool {
  return track + 1 == segmentMainVideo(seg);
}

// @ts-ignore: decorator
@inline
export function isMainRandomAccess(seg: usize, frame: usize): bool {
  return (frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0 && isMainVideo(seg, frameTrack(frame));
}

/**
 * `preferred`: the recording's main video + 1, which its container carries; where the segment does not have it, the
 * first video track. It stays: one with a lower number that joins later does not take its place.
 */
export function chooseMainVideo(seg: usize, preferred: u32): void {
  if (preferred != 0 && segmentConfig(seg, preferred - 1) != 0) {
    store<u32>(seg, preferred, SEG_MAIN_VIDEO_OFFSET);
    return;
  }
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const config = segmentConfig(seg, track);
    if (config == 0 || !isVideoConfig(config)) continue;
    store<u32>(seg, track + 1, SEG_MAIN_VIDEO_OFFSET);
    return;
  }
}

/** Takes a track that appears after the segment has begun. */
export function joinTrack(seg: usize, track: u32, config: usize, preferred: u32): void {
  store<u32>(seg + (track << 2), <u32>config, SEG_CONFIG_OFFSET);
  if (segmentMainVideo(seg) == 0) chooseMainVideo(seg, preferred);
}

/** Takes another configuration of a track that has frames in the segment. */
export function changeConfig(seg: usize, track: u32, config: usize): void {
  store<u32>(seg + (track << 2), <u32>config, SEG_CONFIG_OFFSET);
  markChanged(seg, track);
}

/** The segment ends at the next random access point of the main video. */
export function markChanged(seg: usize, track: u32): void {
  store<u32>(seg, load<u32>(seg, SEG_CHANGED_OFFSET) | (1 << track), SEG_CHANGED_OFFSET);
}

/** Not in a loop over frames: it looks at every track. */
export function segmentHasFrames(seg: usize): bool {
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    if (load<u32>(segmentTrack(seg, track), SEG_TRACK_FRAMES_OFFSET) != 0) return true;
  }
  return false;
}

/** Notes a track that the container cannot carry; its frames are not counted one by one. */
// @ts-ignore: decorator
@inline
export function markUnsupported(seg: usize, track: u32): void {
  store<u32>(seg, load<u32>(seg, SEG_UNSUPPORTED_OFFSET) | (1 << track), SEG_UNSUPPORTED_OFFSET);
}

/** Decoding time since the segment's zero; a straggler from before zero is clamped to it (counted by `countFrame`). */
// @ts-ignore: decorator
@inline
export function segmentDts(seg: usize, dts90k: i64): i64 {
  const dts = dts90k - load<i64>(seg, SEG_ZERO_OFFSET);
  return dts < 0 ? 0 : dts;
}

/**
 * Takes a written frame into the segment's counters. Every container calls this or `countLeftOut` exactly once per
 * frame of a track that it carries.
 */
export function countFrame(seg: usize, track: u32, frame: usize): void {
  const at = segmentTrack(seg, track);
  const dts = frameDts(frame);
  const frames = load<u32>(at, SEG_TRACK_FRAMES_OFFSET);
  if (dts < load<i64>(seg, SEG_BEGIN_OFFSET)) countStraggler(seg, track, dts);
  if (frames == 0) store<i64>(at, dts, SEG_TRACK_FIRST_DTS_OFFSET);
  store<i64>(at, dts, SEG_TRACK_LAST_DTS_OFFSET);
  store<u32>(at, frames + 1, SEG_TRACK_FRAMES_OFFSET);
  store<i64>(at, load<i64>(at, SEG_TRACK_BYTES_OFFSET) + <i64>frameSize(frame), SEG_TRACK_BYTES_OFFSET);
  if ((frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0) {
    store<u32>(at, load<u32>(at, SEG_TRACK_RANDOM_ACCESS_OFFSET) + 1, SEG_TRACK_RANDOM_ACCESS_OFFSET);
  }
}

/** A frame that came too late for the segment that its time belongs to. */
function countStraggler(seg: usize, track: u32, dts90k: i64): void {
  const count = load<u32>(seg, SEG_STRAGGLERS_OFFSET);
  const from = load<i64>(seg, SEG_STRAGGLERS_FROM_OFFSET);
  const to = load<i64>(seg, SEG_STRAGGLERS_TO_OFFSET);
  store<i64>(seg, count == 0 ? dts90k : min<i64>(from, dts90k), SEG_STRAGGLERS_FROM_OFFSET);
  store<i64>(seg, count == 0 ? dts90k : max<i64>(to, dts90k), SEG_STRAGGLERS_TO_OFFSET);
  store<u32>(seg, count + 1, SEG_STRAGGLERS_OFFSET);
  store<u32>(seg, load<u32>(seg, SEG_STRAGGLER_TRACKS_OFFSET) | (1 << track), SEG_STRAGGLER_TRACKS_OFFSET);
  if (dts90k >= load<i64>(seg, SEG_ZERO_OFFSET)) return;
  store<u32>(seg, load<u32>(seg, SEG_CLAMPED_OFFSET) + 1, SEG_CLAMPED_OFFSET);
}

/** Takes a frame into account that is not written: the loss is reported as an entry of its own. */
export function countLeftOut(seg: usize, track: u32, frame: usize): void {
  const frames = seg + (track << 2);
  const dts = frameDts(frame);
  const total = load<u32>(seg, SEG_LEFT_OUT_TOTAL_OFFSET);
  if (total == 0) {
    store<i64>(seg, dts, SEG_LEFT_OUT_FROM_OFFSET);
    store<i64>(seg, dts, SEG_LEFT_OUT_TO_OFFSET);
  }
  store<i64>(seg, min<i64>(load<i64>(seg, SEG_LEFT_OUT_FROM_OFFSET), dts), SEG_LEFT_OUT_FROM_OFFSET);
  store<i64>(seg, max<i64>(load<i64>(seg, SEG_LEFT_OUT_TO_OFFSET), dts), SEG_LEFT_OUT_TO_OFFSET);
  store<u32>(seg, total + 1, SEG_LEFT_OUT_TOTAL_OFFSET);
  store<u32>(frames, load<u32>(frames, SEG_LEFT_OUT_FRAMES_OFFSET) + 1, SEG_LEFT_OUT_FRAMES_OFFSET);
  store<i64>(seg, load<i64>(seg, SEG_LEFT_OUT_BYTES_OFFSET) + <i64>frameSize(frame), SEG_LEFT_OUT_BYTES_OFFSET);
}

/** Tells the worker what to write to descriptor `output` (it advances the position itself). */
// @ts-ignore: decorator
@inline
export function setOutput(seg: usize, output: u32, pointer: usize, bytes: u32): void {
  const at = seg + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE;
  store<u32>(at, <u32>pointer, SEG_OUTPUT_POINTER_OFFSET);
  store<u32>(at, bytes, SEG_OUTPUT_BYTES_OFFSET);
}

// @ts-ignore: decorator
@inline
export function outputPosition(seg: usize, output: u32): i64 {
  return load<i64>(seg + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE, SEG_OUTPUT_POSITION_OFFSET);
}
