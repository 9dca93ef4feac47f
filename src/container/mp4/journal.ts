// The journal of an MP4 segment while it is recorded (design.md §3): beside `name.mp4`, which does not exist yet,
//
//   .info      what the segment is (journal-info.ts)
//   .mdat      the final file in the making (file-head.ts)
//   .track1 …  sample records (src/abi/mp4.ts), one file per track
//
// Of the tracks at the opening those with audio come first, then those with video, by their numbers; so of two the
// audio is track1 and the video track2 (ems-record-spec §4). A track that joins late gets the next number. No
// file is ever opened that was there before.

import { closeSync, constants, existsSync, openSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { KIND_AUDIO, KIND_VIDEO } from "../../abi/decoder-config.js";
import { ReelError } from "../../base/reel-error.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import type { SegmentOrigin } from "../segment-origin.js";
import {
  alignReserve,
  FTYP_SIZE,
  fileTypeBox,
  freeBoxHeader,
  MDAT_HEADER_ROOM,
  openMediaDataHeader,
} from "./file-head.js";
import { infoPathOf, MAX_TRACK_FILES, mdatPathOf, trackPathOf } from "./journal-files.js";
import { appendLine, appendLineTo, JOURNAL_VERSION, readJournalInfo } from "./journal-info.js";
import { kindOfBlock, storeConfig } from "./track-config.js";

export interface Mp4TrackOpening {
  /** Its number in the stream. */
  track: number;
  /** Copy of the decoder configuration block. */
  config: Uint8Array;
}

export interface Mp4JournalOpening {
  finalPath: string;
  /** See reserve.ts; rounded up. */
  reserveBytes: number;
  tracks: readonly Mp4TrackOpening[];
  zero90k: number;
  createdMs: number;
  winQtCompat: boolean;
  lockPath: string;
  sequence: number;
  origin: SegmentOrigin;
  /** Whether the finish may replace a file of the final name. */
  overwrite?: boolean;
}

export interface Mp4Journal {
  mdatFd: number;
  trackFds: { track: number; fd: number }[];
  /** Where the media begins in `.mdat`. */
  mediaPosition: number;
}

const CREATE_NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const FILE_MODE = 0o644;
/**
 * Below this much free space the reserve is written as zeros, so that the index has its blocks before the disk is full.
 */
const NEARLY_FULL_BYTES = 1 << 30;
const ZEROS_BYTES = 1 << 20;
/**
 * Creates the files of a segment. Throws ReelError `targetBusy` where one exists, or what a file operation throws;
 * nothing is left behind then.
 */
export function openMp4Journal(opening: Mp4JournalOpening): Mp4Journal {
  const { finalPath } = opening;
  const created: { path: string; fd: number }[] = [];
  const create = (path: string): number => {
    const fd = createNew(path);
    created.push({ path, fd });
    return fd;
  };
  const reserveBytes = alignReserve(opening.reserveBytes);
  let journal: Mp4Journal;
  let infoDone: number;
  try {
    const infoFd = create(infoPathOf(finalPath));
    const { zero90k, createdMs, winQtCompat, sequence } = opening;
    appendLine(infoFd, {
      type: "segment",
      version: JOURNAL_VERSION,
      createdMs,
      zero90k,
      sequence,
      reserveBytes,
      winQtCompat,
      overwrite: opening.overwrite ?? false,
      lock: opening.lockPath,
      ...opening.origin,
    });
    const mdatFd = create(mdatPathOf(finalPath));
    const codecs = opening.tracks.map(({ config }) => storeConfig(config).codec);
    writeFileHead(mdatFd, reserveBytes, codecs, isNearlyFull(finalPath));
    const inFileOrder = [...opening.tracks].sort((a, b) => fileRank(a) - fileRank(b));
    const trackFds = inFileOrder.map(({ track, config }, i) => {
      const fd = create(trackPathOf(finalPath, i + 1));
      appendLine(infoFd, { type: "track", file: i + 1, track, config: storeConfig(config) });
      return { track, fd };
    });
    journal = { mdatFd, trackFds, mediaPosition: FTYP_SIZE + reserveBytes + MDAT_HEADER_ROOM };
    infoDone = infoFd;
  } catch (error) {
    for (const { path, fd } of created.reverse()) {
      unlinkSync(path);
      closeSync(fd);
    }
    throw error;
  }
  closeSync(infoDone);
  return journal;
}

/** Adds a track that appeared after the opening; returns the descriptor of its `.trackN`. */
export function addMp4Track(finalPath: string, { track, config }: Mp4TrackOpening): number {
  const infoPath = infoPathOf(finalPath);
  const file = Math.max(0, ...readJournalInfo(infoPath).tracks.map((line) => line.file)) + 1;
  if (file > MAX_TRACK_FILES)
    throw new ReelError("corrupt", `${infoPath} lists more than ${MAX_TRACK_FILES} tracks`, { path: infoPath });
  const path = trackPathOf(finalPath, file);
  const fd = createNew(path);
  try {
    appendLineTo(infoPath, { type: "track", file, track, config: storeConfig(config) });
  } catch (error) {
    unlinkSync(path);
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** Notes a gap in the segment, so that a recovery can still report it. */
export function appendGap(finalPath: string, gap: Readonly<Record<string, unknown>>): void {
  appendLineTo(infoPathOf(finalPath), { type: "gap", gap });
}

/** Notes how much the first batch may be, where it is more than OUTPUT_BYTES. */
export function appendFirstBatch(finalPath: string, bytes: number): void {
  appendLineTo(infoPathOf(finalPath), { type: "firstBatch", bytes });
}

/** Gives the reserve its blocks. For volumes that fill up while a segment is being recorded. */
export function allocateReserve(mdatFd: number, reserveBytes: number): void {
  const zeros = Buffer.alloc(Math.min(ZEROS_BYTES, reserveBytes));
  const end = FTYP_SIZE + alignReserve(reserveBytes);
  for (let at = FTYP_SIZE + 8; at < end; ) at += writeSync(mdatFd, zeros, 0, Math.min(zeros.byteLength, end - at), at);
}

/** Audio, then video, then the rest; the sort keeps the numbers in order. */
function fileRank({ config }: Mp4TrackOpening): number {
  const kind = kindOfBlock(config);
  return kind === KIND_AUDIO ? 0 : kind === KIND_VIDEO ? 1 : 2;
}

function createNew(path: string): number {
  try {
    return openSync(path, CREATE_NEW, FILE_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ReelError(
      "targetBusy",
      `${path} exists: another recording writes this segment, or left it unfinished`,
      { path },
      { cause: error },
    );
  }
}

function writeFileHead(fd: number, reserveBytes: number, codecs: readonly CodecName[], allocate: boolean): void {
  writeSync(fd, Buffer.concat([fileTypeBox(codecs), freeBoxHeader(reserveBytes)]), 0, FTYP_SIZE + 8, 0);
  if (allocate) allocateReserve(fd, reserveBytes);
  writeSync(fd, openMediaDataHeader(), 0, MDAT_HEADER_ROOM, FTYP_SIZE + reserveBytes);
}

function isNearlyFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize < NEARLY_FULL_BYTES;
}

/** True where the files of an unfinished segment lie beside this name. */
export function hasMp4Journal(finalPath: string): boolean {
  return existsSync(infoPathOf(finalPath));
}
