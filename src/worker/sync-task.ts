// The sync task, run by the finish pool: makes what growing segments hold survive a power cut, many segments in one
// task. Everything stands on what names it:
//
//   folder (names of new files) ─▶ .info (which lists them) ─▶ media ─▶ sample records, which name the media
//
// A sync that fails is final: Linux marks the pages clean that it could not write, so a later sync of the same file
// passes and proves nothing. Whoever asked is told, and does not ask again.

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";
import { SEG_OUTPUT_COUNT, SEG_OUTPUT_FD_OFFSET } from "../abi/segment.js";
import { ArenaViews } from "../arena/arena-views.js";
import type { ContainerName } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { outputAt } from "../container/segment-state.js";
import { syncData, syncFolderOf } from "../container/sync-file.js";
import { CONTAINERS } from "../container/table.js";
import type { DrainWorkerData } from "./drain-task.js";

/** What the last sync of a segment has covered; zeros where there was none. */
export interface Synced {
  /** Files whose names are on the disk. */
  files: number;
  /** MP4: size of `.info`. */
  infoBytes: number;
}

export interface SyncItem extends Synced {
  /** Pointer of the segment's state, which stays allocated until the task is done. */
  segment: number;
  container: ContainerName;
  path: string;
  /** False: only names and `.info`. */
  withMedia: boolean;
}

export interface SyncResult extends Synced {
  failure: FileFailure | undefined;
}

let views: ArenaViews | undefined;

export function sync(items: readonly SyncItem[]): SyncResult[] {
  views ??= new ArenaViews((workerData as DrainWorkerData).memory);
  const arena = views;
  const folders = new Set<string>();
  return items.map((item) => {
    const { files, infoBytes } = item;
    try {
      return { ...syncOne(arena, item, folders), failure: undefined };
    } catch (error) {
      return { files, infoBytes, failure: isGone(error) ? undefined : fileFailure(error, item.path) };
    }
  });
}

function syncOne(arena: ArenaViews, item: SyncItem, folders: Set<string>): Synced {
  const descriptors = openDescriptors(arena, item.segment);
  const files = descriptors.length;
  const folder = dirname(item.path);
  if (files > item.files && !folders.has(folder)) {
    syncFolderOf(item.path);
    folders.add(folder);
  }
  const marker = CONTAINERS[item.container].journal?.marker;
  const infoBytes = marker === undefined ? 0 : syncInfo(item.path + marker, item.infoBytes);
  if (item.withMedia) for (const fd of descriptors) syncData(fd, item.path);
  return { files, infoBytes };
}

/** In the order of the outputs: the media file first. */
function openDescriptors(arena: ArenaViews, segment: number): number[] {
  const descriptors = [];
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    const fd = arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET) | 0;
    if (fd >= 0) descriptors.push(fd);
  }
  return descriptors;
}

/** Nobody keeps it open: lines are rare. */
function syncInfo(path: string, knownBytes: number): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size !== knownBytes) syncData(fd, path);
    return size;
  } finally {
    closeSync(fd);
  }
}

/** A segment that has just been closed was synced by its finish. */
function isGone(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || (cause as NodeJS.ErrnoException | undefined)?.code === "EBADF";
}
