// Decides how the index of an MP4 comes in front of its media: into the reserve as it is; after inserting blocks where
// the reserve is too small; after cutting blocks out where too much of it would be left; or by copying the media behind
// an index of its own.
//
//   | ftyp | moov | free (what is left) | mdat header | media …
//
// Pure: it knows sizes and touches no file. The finish tries the ways of a plan in their order (write-finished.ts),
// because a volume says only when it is asked that it cannot move blocks, or that it is full. A dry run shows the
// first.

import { ReelError } from "../../base/reel-error.js";
import type { FinishMethod } from "../finish-method.js";
import { FTYP_SIZE, MDAT_HEADER_ROOM, mediaDataHeaderSize } from "./file-head.js";

export type Method = Exclude<FinishMethod, "none">;

export interface IndexSize {
  moovBytes: number;
  /** Of the index, what grows with the recording. */
  tableBytes: number;
  durationMs: number;
}

/** What a journal was found to hold. Positions are counted as its records do. */
export interface Measured {
  finalPath: string;
  mediaStart: number;
  /** End of the last sample that a record names. */
  mediaEnd: number;
  /** By how much the media lies behind where the records say: what an earlier run inserted or cut out. */
  shift: number;
  /** 64-bit forms everywhere. */
  large: boolean;
  blockBytes: number;
  /** False where the volume has been seen to refuse. */
  canShift: boolean;
  /** Ways that are allowed; default all. */
  methods: readonly Method[] | undefined;
  /** The index of media that is shifted by so much. */
  layOut: (shift: number) => IndexSize;
}

export interface Way extends IndexSize {
  method: Method;
  /** In a file of its own, which gets the name in the end. */
  isCopy: boolean;
  /** Whole blocks to insert in front of the media first; cut out: negative. */
  moveBytes: number;
  /** By how much the media lies behind where the records say, in the finished file. */
  shift: number;
  /** Between the index and the header of `mdat`: 0, or a `free` box. */
  freeBytes: number;
  mdatAt: number;
  sizeBytes: number;
}

export interface FinishPlan {
  /** The name of the finished file. */
  target: string;
  /** Whether it may replace a file of that name. */
  overwrite: boolean;
  /** In the order in which they are tried; never empty. */
  ways: readonly [Way, ...Way[]];
}

const MIN_FREE_BOX = 8;
/** What may be left of the reserve (design.md §3). */
const FREE_LIMIT_BYTES = 64 * 1024;
const FREE_LIMIT_FRACTION = 0.01;
/** Copying this much media takes less than starting fallocate(1): about 6 ms. */
const COPY_AT_ONCE_BYTES = 8 << 20;
/** co64 instead of stco makes the index larger, which moves the media, which … is settled after two rounds. */
const MAX_LAYOUT_ROUNDS = 4;

/** Throws ReelError `badArgument` where no way that is allowed leads to a file, `corrupt` where none can. */
export function planFinish(measured: Measured, target: string, overwrite: boolean): FinishPlan {
  const [first, ...others] = waysOf(measured);
  if (!first) throw doesNotFit(measured.finalPath);
  return { target, overwrite, ways: [first, ...others] };
}

export function doesNotFit(finalPath: string): ReelError {
  const what = `the index of ${finalPath} does not fit into its reserve, and no other way is allowed`;
  return new ReelError("badArgument", what);
}

function waysOf(measured: Measured): Way[] {
  const { shift, mediaStart, mediaEnd, canShift } = measured;
  // A shift that an earlier run made is how this file came to fit.
  const asItIs = inPlace(measured, shift > 0 ? "inserted" : shift < 0 ? "collapsed" : "reserved", 0);
  const { freeBytes } = asItIs;
  if (!fits(freeBytes)) {
    const bytes = canShift && allows(measured, "inserted") ? missingBlocks(measured) : 0;
    return [...moved(measured, "inserted", bytes), ...copied(measured)];
  }
  const isWasteful = freeBytes > FREE_LIMIT_BYTES && freeBytes > (mediaEnd + shift) * FREE_LIMIT_FRACTION;
  if (!isWasteful) return [asItIs];
  const isSmall = mediaEnd - mediaStart <= COPY_AT_ONCE_BYTES && allows(measured, "copied");
  const mayCollapse = canShift && allows(measured, "collapsed") && !isSmall;
  const bytes = mayCollapse ? -excessBlocks(measured, freeBytes) : 0;
  // A hole in front of the media is no reason to fail on a full disk.
  return [...moved(measured, "collapsed", bytes), ...copied(measured), asItIs];
}

function allows({ methods }: Measured, method: Method): boolean {
  return !methods || methods.includes(method);
}

/** The rest of the reserve is nothing, or has room for a box. */
function fits(freeBytes: number): boolean {
  return freeBytes === 0 || freeBytes >= MIN_FREE_BOX;
}

function inPlace(measured: Measured, method: Method, moveBytes: number): Way {
  const shift = measured.shift + moveBytes;
  const index = measured.layOut(shift);
  const mdatAt = mdatHeaderAt(measured, shift);
  const freeBytes = mdatAt - FTYP_SIZE - index.moovBytes;
  return { ...index, method, isCopy: false, moveBytes, shift, mdatAt, freeBytes, sizeBytes: measured.mediaEnd + shift };
}

function moved(measured: Measured, method: Method, moveBytes: number): Way[] {
  return moveBytes === 0 ? [] : [inPlace(measured, method, moveBytes)];
}

function copied(measured: Measured): Way[] {
  if (!allows(measured, "copied")) return [];
  const headerBytes = mediaDataHeaderSize(measured.mediaEnd - measured.mediaStart, measured.large);
  let shift = 0;
  for (let round = 0; round < MAX_LAYOUT_ROUNDS; round++) {
    const index = measured.layOut(shift);
    const wanted = FTYP_SIZE + index.moovBytes + headerBytes - measured.mediaStart;
    const place = { moveBytes: 0, shift, freeBytes: 0, mdatAt: FTYP_SIZE + index.moovBytes };
    if (wanted === shift)
      return [{ ...index, method: "copied", isCopy: true, ...place, sizeBytes: measured.mediaEnd + shift }];
    shift = wanted;
  }
  throw noLayout(measured);
}

function mdatHeaderAt({ mediaStart, mediaEnd, large }: Measured, shift: number): number {
  return mediaStart + shift - mediaDataHeaderSize(mediaEnd - mediaStart, large);
}

function excessBlocks({ blockBytes, mediaStart, shift }: Measured, freeBytes: number): number {
  const before = Math.floor((mediaStart - MDAT_HEADER_ROOM + shift) / blockBytes) * blockBytes;
  return Math.min(before, Math.floor((freeBytes - MIN_FREE_BOX) / blockBytes) * blockBytes);
}

/** Whole blocks to insert so that the index fits, as it will be when they are there. */
function missingBlocks(measured: Measured): number {
  const { blockBytes, shift } = measured;
  let bytes = 0;
  for (let round = 0; round < MAX_LAYOUT_ROUNDS; round++) {
    const { moovBytes } = measured.layOut(shift + bytes);
    const freeBytes = mdatHeaderAt(measured, shift + bytes) - FTYP_SIZE - moovBytes;
    if (fits(freeBytes)) return bytes;
    bytes += Math.ceil((MIN_FREE_BOX - freeBytes) / blockBytes) * blockBytes;
  }
  throw noLayout(measured);
}

function noLayout({ finalPath }: Measured): ReelError {
  return new ReelError("corrupt", `the index of ${finalPath} cannot be laid out`);
}
