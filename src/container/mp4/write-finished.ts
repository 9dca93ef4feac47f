// Carries out the plan of a finish (finish-plan.ts): tries its ways in their order, moves or copies the media, writes
// the index, what is left of the reserve, and the header of `mdat`.

import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { ReelError } from "../../base/reel-error.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { FTYP_SIZE, fileTypeBox, freeBoxHeader, MDAT_HEADER_ROOM, mediaDataHeader } from "./file-head.js";
import type { Mp4FinishOptions } from "./finish-options.js";
import { doesNotFit, type FinishPlan, type Way } from "./finish-plan.js";
import type { IndexBuilder } from "./index-builder.js";
import { copyPathOf, infoPathOf, mdatPathOf } from "./journal-files.js";
import { removeIfThere } from "./place-file.js";
import { shiftMedia } from "./shift-media.js";

/** What the scan found; positions as the records count them. */
export interface Recorded {
  index: IndexBuilder;
  mediaStart: number;
  /** End of the last sample that a record names. */
  mediaEnd: number;
  fileEnd: number;
}

export interface WriteContext {
  finalPath: string;
  mdatFd: number;
  infoFd: number;
  /** `infoFd` holds the lock of `.info`: a recovery. */
  isLocked: boolean;
  /** By how much the media lies behind where the records say. */
  shift: number;
  /** 64-bit forms everywhere. */
  large: boolean;
  blockBytes: number;
  /** Of the tracks. */
  codecs: readonly CodecName[];
  options: Mp4FinishOptions;
}

export interface FinishedFile {
  /** The way that led to it. */
  way: Way;
  source: { path: string; fd: number };
  bytesWritten: number;
}

const COPY_BLOCK_BYTES = 1 << 20;

/** Throws ReelError `badArgument` where the ways that are allowed have all failed, or what a file operation throws. */
export function writeFinishedFile(plan: FinishPlan, recorded: Recorded, context: WriteContext): FinishedFile {
  for (const [i, way] of plan.ways.entries()) {
    const file = way.isCopy
      ? tryCopy(way, recorded, context, i === plan.ways.length - 1)
      : tryInPlace(way, recorded, context);
    if (file) return file;
  }
  throw doesNotFit(context.finalPath);
}

/** Undefined where the disk is full and another way is left. */
function tryCopy(way: Way, recorded: Recorded, context: WriteContext, isLast: boolean): FinishedFile | undefined {
  try {
    return writeCopy(way, recorded, context);
  } catch (error) {
    if (isLast || (error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    return undefined;
  }
}

/** Undefined where the volume cannot move the media. */
function tryInPlace(way: Way, recorded: Recorded, context: WriteContext): FinishedFile | undefined {
  const { mdatFd, infoFd, isLocked, finalPath, shift, blockBytes } = context;
  if (way.moveBytes !== 0) {
    const mdatHeaderAt = recorded.mediaStart - MDAT_HEADER_ROOM + shift;
    const paths = { mdatPath: mdatPathOf(finalPath), infoPath: infoPathOf(finalPath) };
    const target = { ...paths, mdatFd, infoFd, isLocked, mdatHeaderAt };
    if (!shiftMedia(target, way.moveBytes, blockBytes)) return undefined;
  }
  return writeInPlace(way, recorded, context);
}

/** write(2) in full; returns the bytes. */
function writeAt(fd: number, bytes: Uint8Array, position: number): number {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(fd, bytes, done, bytes.byteLength - done, position + done);
  return bytes.byteLength;
}

function writeInPlace(way: Way, recorded: Recorded, context: WriteContext): FinishedFile {
  const { mdatFd: fd, large, finalPath, codecs } = context;
  const { moovBytes, freeBytes, mdatAt, sizeBytes } = way;
  recorded.index.layout(way.shift);
  // Bytes that no record names are what a crash left of a batch.
  if (recorded.fileEnd > recorded.mediaEnd) ftruncateSync(fd, sizeBytes);
  let bytesWritten = writeAt(fd, fileTypeBox(codecs), 0);
  bytesWritten += recorded.index.write(FTYP_SIZE, (bytes, position) => writeAt(fd, bytes, position));
  if (freeBytes > 0) bytesWritten += writeAt(fd, freeBoxHeader(freeBytes), FTYP_SIZE + moovBytes);
  bytesWritten += writeAt(fd, mediaDataHeader(recorded.mediaEnd - recorded.mediaStart, large), mdatAt);
  return { way, source: { path: mdatPathOf(finalPath), fd }, bytesWritten };
}

function writeCopy(way: Way, recorded: Recorded, context: WriteContext): FinishedFile {
  const { finalPath, mdatFd, large, options, codecs } = context;
  const { mediaStart, mediaEnd } = recorded;
  const path = copyPathOf(finalPath);
  recorded.index.layout(way.shift);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o644);
  try {
    let bytesWritten = writeAt(fd, fileTypeBox(codecs), 0);
    bytesWritten += recorded.index.write(FTYP_SIZE, (bytes, position) => writeAt(fd, bytes, position));
    bytesWritten += writeAt(fd, mediaDataHeader(mediaEnd - mediaStart, large), way.mdatAt);
    const [from, to] = [mediaStart + context.shift, mediaStart + way.shift];
    bytesWritten += copyMedia(mdatFd, from, fd, to, mediaEnd - mediaStart, options);
    return { way, source: { path, fd }, bytesWritten };
  } catch (error) {
    closeSync(fd);
    removeIfThere(path);
    throw error;
  }
}

function copyMedia(
  fromFd: number,
  from: number,
  toFd: number,
  to: number,
  bytes: number,
  options: Mp4FinishOptions,
): number {
  const block = Buffer.allocUnsafe(COPY_BLOCK_BYTES);
  for (let done = 0; done < bytes; ) {
    const read = readSync(fromFd, block, 0, Math.min(block.byteLength, bytes - done), from + done);
    if (read === 0) throw new ReelError("corrupt", "the media became shorter while it was copied");
    writeAt(toFd, block.subarray(0, read), to + done);
    done += read;
    options.onProgress?.(done / bytes);
  }
  return bytes;
}
