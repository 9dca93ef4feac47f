// What is told of a segment: when it opens, when it is final, when it fails. The ledger and the catalogue keep these,
// events carry them.

import type { ErrorCode } from "../base/reel-error.js";
import type { FinishMethod } from "../container/finish-method.js";
import type { SegmentOrigin, SegmentTrack } from "../container/segment-origin.js";
import type { ContainerName } from "../container/table.js";
import type { Gap } from "../stream/gap.js";

export interface Lost {
  frames: number;
  bytes: number;
  durationMs: number;
}

/**
 * One output file. Paths are absolute and final, also while only temporary files exist; "" where what is told concerns
 * no file.
 */
export interface SegmentReport extends SegmentOrigin {
  path: string;
  container: ContainerName;
  /** Known when the report was made: a late track is only in the later ones, one without frames not in the last. */
  tracks: readonly SegmentTrack[];
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
  code: ErrorCode;
  error: string;
}
