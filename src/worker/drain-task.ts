// The drain task, run by the drain pool: muxes what rings hold into segment files. All of it is synchronous: a worker
// does nothing else, so a wait in write(2) delays nobody else.
//
//   for every recording of the batch: claim ─▶ (open) ─▶ kernel.drain ─▶ write outputs ─▶ …
//   until the ring is empty or the segment ends
//
// An output is marked as written (size 0, position advanced) only after write(2) has taken all of it. A failure ends
// only this recording's part of the batch.

import { workerData } from "node:worker_threads";
import {
  CLAIM_DISPATCHED,
  CLAIM_IDLE,
  CLAIM_RUNNING,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CLAIM_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_LOCK_OFFSET,
  REC_TAIL_OFFSET,
} from "../abi/recording.js";
import { SEG_OUTPUT_POSITION_OFFSET } from "../abi/segment.js";
import { STATUS_OUTPUT_FULL, STATUS_READY } from "../abi/status.js";
import { ArenaViews } from "../arena/arena-views.js";
import { instantiateKernel, type Kernel } from "../arena/kernel.js";
import type { Container } from "../container/container.js";
import { fileFailure } from "../container/file-failure.js";
import { beginChecks, mustStillBeOurs } from "../container/lost-file.js";
import { closeSegmentFiles } from "../container/segment-files.js";
import { OUTPUT_BYTES, writeOutputs } from "../container/segment-output.js";
import { hasFrames, outputAt } from "../container/segment-state.js";
import { containerByNumber } from "../container/table.js";
import { hashWholeBlocks } from "./block-hash.js";
import type { DrainBatch, DrainItem, DrainResult } from "./drain-batch.js";
import {
  DrainRecord,
  STEP_BETWEEN,
  STEP_GAPS,
  STEP_KERNEL,
  STEP_OPENING,
  STEP_TAKEN,
  STEP_WRITING,
} from "./drain-record.js";
import { resumeFrom } from "./resume-drain.js";
import { restoreState, saveState } from "./segment-snapshot.js";

export interface DrainWorkerData {
  memory: WebAssembly.Memory;
  module: WebAssembly.Module;
  arenaBase: number;
}

let kernel: Kernel | undefined;
let views: ArenaViews | undefined;

export function drain(batch: DrainBatch): DrainResult[] {
  const { memory, module, arenaBase } = workerData as DrainWorkerData;
  views ??= new ArenaViews(memory);
  return batch.items.map((item) => {
    const result: DrainResult = {
      claimed: true,
      status: 0,
      opened: false,
      writtenBytes: 0,
      writeMs: 0,
      failure: undefined,
      unwritten: undefined,
    };
    const arena = views as ArenaViews;
    const claim = (item.recording + REC_CLAIM_OFFSET) >>> 2;
    const ticket = item.ticket << CLAIM_TICKET_SHIFT;
    const words = arena.i32(item.recording + REC_CLAIM_OFFSET);
    if (
      Atomics.compareExchange(words, claim, ticket | CLAIM_DISPATCHED, ticket | CLAIM_RUNNING) !==
      (ticket | CLAIM_DISPATCHED)
    ) {
      return { ...result, claimed: false };
    }
    try {
      kernel ??= instantiateKernel(module, memory, arenaBase);
      drainOne(kernel, arena, batch, item, result, new DrainRecord(arena, item.record));
    } catch (error) {
      result.failure = fileFailure(error, item.path);
      // A trapped instance is discarded, because its globals are unknown. The next call makes another.
      if (result.failure.code === "trap") {
        kernel = undefined;
        // It held the recording's lock, and the in-stream waits for that.
        Atomics.compareExchange(words, (item.recording + REC_LOCK_OFFSET) >>> 2, LOCK_KERNEL, LOCK_FREE);
      }
    }
    new DrainRecord(arena, item.record).done(result);
    Atomics.store(arena.i32(item.recording + REC_CLAIM_OFFSET), claim, ticket | CLAIM_IDLE);
    return result;
  });
}

function drainOne(
  wasm: Kernel,
  arena: ArenaViews,
  batch: DrainBatch,
  item: DrainItem,
  result: DrainResult,
  record: DrainRecord,
): void {
  const container = containerByNumber(arena.u32(item.recording + REC_CONTAINER_OFFSET));
  const place = { arena, segment: item.segment, path: item.path };
  // Of the host's monotonic clock, which all threads share.
  const nowSeconds = Number(process.hrtime.bigint() / 1_000_000_000n) + 1;
  const save = (): void => {
    record.tail = Atomics.load(arena.i32(item.recording), (item.recording + REC_TAIL_OFFSET) >>> 2);
    saveState(arena, item.segment, item.recording, batch.saved);
  };
  const write = (): void => {
    const beganMs = performance.now();
    try {
      result.writtenBytes += writeOutputs(arena, item.segment, (track) => container.joinTrack(place, track));
    } catch (error) {
      result.unwritten = restoreState(arena, item.segment, batch.saved);
      throw error;
    } finally {
      result.writeMs += performance.now() - beganMs;
    }
    if (result.writtenBytes > 0) beginChecks(place, nowSeconds);
    Atomics.add(arena.i32(batch.heartbeat), batch.heartbeat >>> 2, 1);
  };
  const from = item.isResumed ? resumeFrom(arena, item, batch.saved, container) : STEP_TAKEN;
  if (from < STEP_GAPS && item.opening) {
    save();
    record.step = STEP_OPENING;
    result.status = wasm.openSegment(item.recording, item.segment);
    if (result.status !== STATUS_READY) return;
    try {
      container.open(place, item.opening);
    } catch (error) {
      closeSegmentFiles(arena, item.segment);
      throw error;
    }
    record.opened = true;
  }
  result.opened = record.opened;
  if (from < STEP_BETWEEN) {
    record.step = STEP_GAPS;
    for (const gap of item.gaps ?? []) container.noteGap(item.path, { ...gap });
    if (batch.outBytes > OUTPUT_BYTES && !hasFrames(arena, item.segment))
      container.noteFirstBatch(item.path, batch.outBytes);
  }
  if (from === STEP_WRITING) write();
  for (;;) {
    record.step = STEP_BETWEEN;
    mustStillBeOurs(place, container, nowSeconds);
    save();
    record.step = STEP_KERNEL;
    result.status = wasm.drain(item.recording, item.segment, batch.out, batch.outBytes);
    record.step = STEP_WRITING;
    Atomics.add(arena.i32(batch.heartbeat), batch.heartbeat >>> 2, 1);
    write();
    if (result.status !== STATUS_OUTPUT_FULL) break;
  }
  if (item.hashed !== undefined) result.blocks = newBlocks(container, arena, item, item.hashed);
}

/** What cannot be read now is hashed at the finish: that is no reason to lose a frame. */
function newBlocks(container: Container, arena: ArenaViews, { segment, path }: DrainItem, hashed: number): string[] {
  try {
    const endBytes = arena.i64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET);
    return hashWholeBlocks(container, path, hashed, endBytes);
  } catch {
    return [];
  }
}
