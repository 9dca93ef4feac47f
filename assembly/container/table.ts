// The containers the kernels write: which functions are whose. Nowhere else is a container asked for its number. A new
// one is a folder with a batch writer, and a line in each function here.

import { CONTAINER_COUNT, CONTAINER_FLV, CONTAINER_MP4, CONTAINER_TS } from "../../src/abi/recording";
import { flvFrameBound, flvHeaderBound, flvWriteBatch } from "./flv/batch";
import { flvCloseBound, flvWriteClose } from "./flv/close";
import { mp4FrameBound, mp4HeaderBound, mp4WriteBatch } from "./mp4/batch";
import { tsFrameBound, tsHeaderBound, tsWriteBatch } from "./mpegts/batch";

/** A container that was added to src/abi/recording.ts belongs into every function below; then this number is raised. */
const CONTAINERS_HERE: i32 = 3;

/** Most bytes a frame takes in the output of this container, its share of tables and tags included. */
// @ts-ignore: decorator
@inline
export function frameBound(container: u32, seg: usize, frame: usize): u32 {
  if (container == CONTAINER_MP4) return mp4FrameBound(seg, frame);
  if (container == CONTAINER_TS) return tsFrameBound(seg, frame);
  if (container == CONTAINER_FLV) return flvFrameBound(seg, frame);
  return unreachable();
}

/** Whether a track's decoder configuration may change within a file. */
export function carriesChanges(container: u32): bool {
  if (container == CONTAINER_MP4) return false;
  if (container == CONTAINER_TS || container == CONTAINER_FLV) return true;
  return unreachable();
}

/** Most bytes that stand in front of a batch's first frame. */
export function headerBound(container: u32, seg: usize): u32 {
  if (CONTAINERS_HERE != CONTAINER_COUNT) ERROR("assembly/container/table.ts lacks a container of src/abi/recording.ts");
  if (container == CONTAINER_MP4) return mp4HeaderBound(seg);
  if (container == CONTAINER_TS) return tsHeaderBound(seg);
  if (container == CONTAINER_FLV) return flvHeaderBound(seg);
  return unreachable();
}

/** Writes the frames of the ring from `from` to `to` and sets the segment's outputs. */
export function writeBatch(
  container: u32,
  rec: usize,
  seg: usize,
  from: u32,
  to: u32,
  out: usize,
  capacity: u32,
): void {
  if (container == CONTAINER_MP4) mp4WriteBatch(rec, seg, from, to, out, capacity);
  else if (container == CONTAINER_TS) tsWriteBatch(rec, seg, from, to, out, capacity);
  else if (container == CONTAINER_FLV) flvWriteBatch(rec, seg, from, to, out, capacity);
  else unreachable();
}

/** Bytes of output that `closeSegment` may set. */
export function closeBound(container: u32): u32 {
  return container == CONTAINER_FLV ? flvCloseBound() : 0;
}

/**
 * Sets output 0 to what is patched in place when a segment ends, and its position; a size of 0 means nothing to do. To
 * be called once, after the last batch is written. MP4 and MPEG-TS want nothing here: TS is complete at any moment, and
 * MP4's index is the work of the finish.
 */
export function closeSegment(container: u32, seg: usize, out: usize, capacity: u32): void {
  if (container == CONTAINER_FLV) flvWriteClose(seg, out, capacity);
}
