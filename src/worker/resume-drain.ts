// Where a drain goes on whose thread has died in the middle of an item: what was half done is undone, or done again at
// the same place. Descriptors are the process's and live on in the segment's state; one that a thread had opened and
// not yet noted there is found by its path.

import { closeSync } from "node:fs";
import {
  REC_CUT_STATUS_OFFSET,
  REC_FLAG_DROPS_LEADING,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_TAKEN_AHEAD,
  REC_FLAGS_OFFSET,
  REC_SIZE,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_TAIL_OFFSET,
} from "../abi/recording.js";
import {
  SEG_BATCH_IS_WHOLE_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_SIZE,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import type { Container, SegmentOpening } from "../container/container.js";
import { ownDescriptors } from "../container/own-descriptors.js";
import { outputAt } from "../container/segment-state.js";
import type { DrainItem } from "./drain-batch.js";
import { DrainRecord, STEP_BETWEEN, STEP_KERNEL, STEP_OPENING, STEP_WRITING } from "./drain-record.js";

/** What nobody else sets while a kernel call is under way. */
const KERNEL_FLAGS = REC_FLAG_DROPS_LEADING | REC_FLAG_START_ANYWHERE | REC_FLAG_TAKEN_AHEAD;

/** Undoes or completes the books of the step at which the item stood; answers the step to go on from. */
export function resumeFrom(arena: ArenaViews, item: DrainItem, saved: number, container: Container): number {
  const record = new DrainRecord(arena, item.record);
  const { step } = record;
  if (step === STEP_OPENING && item.opening) undoOpening(arena, item, item.opening, saved, container);
  else if (step === STEP_KERNEL) {
    if (arena.u32(item.segment + SEG_BATCH_IS_WHOLE_OFFSET) !== 0) return STEP_WRITING;
    undoKernel(arena, item, saved, record.tail);
    return STEP_BETWEEN;
  } else if (step === STEP_WRITING) {
    noteWritten(arena, item.segment, saved);
    container.resumeJoin({ arena, segment: item.segment, path: item.path });
  }
  return step;
}

function undoOpening(
  arena: ArenaViews,
  item: DrainItem,
  opening: SegmentOpening,
  saved: number,
  container: Container,
): void {
  // The descriptors say whose the files are: they go last, for this thread may die as well.
  const own = ownDescriptors(item.path);
  container.undoOpening(item.path, opening, own.length > 0);
  for (const { fd } of own) closeSync(fd);
  undoKernel(arena, item, saved, new DrainRecord(arena, item.record).tail);
}

/** A kernel call that did not come to its end. */
function undoKernel(arena: ArenaViews, { recording, segment }: DrainItem, saved: number, tail: number): void {
  arena.bytes(segment, SEG_SIZE).set(arena.bytes(saved, SEG_SIZE));
  const savedRecording = saved + SEG_SIZE;
  const hasMoved = arena.u32(recording + REC_TAIL_OFFSET) !== tail;
  const flags = arena.u32(recording + REC_FLAGS_OFFSET);
  const savedFlags = arena.u32(savedRecording + REC_FLAGS_OFFSET);
  const wasSkipping = savedFlags & REC_FLAG_SKIP_TO_RANDOM_ACCESS;
  let undone = (flags & ~KERNEL_FLAGS) | (savedFlags & KERNEL_FLAGS);
  // Frames that it had skipped up to the cursor are skipped; those behind it are skipped, and counted, again.
  if (!hasMoved) undone |= wasSkipping;
  else if ((wasSkipping & ~flags) !== 0) undone |= REC_FLAG_DROPS_LEADING;
  arena.setU32(recording + REC_FLAGS_OFFSET, undone);
  const from = hasMoved ? REC_CUT_STATUS_OFFSET : REC_SKIPPED_FRAMES_OFFSET;
  const size = REC_SIZE - from;
  arena.bytes(recording + from, size).set(arena.bytes(savedRecording + from, size));
}

/** An output whose position has moved on has been written, whatever its size still says. */
function noteWritten(arena: ArenaViews, segment: number, saved: number): void {
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    const position = arena.i64(outputAt(segment, output) + SEG_OUTPUT_POSITION_OFFSET);
    if (position !== arena.i64(outputAt(saved, output) + SEG_OUTPUT_POSITION_OFFSET))
      arena.setU32(outputAt(segment, output) + SEG_OUTPUT_BYTES_OFFSET, 0);
  }
}
