// Opens the files of a segment and notes their descriptors in its state. MPEG-TS and FLV are written in place under
// their final name; MP4 grows as a journal beside it (src/container/mp4/).

import { closeSync, constants, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../abi/decoder-config.js";
import { TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../abi/frame.js";
import { CONTAINER_MP4 } from "../abi/recording.js";
import {
  SEG_CONFIG_OFFSET,
  SEG_CREATED_MS_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_ZERO_OFFSET,
} from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import { ReelError } from "../base/reel-error.js";
import { addMp4Track, openMp4Journal } from "../container/mp4/journal.js";
import type { SegmentOrigin } from "../container/segment-origin.js";
import { outputAt } from "./segment-state.js";

export interface SegmentOpening {
  /** Fail where the file exists (overwrite=0), else replace it now that its first batch is at hand. */
  exclusive: boolean;
  winQtCompat: boolean;
  /** MP4: bytes to reserve for the index in front of the media. */
  reserveBytes: number;
  /** MP4: the lock of the server that owns the journal. */
  lockPath: string;
  sequence: number;
  origin: SegmentOrigin;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
const FILE_MODE = 0o644;

export function openSegmentFiles(
  arena: ArenaViews,
  segment: number,
  container: number,
  path: string,
  opening: SegmentOpening,
): void {
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
    arena.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1);
  mustBeReal(dirname(path));
  if (container !== CONTAINER_MP4) {
    setDescriptor(
      arena,
      segment,
      0,
      openSync(path, CREATE | (opening.exclusive ? constants.O_EXCL : constants.O_TRUNC), FILE_MODE),
    );
    return;
  }
  const tracks = [];
  for (const track of [TRACK_VIDEO, TRACK_AUDIO]) {
    const config = decoderConfigBlock(arena, segment, track);
    if (config) tracks.push({ track, config });
  }
  const journal = openMp4Journal({
    finalPath: path,
    reserveBytes: opening.reserveBytes,
    tracks,
    zero90k: arena.i64(segment + SEG_ZERO_OFFSET),
    createdMs: arena.f64(segment + SEG_CREATED_MS_OFFSET),
    winQtCompat: opening.winQtCompat,
    lockPath: opening.lockPath,
    sequence: opening.sequence,
    origin: opening.origin,
    overwrite: !opening.exclusive,
  });
  setDescriptor(arena, segment, 0, journal.mdatFd);
  for (const { track, fd } of journal.trackFds) setDescriptor(arena, segment, 1 + track, fd);
  arena.setI64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET, journal.mediaPosition);
}

/**
 * A track that appeared after the segment had begun gets the next `.trackN`, announced in `.info` before its first
 * record.
 */
export function joinMp4Track(arena: ArenaViews, segment: number, path: string, track: number): void {
  const config = decoderConfigBlock(arena, segment, track);
  if (!config) throw new Error(`track ${track} of ${path} has frames but no decoder configuration`);
  setDescriptor(arena, segment, 1 + track, addMp4Track(path, { track, config }));
}

/**
 * Closes what is open. Errors of close(2) are not swallowed: on some volumes they are the first word of a failed write.
 */
export function closeSegmentFiles(arena: ArenaViews, segment: number): void {
  let failure: unknown;
  for (let output = 0; output < 1 + TRACK_COUNT; output++) {
    const at = outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET;
    const fd = arena.u32(at) | 0;
    if (fd < 0) continue;
    arena.setU32(at, -1);
    try {
      closeSync(fd);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

/**
 * Naming gives real paths. Hours may lie between that and this opening, and whoever writes there may have put a
 * symbolic link on the way (design.md §5).
 */
function mustBeReal(folder: string): void {
  const real = realpathSync.native(folder);
  if (real !== folder)
    throw new ReelError(
      "badPath",
      `${folder} leads to ${real} by a symbolic link that was not there when the name was found`,
      { folder },
    );
}

function setDescriptor(arena: ArenaViews, segment: number, output: number, fd: number): void {
  arena.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, fd);
}

/** A copy of the track's decoder configuration block, header and bytes (src/abi/decoder-config.ts). */
function decoderConfigBlock(arena: ArenaViews, segment: number, track: number): Uint8Array | undefined {
  const pointer = arena.u32(segment + SEG_CONFIG_OFFSET + track * 4);
  if (pointer === 0) return undefined;
  return Uint8Array.from(arena.bytes(pointer, CONFIG_BYTES_OFFSET + arena.u32(pointer + CONFIG_BYTES_SIZE_OFFSET)));
}
