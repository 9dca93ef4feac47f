// What a recorder reports. The control plane turns these into EMS's events (ems-record-spec §6); embedding programs listen to them directly.

import type { Gap } from "../stream/gap.js";
import type { InStream } from "../stream/in-stream.js";
import type { OutStream } from "./out-stream.js";

/** How a segment became final. `none`: nothing was to be done (MPEG-TS, FLV). */
export type FinishMethod = "reserved" | "inserted" | "collapsed" | "copied" | "none";

export interface Lost {
  frames: number;
  bytes: number;
  durationMs: number;
}

/** One output file. Paths are absolute and final, also while only temporary files exist. */
export interface SegmentReport {
  path: string;
  variables: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  startedMs: number;
  /** Place in the ledger; persistent over restarts. */
  sequence: number;
}

export interface ClosedSegmentReport extends SegmentReport {
  stoppedMs: number;
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  sizeBytes: number;
  finish: FinishMethod;
  recovered: boolean;
  gaps: readonly Gap[];
  /** What is missing from the file, all causes together; null where nothing is. */
  lost: Lost | null;
}

export interface FailedSegmentReport extends SegmentReport {
  /** ErrorCode of the cause. */
  code: string;
  error: string;
}

export interface RecorderEvents {
  inStreamCreated: [stream: InStream];
  inStreamClosed: [stream: InStream, reason: string];
  outStreamCreated: [stream: OutStream];
  outStreamClosed: [stream: OutStream];
  segmentOpened: [report: SegmentReport];
  segmentClosed: [report: ClosedSegmentReport];
  segmentFailed: [report: FailedSegmentReport];
  gap: [gap: Gap, segment: SegmentReport];
}
