// Payloads of recordChunk* and recordGap (ems-record-spec §6.2, §6.4). Times are UTC without a zone, as in EMS;
// `utcOffset` is the recorder's own.

import type {
  ClosedSegmentReport,
  CopiedSegmentReport,
  DeletedSegmentReport,
  FailedSegmentReport,
  FinalSegmentReport,
  SegmentReport,
  UploadedSegmentReport,
} from "../../catalog/segment-report.js";
import type { CopyFailure } from "../../recording/finishing/copies.js";
import type { Gap } from "../../stream/gap.js";
import type { UploadFailure } from "../../upload/uploads.js";
import type { ValueObject } from "../replies/reply.js";

/** `YYYY-MM-DDTHH:MM:SS.000` */
function utcSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}.000`;
}

/** The offset of local time at that moment, as `+01:00`. */
function utcOffset(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const absolute = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(absolute / 60))}:${two(absolute % 60)}`;
}

function gapObject(gap: Gap): ValueObject {
  const { cause, dtsMs, durationMs, frames, bytes, track, codec } = gap;
  return { bytes, cause, codec, dtsMs, durationMs, frames, track };
}

function common(report: SegmentReport): ValueObject {
  const { variables, configId, path: file, localStreamName, outStreamId, sequence, startedMs, node, epoch } = report;
  return {
    ...variables,
    ...{ configId, file, localStreamName, outStreamId, sequence },
    ...(node !== undefined && { node }),
    ...(epoch !== undefined && { epoch }),
    utcOffset: utcOffset(startedMs),
  };
}

function aligned({ alignOffsetMs }: SegmentReport): ValueObject {
  return alignOffsetMs === undefined ? {} : { alignOffsetMs: Math.round(alignOffsetMs) };
}

export function chunkCreated(report: SegmentReport): ValueObject {
  return { ...common(report), ...aligned(report), startTime: utcSeconds(report.startedMs) };
}

export function chunkClosed(report: ClosedSegmentReport): ValueObject {
  const { finish, gaps, lost, recovered, syncError, videoFrames: frameCount } = report;
  return {
    ...common(report),
    ...aligned(report),
    ...(report.clockStepMs !== undefined && { clockStepMs: report.clockStepMs }),
    durationMs: report.durationMs,
    finish,
    frameCount,
    gaps: gaps.map(gapObject),
    lost: lost && { ...lost },
    ...(report.manifest !== undefined && { manifest: report.manifest }),
    recovered,
    startTime: utcSeconds(report.startedMs),
    stopTime: utcSeconds(report.stoppedMs),
    syncError,
  };
}

export function chunkError(report: FailedSegmentReport): ValueObject {
  return { ...common(report), error: report.error };
}

/** Of a file that had been final. */
function final(report: FinalSegmentReport): ValueObject {
  const { durationMs, sizeBytes, startedMs, stoppedMs } = report;
  return {
    ...common(report),
    ...{ durationMs, sizeBytes },
    startTime: utcSeconds(startedMs),
    stopTime: stoppedMs === null ? null : utcSeconds(stoppedMs),
  };
}

export function segmentDeleted(report: DeletedSegmentReport): ValueObject {
  return { ...final(report), cause: report.cause };
}

export function segmentUploaded(report: UploadedSegmentReport): ValueObject {
  return { ...final(report), object: report.object };
}

export function segmentCopied(report: CopiedSegmentReport): ValueObject {
  return { ...final(report), copy: report.copy };
}

/** Its sequence is that of the file's opening, as of uploadFailed. */
export function copyFailed({ segment, copy, code, reason, tries, nextTryMs }: CopyFailure): ValueObject {
  return {
    ...common({ ...segment, sequence: segment.id }),
    ...{ code, copy, reason, tries },
    nextTryTime: nextTryMs === null ? null : utcSeconds(nextTryMs),
  };
}

/** Its sequence is that of the file's opening: a try that failed is no entry of the ledger. */
export function uploadFailed({ segment, key, code, reason, tries, nextTryMs }: UploadFailure): ValueObject {
  return {
    ...common({ ...segment, sequence: segment.id }),
    ...{ code, key: key ?? null, reason, tries },
    nextTryTime: nextTryMs === null ? null : utcSeconds(nextTryMs),
  };
}

export function recordGap(gap: Gap, report: SegmentReport): ValueObject {
  return { ...common(report), gap: gapObject(gap) };
}
