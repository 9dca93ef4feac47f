// The sync task, run by the finish pool: makes what growing segments hold survive a power cut (durability=interval),
// many segments in one task. The media goes before the records that name it, as in every write.

import { fdatasyncSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { SEG_OUTPUT_COUNT, SEG_OUTPUT_FD_OFFSET } from "../abi/segment.js";
import { ArenaViews } from "../arena/arena-views.js";
import { outputAt } from "../container/segment-state.js";
import type { DrainWorkerData } from "./drain-task.js";

let views: ArenaViews | undefined;

/**
 * `segments`: pointers of segment states, which stay allocated until the task is done. Returns those that could not be
 * synced.
 */
export function sync(segments: readonly number[]): number[] {
  views ??= new ArenaViews((workerData as DrainWorkerData).memory);
  const arena = views;
  return segments.filter((segment) => {
    try {
      for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
        const fd = arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET) | 0;
        if (fd >= 0) fdatasyncSync(fd);
      }
      return false;
    } catch (error) {
      // A segment that has just been closed was synced by its finish.
      return (error as NodeJS.ErrnoException).code !== "EBADF";
    }
  });
}
