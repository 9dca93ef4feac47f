// Reading a FrameRing from a muxer kernel. Indices count bytes modulo 2^32; the ring's capacity is a power of two, so
// `index & (capacity - 1)` is the place. The producer stores the head last: everything below a loaded head is constant
// until this recording's tail has passed it.

import {
  FRAME_ALIGN,
  FRAME_CONFIG_OFFSET,
  FRAME_CTS_OFFSET,
  FRAME_DTS_OFFSET,
  FRAME_FILLER,
  FRAME_FLAGS_OFFSET,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_OFFSET,
  FRAME_TRACK_OFFSET,
} from "../src/abi/frame";
import { RING_CAPACITY_OFFSET, RING_DATA_OFFSET, RING_HEAD_OFFSET } from "../src/abi/ring";

// @ts-ignore: decorator
@inline
export function ringHead(ring: usize): u32 {
  return atomic.load<u32>(ring, RING_HEAD_OFFSET);
}

/** Pointer to the frame (its header) at a ring index. */
// @ts-ignore: decorator
@inline
export function frameAt(ring: usize, index: u32): usize {
  return load<u32>(ring, RING_DATA_OFFSET) + (index & (load<u32>(ring, RING_CAPACITY_OFFSET) - 1));
}

// @ts-ignore: decorator
@inline
export function frameSize(frame: usize): u32 {
  return load<u32>(frame, FRAME_SIZE_OFFSET);
}

// @ts-ignore: decorator
@inline
export function frameTrack(frame: usize): u32 {
  return load<u8>(frame, FRAME_TRACK_OFFSET);
}

// @ts-ignore: decorator
@inline
export function frameFlags(frame: usize): u32 {
  return load<u8>(frame, FRAME_FLAGS_OFFSET);
}

// @ts-ignore: decorator
@inline
export function frameDts(frame: usize): i64 {
  return load<i64>(frame, FRAME_DTS_OFFSET);
}

// @ts-ignore: decorator
@inline
export function frameCts(frame: usize): i32 {
  return load<i32>(frame, FRAME_CTS_OFFSET);
}

// @ts-ignore: decorator
@inline
export function frameConfig(frame: usize): usize {
  return load<u32>(frame, FRAME_CONFIG_OFFSET);
}

// @ts-ignore: decorator
@inline
export function framePayload(frame: usize): usize {
  return frame + FRAME_HEADER_SIZE;
}

/** Bytes from one frame to the next, header and padding included. */
// @ts-ignore: decorator
@inline
export function frameStride(frame: usize): u32 {
  return (frameSize(frame) + (FRAME_HEADER_SIZE + FRAME_ALIGN - 1)) & ~(FRAME_ALIGN - 1);
}

// @ts-ignore: decorator
@inline
export function isFiller(frame: usize): bool {
  return load<u8>(frame, FRAME_TRACK_OFFSET) == FRAME_FILLER;
}
