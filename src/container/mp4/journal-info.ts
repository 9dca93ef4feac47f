// `.info`, the part of an MP4 journal that is not media: append-only lines of `crc32 json`, so that a torn or damaged
// line is told from a whole one and takes no other with it.
//
//   {"type":"segment",…}        once, first
//   {"type":"track",…}          before the first record of its `.trackN`
//   {"type":"gap",…}            a loss, jump or splice inside the segment
//   {"type":"firstBatch",…}     a first frame of more than a usual batch is about to be written
//   {"type":"move",…}           the journal is about to get another name (move-journal.ts)
//   {"type":"shift",…}          the finish is about to move the media by `bytes` (insert: > 0, collapse: < 0)
//   {"type":"shifted",…}        … and has done so, or has not (`bytes` 0)
//   {"type":"finished",…}       the file is complete and about to get its name

import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { ReelError } from "../../base/reel-error.js";
import type { SegmentOrigin } from "../segment-origin.js";
import type { Mp4FinishResult } from "./finish-result.js";
import type { StoredConfig } from "./track-config.js";

export const JOURNAL_VERSION = 1;

/** A journal of version 0.1 does not name its origin. */
export interface SegmentLine extends Partial<SegmentOrigin> {
  type: "segment";
  version: number;
  /** Wall time of the opening. */
  createdMs: number;
  /** The in-stream's time that is this segment's zero. */
  zero90k: number;
  sequence: number;
  /** Bytes between `ftyp` and the head of the media. */
  reserveBytes: number;
  winQtCompat: boolean;
  overwrite: boolean;
  /** The lock file of the server that owns the journal; "" = none. */
  lock: string;
}

export interface TrackLine {
  type: "track";
  /** N of `.trackN`. */
  file: number;
  /** Its number in the stream. */
  track: number;
  config: StoredConfig;
}

/** The fields of a gap as the recorder reports it (design.md §4). */
export interface GapLine {
  type: "gap";
  gap: Readonly<Record<string, unknown>>;
}

export interface FirstBatchLine {
  type: "firstBatch";
  /** At most so many bytes of media come before the first sample record. */
  bytes: number;
}

export interface ShiftLine {
  type: "shift";
  bytes: number;
  sizeBefore: number;
}

export interface ShiftedLine {
  type: "shifted";
  bytes: number;
}

/** Names without their folder, which may be mounted elsewhere by then. */
export interface MoveLine {
  type: "move";
  from: string;
  to: string;
}

export interface FinishedLine {
  type: "finished";
  /** Empty where nothing was recorded. */
  target: string;
  result: Mp4FinishResult;
}

export type JournalLine =
  | SegmentLine
  | TrackLine
  | GapLine
  | FirstBatchLine
  | MoveLine
  | ShiftLine
  | ShiftedLine
  | FinishedLine;

export interface JournalContents extends PartialContents {
  segment: SegmentLine;
}

interface PartialContents {
  segment: SegmentLine | undefined;
  tracks: TrackLine[];
  gaps: Readonly<Record<string, unknown>>[];
  /** Of the first batch, where it is larger than usual; else 0. */
  firstBatchBytes: number;
  /** Sum of what was inserted (cut out: negative) in front of the media. */
  shiftBytes: number;
  /** A shift of which it is not known whether it happened. */
  pendingShift: ShiftLine | undefined;
  finished: FinishedLine | undefined;
  /** The last move that was begun. */
  move: MoveLine | undefined;
}

/** Appends a line. One that a crash tore is left behind as a line of its own. */
export function appendLine(fd: number, line: JournalLine): void {
  const json = JSON.stringify(line);
  const size = fstatSync(fd).size;
  const last = Buffer.alloc(1);
  const isTorn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
  const bytes = Buffer.from(`${isTorn ? "\n" : ""}${crc32(json).toString(16).padStart(8, "0")} ${json}\n`);
  let done = 0;
  while (done < bytes.byteLength) done += writeSync(fd, bytes, done, bytes.byteLength - done, size + done);
}

export function appendLineTo(infoPath: string, line: JournalLine): void {
  const fd = openSync(infoPath, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    appendLine(fd, line);
  } finally {
    closeSync(fd);
  }
}

function parseLine(text: string): JournalLine | undefined {
  const json = text.slice(9);
  if (text[8] !== " " || json === "" || Number.parseInt(text.slice(0, 8), 16) !== crc32(json)) return undefined;
  return JSON.parse(json) as JournalLine;
}

/**
 * Reads `.info`. Damaged lines are passed over. Throws ReelError `corrupt` where the segment's own line is missing or
 * of another version.
 */
export function readJournalInfo(infoPath: string): JournalContents {
  return parseJournalInfo(readFileSync(infoPath, "utf8"), infoPath);
}

/** The same of a text that was read before. */
export function parseJournalInfo(info: string, infoPath: string): JournalContents {
  const contents: PartialContents = {
    segment: undefined,
    tracks: [],
    gaps: [],
    firstBatchBytes: 0,
    shiftBytes: 0,
    pendingShift: undefined,
    finished: undefined,
    move: undefined,
  };
  for (const text of info.split("\n")) {
    const line = parseLine(text);
    if (line) takeLine(contents, line);
  }
  const { segment } = contents;
  if (!segment) throw new ReelError("corrupt", `${infoPath} does not say what its segment is`, { path: infoPath });
  if (segment.version !== JOURNAL_VERSION) {
    throw new ReelError(
      "corrupt",
      `${infoPath} has version ${segment.version}; this program knows ${JOURNAL_VERSION}`,
      { path: infoPath },
    );
  }
  return { ...contents, segment };
}

function takeLine(contents: PartialContents, line: JournalLine): void {
  switch (line.type) {
    case "segment":
      contents.segment ??= line;
      break;
    case "track":
      contents.tracks.push(line);
      break;
    case "gap":
      contents.gaps.push(line.gap);
      break;
    case "firstBatch":
      contents.firstBatchBytes = Math.max(contents.firstBatchBytes, line.bytes);
      break;
    case "shift":
      contents.pendingShift = line;
      break;
    case "shifted":
      contents.shiftBytes += line.bytes;
      contents.pendingShift = undefined;
      break;
    case "move":
      contents.move = line;
      break;
    case "finished":
      contents.finished = line;
      break;
  }
}
