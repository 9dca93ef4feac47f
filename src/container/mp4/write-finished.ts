// Puts the index in front of the media: into the reserve as it is; after inserting blocks where the reserve is too
// small; after cutting blocks out where too much of it would be left; or, where the volume can do neither, by copying
// the media behind an index of its own.
//
//   | ftyp | moov | free (what is left) | mdat header | media …

import { closeSync, constants, ftruncateSync, openSync, readSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ReelError } from "../../base/reel-error.js";
import type { FinishMethod } from "../finish-method.js";
import {
  FTYP_SIZE,
  fileTypeBox,
  freeBoxHeader,
  MDAT_HEADER_ROOM,
  mediaDataHeader,
  mediaDataHeaderSize,
} from "./file-head.js";
import type { Mp4FinishOptions } from "./finish-options.js";
import type { IndexBuilder } from "./index-builder.js";
import { copyPathOf, infoPathOf, mdatPathOf } from "./journal-files.js";
import { removeIfThere } from "./place-file.js";
import { mayShift, shiftMedia } from "./shift-media.js";

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
  large: boolean;
  options: Mp4FinishOptions;
}

export interface FinishedFile {
  method: FinishMethod;
  source: { path: string; fd: number };
  sizeBytes: number;
  moovBytes: number;
  tableBytes: number;
  bytesWritten: number;
  durationMs: number;
}

interface Layout {
  moovBytes: number;
  tableBytes: number;
  durationMs: number;
  /** Bytes between the index and the `mdat` header: 0, or room for a `free` box. */
  freeBytes: number;
  mdatAt: number;
}

const MIN_FREE_BOX = 8;
/** What may be left of the reserve (design.md §3). */
const FREE_LIMIT_BYTES = 64 * 1024;
const FREE_LIMIT_FRACTION = 0.01;
const COPY_BLOCK_BYTES = 1 << 20;
/** Copying this much media takes less than starting fallocate(1): about 6 ms. */
const COPY_AT_ONCE_BYTES = 8 << 20;
/** co64 instead of stco makes the index larger, which moves the media, which … is settled after two rounds. */
const MAX_LAYOUT_ROUNDS = 4;

export function writeFinishedFile(recorded: Recorded, context: WriteContext): FinishedFile {
  const { options } = context;
  const allows = (method: FinishMethod): boolean =>
    !options.methods || (options.methods as readonly FinishMethod[]).includes(method);
  const layout = layOut(recorded, context, context.shift);
  // A shift that an earlier run made is how this file came to fit.
  const soFar: FinishMethod = context.shift > 0 ? "inserted" : context.shift < 0 ? "collapsed" : "reserved";
  const hasRoom = layout.freeBytes === 0 || layout.freeBytes >= MIN_FREE_BOX;
  const fileBytes = recorded.mediaEnd + context.shift;
  const isWasteful = layout.freeBytes > FREE_LIMIT_BYTES && layout.freeBytes > fileBytes * FREE_LIMIT_FRACTION;
  if (hasRoom && !isWasteful) return writeInPlace(recorded, context, layout, soFar);
  const method = hasRoom ? "collapsed" : "inserted";
  const bytes = hasRoom ? -excessBlocks(layout, context, recorded) : missingBlocks(recorded, context);
  const isSmall = hasRoom && recorded.mediaEnd - recorded.mediaStart <= COPY_AT_ONCE_BYTES && allows("copied");
  if (bytes !== 0 && allows(method) && !isSmall && mayShift(context.mdatFd)) {
    const mdatHeaderAt = recorded.mediaStart - MDAT_HEADER_ROOM + context.shift;
    const { mdatFd, infoFd, isLocked, finalPath } = context;
    const target = {
      mdatPath: mdatPathOf(finalPath),
      mdatFd,
      infoPath: infoPathOf(finalPath),
      infoFd,
      isLocked,
      mdatHeaderAt,
    };
    if (options.dryRun || shiftMedia(target, bytes, blockBytes(context))) {
      const moved = { ...context, shift: context.shift + bytes };
      return writeInPlace(recorded, moved, layOut(recorded, moved, moved.shift), method);
    }
  }
  if (!hasRoom) {
    if (!allows("copied"))
      throw new ReelError(
        "badArgument",
        `the index of ${context.finalPath} does not fit into its reserve, and no other way is allowed`,
      );
    return writeCopy(recorded, context);
  }
  if (!allows("copied")) return writeInPlace(recorded, context, layout, soFar);
  try {
    return writeCopy(recorded, context);
  } catch (error) {
    // A hole in front of the media is no reason to fail on a full disk.
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    removeIfThere(copyPathOf(context.finalPath));
    return writeInPlace(recorded, context, layOut(recorded, context, context.shift), soFar);
  }
}

function layOut(recorded: Recorded, { large }: WriteContext, shift: number): Layout {
  const { moovBytes, tableBytes, durationMs } = recorded.index.layout(shift);
  const mdatAt = recorded.mediaStart + shift - mediaDataHeaderSize(recorded.mediaEnd - recorded.mediaStart, large);
  return { moovBytes, tableBytes, durationMs, freeBytes: mdatAt - FTYP_SIZE - moovBytes, mdatAt };
}

