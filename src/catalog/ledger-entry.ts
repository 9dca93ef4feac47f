// An entry of the ledger, and the line that it is written as:
//
//   <crc32 as 8 hex digits> <json>\n

import { crc32 } from "node:zlib";
import { UNKNOWN_ORIGIN } from "../container/segment-origin.js";
import { containerOf } from "../container/table.js";
import type {
  ClosedSegmentReport,
  CopiedSegmentReport,
  DeletedSegmentReport,
  FailedSegmentReport,
  SegmentReport,
  UploadedSegmentReport,
} from "./segment-report.js";

export type LedgerEntry =
  /**
   * Written again with the same sequence when an unfinished segment gets another name. `syncError`: of an "unsynced"
   * before, whose line may be in a file that was deleted.
   */
  | { type: "opened"; report: SegmentReport; syncError?: string }
  /** A sync of it has failed, which its closing is to tell, a crash in between or not. With the opening's sequence. */
  | { type: "unsynced"; opened: number; report: FailedSegmentReport }
  | { type: "closed"; opened: number; report: ClosedSegmentReport }
  /** Its file is gone, so it will never be closed. */
  | { type: "failed"; opened: number; report: FailedSegmentReport }
  /** Before its file goes; `opened` is the segment's id. A start that finds it without one of the next two goes on. */
  | { type: "deleting"; opened: number; report: DeletedSegmentReport }
  | { type: "deleted"; opened: number; report: DeletedSegmentReport }
  /** Its copy is in a second folder. */
  | { type: "copied"; opened: number; report: CopiedSegmentReport }
  /** Its object was seen at the server. */
  | { type: "uploaded"; opened: number; report: UploadedSegmentReport }
  /** Its file could not be deleted. */
  | { type: "kept"; opened: number; report: DeletedSegmentReport };

/** What the ledger says of a segment's end: for consumers that missed events. */
export type EndEntry = Extract<LedgerEntry, { type: "closed" | "deleted" }>;

const TYPES_OF_A_SEGMENT: ReadonlySet<unknown> = new Set([
  "unsynced",
  "closed",
  "failed",
  "deleting",
  "deleted",
  "kept",
  "copied",
  "uploaded",
]);

export function lineOf(entry: LedgerEntry): string {
  const json = JSON.stringify(entry);
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

/** A right checksum says that the line is as it was written, not who wrote it: a later version, a hand. */
function isEntry(value: unknown): value is LedgerEntry {
  if (typeof value !== "object" || value === null) return false;
  const { type, opened, report } = value as Partial<Record<keyof Extract<LedgerEntry, { type: "closed" }>, unknown>>;
  if (type !== "opened" && !(TYPES_OF_A_SEGMENT.has(type) && isSequence(opened))) return false;
  if (typeof report !== "object" || report === null) return false;
  const { sequence, path } = report as Partial<Record<keyof SegmentReport, unknown>>;
  return isSequence(sequence) && typeof path === "string";
}

/** A failed segment that never had a file has sequence 0. */
function isSequence(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** undefined: it is not as it was written, as the torn end of a crash. */
export function parseLine(line: string): LedgerEntry | undefined {
  const json = line.slice(9);
  if (json === "" || crc32(json).toString(16).padStart(8, "0") !== line.slice(0, 8)) return undefined;
  const entry: unknown = JSON.parse(json);
  if (!isEntry(entry)) return undefined;
  const { report } = entry;
  // Version 0.1 wrote neither origin nor tracks.
  report.container ??= containerOf(report.path) ?? "mp4";
  report.tracks ??= [];
  if (entry.type === "closed") entry.report.syncError ??= null;
  entry.report = { ...UNKNOWN_ORIGIN, ...report };
  return entry;
}
