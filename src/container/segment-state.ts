// Places in a segment's state block (src/abi/segment.ts) that more than one file here needs.

import { SEG_OUTPUT_SIZE, SEG_OUTPUTS_OFFSET } from "../abi/segment.js";

/** Pointer to an output of a segment: descriptor, position, and what the last kernel call left to write. */
export function outputAt(segment: number, output: number): number {
  return segment + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE;
}
