// A segment as the catalogue keeps it, from its opening to its deletion, and how reports become one.

import type { FinishMethod } from "../container/finish-method.js";
import { originFrom, type SegmentOrigin, type SegmentTrack } from "../container/segment-origin.js";
import type { ContainerName } from "../container/table.js";
import type { LedgerEntry } from "./ledger-entry.js";
import type {
  ClosedSegmentReport,
  CopiedSegmentReport,
  DeletedSegmentReport,
  DeletionCause,
  FailedSegmentReport,
  FinalSegmentReport,
  Lost,
  SegmentReport,
  UploadedSegmentReport,
} from "./segment-report.js";

/**
 * `failed`: nobody writes it and it is not final; a later start may still recover it. If a segment has several lines,
 * the state that stands last in this list is the true one, so a replay of the ledger cannot bring back what was
 * deleted.
 */
export const SEGMENT_STATES = ["growing", "failed", "recovered", "finished", "uploaded", "deleted"] as const;
export type SegmentState = (typeof SEGMENT_STATES)[number];

export interface CatalogSegment extends SegmentOrigin {
  /** Unique, also over restarts. */
  id: number;
  state: SegmentState;
  path: string;
  container: ContainerName;
  tracks: readonly SegmentTrack[];
  /** Wall time, Unix milliseconds. `stoppedMs` is null while it grows. */
  startedMs: number;
  stoppedMs: number | null;
  /** Media time. */
  durationMs: number;
  sizeBytes: number;
  videoFrames: number;
  audioFrames: number;
  finish: FinishMethod;
  /** How many gaps its closing listed; the ledger has the gaps themselves. */
  gaps: number;
  lost: Lost | null;
  /** ErrorCode of the failure. */
  code?: string;
  /** Why it was deleted. */
  cause?: DeletionCause;
  /** The root of its manifest, which lies beside it. */
  manifest?: string;
  /** Its copy in a second media folder, absolute. */
  copy?: string;
  /** Where it was uploaded to, as `s3://bucket/key`. */
  object?: string;
  /** The rebuild found the file and no ledger knew it; its times are those of the file system. */
  isEstimated?: true;
}

/** A segment in the answer of a query. */
export interface FoundSegment extends CatalogSegment {
  /** The file is gone, or another one has its name, and neither Reel's deletion nor a failure is the reason. */
  missing?: true;
  /** Its volume does not answer: whether the file is there is not known. */
  unreachable?: true;
}

const NOTHING_YET = {
  ...{ durationMs: 0, sizeBytes: 0, videoFrames: 0, audioFrames: 0 },
  ...{ finish: "none" as const, gaps: 0, lost: null },
};

/** The segment as an entry of the ledger describes it. */
export function segmentOf(entry: LedgerEntry): CatalogSegment {
  if (entry.type === "closed") return closedSegment(entry.opened, entry.report);
  if (entry.type === "failed") return failedSegment(entry.opened, entry.report);
  if (entry.type === "copied") return finalSegment(entry.opened, entry.report.state, entry.report);
  if (entry.type === "uploaded") return finalSegment(entry.opened, "uploaded", entry.report);
  if (entry.type === "opened" || entry.type === "unsynced")
    return openSegment(entry.report.sequence, "growing", entry.report, null);
  return deletedSegment(entry.opened, entry.report);
}

export function failedSegment(id: number, report: FailedSegmentReport): CatalogSegment {
  return { ...openSegment(id, "failed", report, Math.round(report.startedMs)), code: report.code };
}

function openSegment(id: number, state: SegmentState, report: SegmentReport, stoppedMs: number | null): CatalogSegment {
  const { path, container, tracks } = report;
  const startedMs = Math.round(report.startedMs);
  return { ...originFrom(report), id, state, path, container, tracks, startedMs, stoppedMs, ...NOTHING_YET };
}

function closedSegment(opened: number, report: ClosedSegmentReport): CatalogSegment {
  const { path, container, tracks, durationMs, sizeBytes, videoFrames, audioFrames, finish, lost } = report;
  const startedMs = Math.round(report.startedMs);
  return {
    ...originFrom(report),
    // An orphan that no ledger knew has no sequence but that of its closing.
    id: opened > 0 ? opened : report.sequence,
    state: report.recovered ? "recovered" : "finished",
    ...{ path, container, tracks, startedMs, durationMs, sizeBytes, videoFrames, audioFrames, finish, lost },
    stoppedMs: endOf(report, startedMs),
    gaps: report.gaps.length,
    ...(report.manifest && { manifest: report.manifest }),
  };
}

function deletedSegment(id: number, report: DeletedSegmentReport): CatalogSegment {
  const { path, container, tracks, startedMs, stoppedMs, cause } = report;
  const { durationMs, sizeBytes, videoFrames, audioFrames, finish, gaps, lost } = report;
  const file = { path, container, tracks, startedMs, stoppedMs, durationMs, sizeBytes };
  const rest = {
    videoFrames,
    audioFrames,
    finish,
    gaps,
    lost,
    cause,
    ...(report.manifest && { manifest: report.manifest }),
  };
  return { ...originFrom(report), id, state: "deleted", ...file, ...rest };
}

function finalSegment(id: number, state: SegmentState, report: FinalSegmentReport): CatalogSegment {
  const { sequence: _, ...file } = report;
  return { ...file, id, state };
}

/** What the ledger and events tell of a deletion. */
export function deletionOf(segment: CatalogSegment, cause: DeletionCause, sequence: number): DeletedSegmentReport {
  return { ...finalOf(segment), cause, sequence };
}

/** The same of a copy; undefined where the file is not final. */
export function copyOf(segment: CatalogSegment, copy: string, sequence: number): CopiedSegmentReport | undefined {
  const { state } = segment;
  if (state !== "finished" && state !== "recovered" && state !== "uploaded") return undefined;
  return { ...finalOf(segment), copy, state, sequence };
}

/** The same of an upload. */
export function uploadOf(segment: CatalogSegment, object: string, sequence: number): UploadedSegmentReport {
  return { ...finalOf(segment), object, sequence };
}

function finalOf(segment: CatalogSegment): Omit<FinalSegmentReport, "sequence"> {
  const { path, container, tracks, startedMs, stoppedMs } = segment;
  const { durationMs, sizeBytes, videoFrames, audioFrames, finish, gaps, lost } = segment;
  const file = { path, container, tracks, startedMs, stoppedMs, durationMs, sizeBytes };
  const { manifest, copy, object } = segment;
  const kept = { ...(manifest && { manifest }), ...(copy && { copy }), ...(object && { object }) };
  return { ...originFrom(segment), ...file, videoFrames, audioFrames, finish, gaps, lost, ...kept };
}

/** Queries are by time: where the clock was set back meanwhile, the end is by the clock of the beginning. */
function endOf({ stoppedMs, durationMs }: ClosedSegmentReport, startedMs: number): number {
  return stoppedMs >= startedMs ? Math.round(stoppedMs) : startedMs + Math.round(durationMs);
}

/** Order of a query's answer. */
export function compareSegments(a: SegmentKey, b: SegmentKey): number {
  return a.startedMs - b.startedMs || a.id - b.id;
}

export interface SegmentKey {
  startedMs: number;
  id: number;
}

export function rankOf(state: SegmentState): number {
  return SEGMENT_STATES.indexOf(state);
}
