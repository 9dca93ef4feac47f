// A growing file can be deleted, replaced or cut short by somebody else: writes into it go on without an error, into
// nothing. What the descriptor has is compared with what the name has.

import { existsSync, fstatSync, type Stats, statSync } from "node:fs";
import {
  SEG_CHECKED_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import { ReelError } from "../base/reel-error.js";
import type { Container, SegmentPlace } from "./container.js";
import { outputAt } from "./segment-state.js";

/** How often names are looked up; a file that became shorter shows at the next write. */
const CHECK_SECONDS = 1;

/** Of a segment with bytes in its files. Throws ReelError `lostFile`. */
export function mustStillBeOurs(
  { arena, segment, path }: SegmentPlace,
  container: Container,
  nowSeconds: number,
): void {
  const checked = arena.u32(segment + SEG_CHECKED_OFFSET);
  if (checked === 0) return;
  const isByName = nowSeconds - checked >= CHECK_SECONDS;
  const media = container.mediaPath(path);
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    const fd = descriptor(arena, segment, output);
    if (fd < 0) continue;
    const open = fstatSync(fd);
    if (open.size < arena.i64(outputAt(segment, output) + SEG_OUTPUT_POSITION_OFFSET)) lost(path, "cut short");
    if (output === 0 && isByName) mustHaveName(open, media);
    if (open.nlink === 0) lost(path, "deleted");
  }
  if (!isByName) return;
  const { journal } = container;
  if (journal && !existsSync(path + journal.marker)) lost(path + journal.marker, "deleted, moved or renamed");
  arena.setU32(segment + SEG_CHECKED_OFFSET, nowSeconds);
}

/** Bytes have reached the files: from now on they can be lost. */
export function beginChecks({ arena, segment }: SegmentPlace, nowSeconds: number): void {
  if (arena.u32(segment + SEG_CHECKED_OFFSET) === 0) arena.setU32(segment + SEG_CHECKED_OFFSET, nowSeconds);
}

/**
 * Of a segment that ends: throws ReelError `lostFile` unless its open media file has its name and all that was written.
 */
export function mustBeWhole({ arena, segment }: SegmentPlace, mediaPath: string): void {
  const fd = descriptor(arena, segment, 0);
  if (fd < 0) return;
  const open = fstatSync(fd);
  mustHaveName(open, mediaPath);
  const isWritten = arena.u32(segment + SEG_CHECKED_OFFSET) !== 0;
  if (isWritten && open.size < arena.i64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET))
    lost(mediaPath, "cut short");
}

function mustHaveName(open: Stats, path: string): void {
  const named = statSync(path, { throwIfNoEntry: false });
  if (!named || open.nlink === 0) lost(path, named ? "replaced" : "deleted, moved or renamed");
  if (named.ino !== open.ino || named.dev !== open.dev) lost(path, "replaced");
}

function descriptor(arena: ArenaViews, segment: number, output: number): number {
  return arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET) | 0;
}

function lost(path: string, how: string): never {
  throw new ReelError("lostFile", `${path} was ${how} from outside while it grew: what it held is lost`, { path });
}
