// The finish task, run by the finish pool: makes a segment final. What it costs is the index of an MP4, a patch of an
// FLV, nothing of a TS; the sync that durability asks for comes on top.

import { closeSync, constants, fdatasyncSync, fsyncSync, ftruncateSync, openSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";
import { CONTAINER_MP4 } from "../abi/recording.js";
import { SEG_OUTPUT_BYTES_OFFSET, SEG_OUTPUT_FD_OFFSET, SEG_OUTPUT_POSITION_OFFSET } from "../abi/segment.js";
import { ArenaViews } from "../arena/arena-views.js";
import { instantiateKernel, type Kernel } from "../arena/kernel.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import type { FinishMethod } from "../container/finish-method.js";
import { finishMp4 } from "../container/mp4/finish.js";
import type { DrainWorkerData } from "./drain-task.js";
import { closeSegmentFiles } from "./segment-files.js";
import { writeOutputs } from "./segment-output.js";
import { outputAt } from "./segment-state.js";

export interface FinishRequest {
  container: number;
  segment: number;
  /** Where the segment was written; of an MP4, the name its journal goes by. */
  path: string;
  /** The name of the finished MP4, where `path` is taken; else the same. */
  targetPath: string;
  /** Replace a file of that name (overwrite=1). */
  overwrite: boolean;
  sync: boolean;
  out: number;
  outBytes: number;
  lockPath: string;
}

export interface FinishResult {
  finish: FinishMethod;
  sizeBytes: number;
  /** MP4: size of the index. */
  moovBytes: number;
  /** The segment held nothing: there is no file. */
  isEmpty: boolean;
  failure: FileFailure | undefined;
}

let kernel: Kernel | undefined;
let views: ArenaViews | undefined;

export function finish(request: FinishRequest): FinishResult {
  const { memory, module, arenaBase } = workerData as DrainWorkerData;
  views ??= new ArenaViews(memory);
  kernel ??= instantiateKernel(module, memory, arenaBase);
  try {
    if (request.container === CONTAINER_MP4) return finishJournal(views, request);
    return finishInPlace(kernel, views, request);
  } catch (error) {
    if (request.segment !== 0) closeQuietly(views, request.segment);
    return { finish: "none", sizeBytes: 0, moovBytes: 0, isEmpty: false, failure: fileFailure(error, request.path) };
  }
}

/** After a failure that has its report already. */
function closeQuietly(arena: ArenaViews, segment: number): void {
  try {
    closeSegmentFiles(arena, segment);
  } catch {
    // The first failure is the one to tell.
  }
}

/** The journal's descriptors are closed with the first try; later tries (disk full) work on the files alone. */
function finishJournal(arena: ArenaViews, request: FinishRequest): FinishResult {
  if (request.segment !== 0) closeSegmentFiles(arena, request.segment);
  const done = finishMp4(request.path, {
    overwrite: request.overwrite,
    durability: request.sync ? "close" : "none",
    ownLockPath: request.lockPath,
    ...(request.targetPath !== request.path && { targetPath: request.targetPath }),
  });
  return {
    finish: done.method,
    sizeBytes: done.sizeBytes,
    moovBytes: done.moovBytes,
    isEmpty: done.path === null,
    failure: undefined,
  };
}

function finishInPlace(wasm: Kernel, arena: ArenaViews, request: FinishRequest): FinishResult {
  const { segment, path } = request;
  const at = outputAt(segment, 0);
  const fd = arena.u32(at + SEG_OUTPUT_FD_OFFSET) | 0;
  // A failed write may have left a part of its batch behind the last whole one: half a packet or tag.
  const sizeBytes = arena.i64(at + SEG_OUTPUT_POSITION_OFFSET);
  arena.setU32(at + SEG_OUTPUT_BYTES_OFFSET, 0);
  if (sizeBytes === 0) {
    // Opened, and nothing was written: an empty file would only be in somebody's way.
    closeSegmentFiles(arena, segment);
    unlinkSync(path);
    return { finish: "none", sizeBytes: 0, moovBytes: 0, isEmpty: true, failure: undefined };
  }
  ftruncateSync(fd, sizeBytes);
  wasm.closeSegment(request.container, segment, request.out, request.outBytes);
  writeOutputs(arena, segment, path);
  if (request.sync) fdatasyncSync(fd);
  closeSegmentFiles(arena, segment);
  if (request.sync) syncFolder(dirname(path));
  return { finish: "none", sizeBytes, moovBytes: 0, isEmpty: false, failure: undefined };
}

/** Makes the names of a folder survive a power cut. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
