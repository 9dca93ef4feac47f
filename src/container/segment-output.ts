// Writes what a kernel call left in a segment's outputs (src/abi/segment.ts). Positions are explicit, so a batch that
// is written twice lands in the same place; the media file (output 0) goes first, so sample records always describe
// bytes that exist.

import { writeSync } from "node:fs";
import {
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POINTER_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import { outputAt } from "./segment-state.js";

/**
 * Bytes of output that one kernel call may fill: a write(2) of 256 KiB to 1 MiB costs the least per byte
 * (libraries.md).
 */
export const OUTPUT_BYTES = 1 << 20;

/**
 * `joinTrack` opens the output of a track that appeared late. Returns the bytes written. Throws what write(2) throws;
 * the failed output keeps its size and position.
 */
export function writeOutputs(arena: ArenaViews, segment: number, joinTrack: (track: number) => void): number {
  let written = 0;
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    const at = outputAt(segment, output);
    const bytes = arena.u32(at + SEG_OUTPUT_BYTES_OFFSET);
    if (bytes === 0) continue;
    const isNewTrack = output > 0 && (arena.u32(at + SEG_OUTPUT_FD_OFFSET) | 0) < 0;
    if (isNewTrack) joinTrack(output - 1);
    const position = arena.i64(at + SEG_OUTPUT_POSITION_OFFSET);
    writeAll(
      arena.u32(at + SEG_OUTPUT_FD_OFFSET),
      arena.bytes(arena.u32(at + SEG_OUTPUT_POINTER_OFFSET), bytes),
      position,
    );
    arena.setI64(at + SEG_OUTPUT_POSITION_OFFSET, position + bytes);
    arena.setU32(at + SEG_OUTPUT_BYTES_OFFSET, 0);
    written += bytes;
  }
  return written;
}

/** write(2) may take less than it is given, on a nearly full disk for one. */
export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.byteLength) done += writeSync(fd, bytes, done, bytes.byteLength - done, position + done);
}
