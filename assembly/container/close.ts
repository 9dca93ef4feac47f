// What a container wants patched in place when its segment ends. MP4 and MPEG-TS want nothing here: TS is complete at
// any moment, and MP4's index is the work of the finish (assembly/container/mp4/).

import { CONTAINER_FLV } from "../../src/abi/recording";
import { flvCloseBound, flvWriteClose } from "./flv/close";

/** Bytes of output that `closeSegment` may set. */
export function closeBound(container: u32): u32 {
  return container == CONTAINER_FLV ? flvCloseBound() : 0;
}

/**
 * Sets output 0 to the patch and its position; sizes of 0 mean nothing to do. To be called once, after the last batch
 * is written.
 */
export function closeSegment(container: u32, seg: usize, out: usize, capacity: u32): void {
  if (container == CONTAINER_FLV) flvWriteClose(seg, out, capacity);
}
