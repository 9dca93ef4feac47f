// What all containers need when they open and close the files of a segment: their descriptors in its state, and the
// certainty that the folder is the one that naming gave.

import { closeSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { SEG_OUTPUT_COUNT, SEG_OUTPUT_FD_OFFSET } from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import { ReelError } from "../base/reel-error.js";
import type { SegmentPlace } from "./container.js";
import { outputAt } from "./segment-state.js";

/** To be called before the first file of a segment is opened. */
export function beginSegmentFiles({ arena, segment, path }: SegmentPlace): void {
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) setDescriptor(arena, segment, output, -1);
  mustBeReal(dirname(path));
}

export function setDescriptor(arena: ArenaViews, segment: number, output: number, fd: number): void {
  arena.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, fd);
}

/**
 * Closes what is open. Errors of close(2) are not swallowed: on some volumes they are the first word of a failed write.
 */
export function closeSegmentFiles(arena: ArenaViews, segment: number): void {
  let failure: unknown;
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    const at = outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET;
    const fd = arena.u32(at) | 0;
    if (fd < 0) continue;
    arena.setU32(at, -1);
    try {
      closeSync(fd);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

/**
 * Naming gives real paths. Hours may lie between that and this opening, and whoever writes there may have put a
 * symbolic link on the way (design.md §5).
 */
function mustBeReal(folder: string): void {
  const real = realpathSync.native(folder);
  if (real !== folder)
    throw new ReelError(
      "badPath",
      `${folder} leads to ${real} by a symbolic link that was not there when the name was found`,
      { folder },
    );
}
