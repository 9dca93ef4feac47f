// The journal of a segment that grows in the arena: its files opened with what the segment's state says of it.

import { closeSync } from "node:fs";
import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../abi/decoder-config.js";
import { MAX_TRACKS } from "../../abi/frame.js";
import {
  SEG_CONFIG_OFFSET,
  SEG_CREATED_MS_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../abi/segment.js";
import type { ArenaViews } from "../../arena/arena-views.js";
import type { SegmentOpening, SegmentPlace } from "../container.js";
import { ownDescriptors } from "../own-descriptors.js";
import { beginSegmentFiles, setDescriptor } from "../segment-files.js";
import { outputAt } from "../segment-state.js";
import { addMp4Track, openMp4Journal } from "./journal.js";
import { infoPathOf, isTrackPath, trackPathOf } from "./journal-files.js";
import { readJournalInfo } from "./journal-info.js";
import { removeIfThere } from "./place-file.js";

export function openSegmentJournal(place: SegmentPlace, opening: SegmentOpening): void {
  const { arena, segment, path } = place;
  beginSegmentFiles(place);
  const tracks = [];
  for (let track = 0; track < MAX_TRACKS; track++) {
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
export function joinTrackFile({ arena, segment, path }: SegmentPlace, track: number): void {
  const config = decoderConfigBlock(arena, segment, track);
  if (!config) throw new Error(`track ${track} of ${path} has frames but no decoder configuration`);
  setDescriptor(arena, segment, 1 + track, addMp4Track(path, { track, config }));
}

/**
 * A thread died in `joinTrackFile`: the record file that it had opened belongs to its track where `.info` says so, else
 * it is as if it had never been. The descriptor goes last, for this thread may die as well. One of `.info` itself, a
 * moment long, is left open: it cannot be told from that of a sync.
 */
export function resumeTrackFile({ arena, segment, path }: SegmentPlace): void {
  const listed = new Set<number>();
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
    listed.add(arena.u32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET) | 0);
  const strays = ownDescriptors(path).filter((own) => !listed.has(own.fd) && isTrackPath(path, own.path));
  if (strays.length === 0) return;
  const { tracks } = readJournalInfo(infoPathOf(path));
  for (const { fd, path: trackPath, isDeleted } of strays) {
    const line = isDeleted ? undefined : tracks.find(({ file }) => trackPathOf(path, file) === trackPath);
    if (line) setDescriptor(arena, segment, 1 + line.track, fd);
    else {
      if (!isDeleted) removeIfThere(trackPath);
      closeSync(fd);
    }
  }
}

/** A copy of the track's decoder configuration block, header and bytes (src/abi/decoder-config.ts). */
function decoderConfigBlock(arena: ArenaViews, segment: number, track: number): Uint8Array | undefined {
  const pointer = arena.u32(segment + SEG_CONFIG_OFFSET + track * 4);
  if (pointer === 0) return undefined;
  return Uint8Array.from(arena.bytes(pointer, CONFIG_BYTES_OFFSET + arena.u32(pointer + CONFIG_BYTES_SIZE_OFFSET)));
}
