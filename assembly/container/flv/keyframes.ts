// The keyframe table of a segment: bounded, whatever its length. It thins itself: full, it keeps every second entry and
// from then on takes every second random access point, so it always covers the whole segment evenly.

import {
  FLV_KEYFRAME_COUNT_OFFSET,
  FLV_KEYFRAME_POSITION_OFFSET,
  FLV_KEYFRAME_SIZE,
  FLV_KEYFRAME_STRIDE_OFFSET,
  FLV_KEYFRAME_TIME_OFFSET,
  FLV_KEYFRAMES_OFFSET,
  FLV_KEYFRAMES_SEEN_OFFSET,
  FLV_MAX_KEYFRAMES,
} from "../../../src/abi/flv";

// @ts-ignore: decorator
@inline
function entryAt(flv: usize, index: u32): usize {
  return flv + FLV_KEYFRAMES_OFFSET + index * FLV_KEYFRAME_SIZE;
}

export function addKeyframe(flv: usize, position: i64, timestampMs: i64): void {
  const seen = load<u32>(flv, FLV_KEYFRAMES_SEEN_OFFSET);
  store<u32>(flv, seen + 1, FLV_KEYFRAMES_SEEN_OFFSET);
  let stride = max<u32>(load<u32>(flv, FLV_KEYFRAME_STRIDE_OFFSET), 1);
  if (seen % stride != 0) return;
  let count = load<u32>(flv, FLV_KEYFRAME_COUNT_OFFSET);
  if (count == FLV_MAX_KEYFRAMES) {
    count = FLV_MAX_KEYFRAMES / 2;
    for (let i: u32 = 1; i < count; i++) memory.copy(entryAt(flv, i), entryAt(flv, 2 * i), FLV_KEYFRAME_SIZE);
    stride *= 2;
    // FLV_MAX_KEYFRAMES is even, so this random access point is one of the doubled stride too.
    store<u32>(flv, stride, FLV_KEYFRAME_STRIDE_OFFSET);
  }
  const entry = entryAt(flv, count);
  store<f64>(entry, <f64>position, FLV_KEYFRAME_POSITION_OFFSET);
  store<f64>(entry, <f64>timestampMs / 1000, FLV_KEYFRAME_TIME_OFFSET);
  store<u32>(flv, count + 1, FLV_KEYFRAME_COUNT_OFFSET);
}
