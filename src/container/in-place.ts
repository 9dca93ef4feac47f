// What MPEG-TS and FLV have in common: a segment grows under its final name and plays at any moment. Its finish cuts
// off what a failed write left and patches what the kernel wants patched; after a crash the torn end is cut off.

import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { SEG_OUTPUT_BYTES_OFFSET, SEG_OUTPUT_FD_OFFSET, SEG_OUTPUT_POSITION_OFFSET } from "../abi/segment.js";
import { writersOf } from "../base/file-writer.js";
import { ReelError } from "../base/reel-error.js";
import type { Container, ContainerName, FinishedSegment, SegmentOpening, SegmentPlace } from "./container.js";
import { mustBeWhole } from "./lost-file.js";
import { removeStaleManifest } from "./manifest.js";
import type { RepairOptions, RepairReport } from "./repair-report.js";
import { beginSegmentFiles, closeSegmentFiles, setDescriptor } from "./segment-files.js";
import { writeOutputs } from "./segment-output.js";
import { outputAt } from "./segment-state.js";
import { syncData, syncFolderOf } from "./sync-file.js";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
const FILE_MODE = 0o644;
/** A file that was not written for so long is not growing. */
const LIVE_MS = 120_000;

export interface InPlaceTraits<Name extends ContainerName> {
  name: Name;
  number: number;
  repair(path: string, options?: RepairOptions): RepairReport;
  isTorn(path: string): boolean;
  mediaStart(fd: number): number | undefined;
}

export function inPlaceContainer<Name extends ContainerName>(
  traits: InPlaceTraits<Name>,
): Container & { readonly name: Name } {
  const { name, number, repair, isTorn, mediaStart } = traits;
  return {
    name,
    number,
    extension: name,
    journal: undefined,
    open,
    // One that may replace a file may have had another server's open; it is opened again, and looked at again.
    undoOpening: (path, { exclusive }, isOurs) => {
      if (isOurs && exclusive) rmSync(path, { force: true });
    },
    noteGap: () => {},
    noteFirstBatch: () => {},
    mediaPath: (path) => path,
    mediaStart,
    // All tracks share one file.
    joinTrack: () => {},
    resumeJoin: () => {},
    finish: (place, kernel, { sync, out, outBytes }) =>
      finish(place, sync, () => kernel.closeSegment(number, place.segment, out, outBytes)),
    recover: ({ path }) => {
      if (!existsSync(path)) throw new ReelError("notFound", `${path} is gone`, { path });
      mustBeUnwritten(path, 0, "locked");
      const modifiedMs = statSync(path).mtimeMs;
      const done = repair(path);
      const { videoFrames, audioFrames, durationMs } = done;
      const { size: sizeBytes } = statSync(path);
      if (sizeBytes === 0) {
        // As at a finish: an empty file would only be in somebody's way.
        unlinkSync(path);
        throw new ReelError("notFound", `nothing of ${path} had reached the disk`, { path });
      }
      const found = { path, finish: "none", sizeBytes, modifiedMs } as const;
      const unknown = { gaps: [], createdMs: 0, origin: undefined, tracks: [] };
      return { ...found, videoFrames, audioFrames, durationMs, lost: lostBy(done), ...unknown };
    },
    finishByHand: (path, { dryRun, onProgress }) => {
      const done = repair(path, { dryRun, onProgress });
      const { videoFrames, audioFrames, durationMs, isChanged, sizeBytes } = done;
      return { path, isChanged, sizeBytes, content: { videoFrames, audioFrames, durationMs, lost: lostBy(done) } };
    },
    isTorn,
    move: (from, to = from) => {
      if (!existsSync(from)) return to;
      mustBeUnwritten(from, 0, "locked");
      renameSync(from, to);
      return to;
    },
  };
}

function open(place: SegmentPlace, { exclusive }: SegmentOpening): void {
  beginSegmentFiles(place);
  const fd = exclusive ? openSync(place.path, CREATE | constants.O_EXCL, FILE_MODE) : openOver(place.path);
  setDescriptor(place.arena, place.segment, 0, fd);
  removeStaleManifest(place.path);
}

/**
 * overwrite=1, now that the first batch is at hand. Of two servers that want one name the one that makes the file has
 * it; of two that want to replace a file each opens it before it looks, so at least one sees the other.
 */
function openOver(path: string): number {
  try {
    return openSync(path, CREATE | constants.O_EXCL, FILE_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const fd = openSync(path, CREATE, FILE_MODE);
  try {
    mustBeUnwritten(path, 1, "targetBusy");
    ftruncateSync(fd, 0);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `own`: descriptors of this process that may be there. Throws ReelError. */
function mustBeUnwritten(path: string, own: number, code: "targetBusy" | "locked"): void {
  // A growing file is written at least every 500 ms; a source that brings nothing for 30 s, or a volume that takes
  // nothing, ends its recording.
  if (Date.now() - statSync(path).mtimeMs > LIVE_MS) return;
  const writers = writersOf(path);
  if (writers.pids.length === 0 && writers.own <= own) return;
  throw new ReelError(code, `${path} is being written by process ${writers.pids[0] ?? process.pid}`, { path });
}

function finish(place: SegmentPlace, sync: boolean, close: () => void): FinishedSegment {
  const { arena, segment, path } = place;
  const at = outputAt(segment, 0);
  const fd = arena.u32(at + SEG_OUTPUT_FD_OFFSET) | 0;
  mustBeWhole(place, path);
  // A failed write may have left a part of its batch behind the last whole one: half a packet or tag.
  const sizeBytes = arena.i64(at + SEG_OUTPUT_POSITION_OFFSET);
  arena.setU32(at + SEG_OUTPUT_BYTES_OFFSET, 0);
  if (sizeBytes === 0) {
    // Opened, and nothing was written: an empty file would only be in somebody's way.
    closeSegmentFiles(arena, segment);
    unlinkSync(path);
    return { finish: "none", sizeBytes: 0, tableBytes: 0, isEmpty: true };
  }
  ftruncateSync(fd, sizeBytes);
  close();
  writeOutputs(arena, segment, () => {});
  if (sync) syncData(fd, path);
  closeSegmentFiles(arena, segment);
  if (sync) syncFolderOf(path);
  return { finish: "none", sizeBytes, tableBytes: 0, isEmpty: false };
}

function lostBy({ lostBytes, lostFrames }: RepairReport): { frames: number; bytes: number; durationMs: number } | null {
  return lostBytes > 0 ? { frames: lostFrames, bytes: lostBytes, durationMs: 0 } : null;
}
