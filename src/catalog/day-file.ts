// One file of the catalogue: the segments of one stream that touch one UTC day, a line for each change.
//
//   <crc32> <startedMs> <stoppedMs> <id> <state> <json>\n
//    8 hex   15          15          16   1
//
// The head has fixed widths, so that a query reads the times of ten thousand lines in a millisecond and parses only
// what it answers. The checksum covers everything behind it. A torn line is skipped; the next writer begins a new line.
// A segment that touches several days has a line in each.

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { type CatalogSegment, rankOf, SEGMENT_STATES, type SegmentState } from "./catalog-segment.js";

const STARTED_OFFSET = 9;
const TIME_SIZE = 15;
const STOPPED_OFFSET = 25;
const ID_OFFSET = 41;
const ID_SIZE = 16;
const STATE_OFFSET = 58;
const JSON_OFFSET = 60;
const LINE_END = 0x0a;
export const DAY_MS = 86_400_000;
export const DAY_FOLDER = /^\d{4}-\d\d-\d\d$/;

/** A line whose segment may answer a query. */
export interface DayLine {
  startedMs: number;
  stoppedMs: number;
  id: number;
  state: SegmentState;
  /** The JSON, in the buffer that was scanned. */
  from: number;
  to: number;
}

export function lineOf(segment: CatalogSegment): string {
  const head = [
    String(segment.startedMs).padStart(TIME_SIZE, "0"),
    String(segment.stoppedMs ?? segment.startedMs).padStart(TIME_SIZE, "0"),
    String(segment.id).padStart(ID_SIZE, "0"),
    String(rankOf(segment.state)),
  ].join(" ");
  const covered = `${head} ${JSON.stringify(segment)}`;
  return `${crc32(covered).toString(16).padStart(8, "0")} ${covered}\n`;
}

/**
 * The lines whose segment overlaps [fromMs, toMs), one per segment, by id. Lines outside are not checked, because a
 * damaged one there changes no answer.
 */
export function scanDay(bytes: Buffer, fromMs: number, toMs: number): Map<number, DayLine> {
  const found = new Map<number, DayLine>();
  for (let at = 0; at + JSON_OFFSET < bytes.byteLength; ) {
    const end = bytes.indexOf(LINE_END, at);
    if (end < 0) break;
    const startedMs = digits(bytes, at + STARTED_OFFSET, TIME_SIZE);
    const stoppedMs = digits(bytes, at + STOPPED_OFFSET, TIME_SIZE);
    // NaN compares as false, so a damaged head is left out here.
    if (startedMs < toMs && stoppedMs >= fromMs) {
      const line = wholeLine(bytes, at, end, startedMs, stoppedMs);
      const before = line && found.get(line.id);
      if (line && (!before || rankOf(line.state) >= rankOf(before.state))) found.set(line.id, line);
    }
    at = end + 1;
  }
  return found;
}

/** The line of a segment, the last of its highest state. Lines of others are not checked. */
export function findLine(bytes: Buffer, id: number): DayLine | undefined {
  let found: DayLine | undefined;
  for (let at = 0; at + JSON_OFFSET < bytes.byteLength; ) {
    const end = bytes.indexOf(LINE_END, at);
    if (end < 0) break;
    if (digits(bytes, at + ID_OFFSET, ID_SIZE) === id) {
      const startedMs = digits(bytes, at + STARTED_OFFSET, TIME_SIZE);
      const line = wholeLine(bytes, at, end, startedMs, digits(bytes, at + STOPPED_OFFSET, TIME_SIZE));
      if (line && (!found || rankOf(line.state) >= rankOf(found.state))) found = line;
    }
    at = end + 1;
  }
  return found;
}

export function readLine(bytes: Buffer, { from, to }: Pick<DayLine, "from" | "to">): CatalogSegment {
  return JSON.parse(bytes.toString("utf8", from, to)) as CatalogSegment;
}

function digits(bytes: Buffer, at: number, size: number): number {
  let value = 0;
  for (let i = at; i < at + size; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function wholeLine(bytes: Buffer, at: number, end: number, startedMs: number, stoppedMs: number): DayLine | undefined {
  const crc = Number.parseInt(bytes.toString("latin1", at, at + 8), 16);
  if (crc !== crc32(bytes.subarray(at + STARTED_OFFSET, end))) return undefined;
  const id = digits(bytes, at + ID_OFFSET, ID_SIZE);
  const state = SEGMENT_STATES[(bytes[at + STATE_OFFSET] ?? 0) - 0x30];
  return state && { startedMs, stoppedMs, id, state, from: at + JSON_OFFSET, to: end };
}

/** The UTC day of a time, as `2026-11-27`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** All days that a segment touches, oldest first. */
export function daysOf(startedMs: number, stoppedMs: number): string[] {
  const days: string[] = [];
  const last = dayOf(Math.max(startedMs, stoppedMs));
  for (let at = startedMs; ; at += DAY_MS) {
    const day = dayOf(at);
    if (day > last) break;
    days.push(day);
  }
  return days;
}

/** The longest name that leaves room for the suffix, in bytes. */
const MAX_NAME = 200;

/** A stream's file name: its name, with every character that a file system or a reader could not take as %XX. */
export function fileNameOf(stream: string): string {
  const name = encodeURIComponent(stream).replaceAll(".", "%2E").replaceAll("~", "%7E");
  if (name === "") return "~.log"; // for segments of an unknown stream
  if (name.length <= MAX_NAME) return `${name}.log`;
  return `${name.slice(0, MAX_NAME - 33)}~${createHash("sha256").update(name).digest("hex").slice(0, 32)}.log`;
}
