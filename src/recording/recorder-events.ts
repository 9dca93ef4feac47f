// What a recorder reports. The control plane turns these into EMS's events (ems-record-spec §6); embedding programs
// listen to them directly.

import type {
  ClosedSegmentReport,
  CopiedSegmentReport,
  DeletedSegmentReport,
  FailedSegmentReport,
  SegmentReport,
} from "../catalog/segment-report.js";
import type { Gap } from "../stream/gap.js";
import type { InStream } from "../stream/in-stream.js";
import type { KeptPast } from "../stream/past.js";
import type { CopyFailure } from "./finishing/copies.js";
import type { OutStream } from "./lifecycle/out-stream.js";

export const WAITING_TEXT = "waiting for a random access point; waitForIDR=0 starts at once";

export interface RecorderEvents {
  inStreamCreated: [stream: InStream];
  inStreamClosed: [stream: InStream, reason: string];
  outStreamCreated: [stream: OutStream];
  /** It has waited for 5 s of media for a random access point; told once. */
  recordWaiting: [stream: OutStream];
  outStreamClosed: [stream: OutStream];
  segmentOpened: [report: SegmentReport];
  segmentClosed: [report: ClosedSegmentReport];
  segmentFailed: [report: FailedSegmentReport];
  segmentCopied: [report: CopiedSegmentReport];
  /** A try of a copy has failed. */
  copyFailed: [failure: CopyFailure];
  segmentDeleted: [report: DeletedSegmentReport];
  /** There is no room for all that is to be kept of a stream's past; told once, until there has been enough again. */
  pastShort: [localStreamName: string, kept: KeptPast];
  gap: [gap: Gap, segment: SegmentReport];
}