function blockBytes({ finalPath }: WriteContext): number {
  return statfsSync(dirname(finalPath)).bsize;
}

function excessBlocks({ freeBytes }: Layout, context: WriteContext, { mediaStart }: Recorded): number {
  const block = blockBytes(context);
  const before = Math.floor((mediaStart - MDAT_HEADER_ROOM + context.shift) / block) * block;
  return Math.min(before, Math.floor((freeBytes - MIN_FREE_BOX) / block) * block);
}

/** Whole blocks to insert so that the index fits, as it will be when they are there. */
function missingBlocks(recorded: Recorded, context: WriteContext): number {
  const block = blockBytes(context);
  let bytes = 0;
  for (let round = 0; round < MAX_LAYOUT_ROUNDS; round++) {
    const { freeBytes } = layOut(recorded, context, context.shift + bytes);
    if (freeBytes === 0 || freeBytes >= MIN_FREE_BOX) return bytes;
    bytes += Math.ceil((MIN_FREE_BOX - freeBytes) / block) * block;
  }
  throw new ReelError("corrupt", `the index of ${context.finalPath} cannot be laid out`);
}

/** write(2) in full; returns the bytes. */
function writeAt(fd: number, bytes: Uint8Array, position: number): number {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(fd, bytes, done, bytes.byteLength - done, position + done);
  return bytes.byteLength;
}

function writeInPlace(recorded: Recorded, context: WriteContext, layout: Layout, method: FinishMethod): FinishedFile {
  const { mdatFd: fd, options, large, shift, finalPath } = context;
  const { moovBytes, tableBytes, durationMs, freeBytes, mdatAt } = layout;
  const sizeBytes = recorded.mediaEnd + shift;
  const source = { path: mdatPathOf(finalPath), fd };
  if (options.dryRun) return { method, source, sizeBytes, moovBytes, tableBytes, durationMs, bytesWritten: 0 };
  // Bytes that no record names are what a crash left of a batch.
  if (recorded.fileEnd > recorded.mediaEnd) ftruncateSync(fd, sizeBytes);
  let bytesWritten = writeAt(fd, fileTypeBox(), 0);
  bytesWritten += recorded.index.write(FTYP_SIZE, (bytes, position) => writeAt(fd, bytes, position));
  if (freeBytes > 0) bytesWritten += writeAt(fd, freeBoxHeader(freeBytes), FTYP_SIZE + moovBytes);
  bytesWritten += writeAt(fd, mediaDataHeader(recorded.mediaEnd - recorded.mediaStart, large), mdatAt);
  return { method, source, sizeBytes, moovBytes, tableBytes, durationMs, bytesWritten };
}

/** The media's new place in a copy, as a shift of its records: right behind an index that knows it. */
function shiftOfCopy(
  recorded: Recorded,
  { large, finalPath }: WriteContext,
): { shift: number; moovBytes: number; tableBytes: number; durationMs: number } {
  const headerBytes = mediaDataHeaderSize(recorded.mediaEnd - recorded.mediaStart, large);
  let shift = 0;
  for (let round = 0; round < MAX_LAYOUT_ROUNDS; round++) {
    const { moovBytes, tableBytes, durationMs } = recorded.index.layout(shift);
    const wanted = FTYP_SIZE + moovBytes + headerBytes - recorded.mediaStart;
    if (wanted === shift) return { shift, moovBytes, tableBytes, durationMs };
    shift = wanted;
  }
  throw new ReelError("corrupt", `the index of ${finalPath} cannot be laid out`);
}

function writeCopy(recorded: Recorded, context: WriteContext): FinishedFile {
  const { finalPath, mdatFd, large, options } = context;
  const { shift, moovBytes, tableBytes, durationMs } = shiftOfCopy(recorded, context);
  const path = copyPathOf(finalPath);
  const sizeBytes = recorded.mediaEnd + shift;
  if (options.dryRun)
    return {
      method: "copied",
      source: { path, fd: mdatFd },
      sizeBytes,
      moovBytes,
      tableBytes,
      durationMs,
      bytesWritten: 0,
    };
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o644);
  try {
    let bytesWritten = writeAt(fd, fileTypeBox(), 0);
    bytesWritten += recorded.index.write(FTYP_SIZE, (bytes, position) => writeAt(fd, bytes, position));
    const header = mediaDataHeader(recorded.mediaEnd - recorded.mediaStart, large);
    bytesWritten += writeAt(fd, header, recorded.mediaStart + shift - header.byteLength);
    bytesWritten += copyMedia(
      mdatFd,
      recorded.mediaStart + context.shift,
      fd,
      recorded.mediaStart + shift,
      recorded.mediaEnd - recorded.mediaStart,
      options,
    );
    return { method: "copied", source: { path, fd }, sizeBytes, moovBytes, tableBytes, durationMs, bytesWritten };
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
