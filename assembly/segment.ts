// The common part of a segment's state (src/abi/segment.ts): times relative to its zero, counters, outputs.

import { FLAG_RANDOM_ACCESS } from "../src/abi/frame";
import {
  SEG_CLAMPED_OFFSET,
  SEG_CONFIG_OFFSET,
  SEG_LEFT_OUT_BYTES_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_LEFT_OUT_FROM_OFFSET,
  SEG_LEFT_OUT_TO_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_POINTER_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_RANDOM_ACCESS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
  SEG_ZERO_OFFSET,
} from "../src/abi/segment";
import { frameDts, frameFlags, frameSize } from "./ring";

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

/** Decoding time since the segment's zero; a straggler from before zero is clamped to it (counted by `countFrame`). */
// @ts-ignore: decorator
@inline
export function segmentDts(seg: usize, dts90k: i64): i64 {
  const dts = dts90k - load<i64>(seg, SEG_ZERO_OFFSET);
  return dts < 0 ? 0 : dts;
}

/**
 * Takes a written frame into the segment's counters. Every container calls this or `countLeftOut` exactly once per
 * frame.
 */
export function countFrame(seg: usize, track: u32, frame: usize): void {
  const at = segmentTrack(seg, track);
  const dts = frameDts(frame);
  const frames = load<u32>(at, SEG_TRACK_FRAMES_OFFSET);
  if (dts < load<i64>(seg, SEG_ZERO_OFFSET)) store<u32>(seg, load<u32>(seg, SEG_CLAMPED_OFFSET) + 1, SEG_CLAMPED_OFFSET);
  if (frames == 0) store<i64>(at, dts, SEG_TRACK_FIRST_DTS_OFFSET);
  store<i64>(at, dts, SEG_TRACK_LAST_DTS_OFFSET);
  store<u32>(at, frames + 1, SEG_TRACK_FRAMES_OFFSET);
  store<i64>(at, load<i64>(at, SEG_TRACK_BYTES_OFFSET) + <i64>frameSize(frame), SEG_TRACK_BYTES_OFFSET);
  if ((frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0) {
    store<u32>(at, load<u32>(at, SEG_TRACK_RANDOM_ACCESS_OFFSET) + 1, SEG_TRACK_RANDOM_ACCESS_OFFSET);
  }
}

/** Takes a frame into account that is not written: the loss is reported as an entry of its own. */
export function countLeftOut(seg: usize, track: u32, frame: usize): void {
  const frames = seg + (track << 2);
  const dts = frameDts(frame);
  if ((load<u32>(seg, SEG_LEFT_OUT_FRAMES_OFFSET) | load<u32>(seg, SEG_LEFT_OUT_FRAMES_OFFSET + 4)) == 0) {
    store<i64>(seg, dts, SEG_LEFT_OUT_FROM_OFFSET);
    store<i64>(seg, dts, SEG_LEFT_OUT_TO_OFFSET);
  }
  store<i64>(seg, min<i64>(load<i64>(seg, SEG_LEFT_OUT_FROM_OFFSET), dts), SEG_LEFT_OUT_FROM_OFFSET);
  store<i64>(seg, max<i64>(load<i64>(seg, SEG_LEFT_OUT_TO_OFFSET), dts), SEG_LEFT_OUT_TO_OFFSET);
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
