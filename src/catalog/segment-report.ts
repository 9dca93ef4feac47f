// Reports about a segment: when it opens, when it is final, when it fails. The ledger and the catalogue keep them, and
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

/** One output file. Paths are absolute and final, also while only temporary files exist; "" if there is no file. */
export interface SegmentReport extends SegmentOrigin {
  path: string;
  container: ContainerName;
  /**
   * Known when the report was made. A late track is only in later reports; a track without frames is not in the last.
   */
  tracks: readonly SegmentTrack[];
  /** Unix milliseconds. */
  startedMs: number;
  /** Place in the ledger; it goes on over restarts. */
  sequence: number;
  /** With alignTo: from the multiple of the wall clock to the first frame; missing where something else cut. */
  alignOffsetMs?: number;
}

export interface ClosedSegmentReport extends SegmentReport {
  /** By the wall clock, as it stood then: before `startedMs` where it was set back meanwhile. */
  stoppedMs: number;
  /** By how much the wall clock was set meanwhile; missing where it was not, or where the end was a crash. */
  clockStepMs?: number;
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  sizeBytes: number;
  finish: FinishMethod;
  recovered: boolean;
  gaps: readonly Gap[];
  /** What is missing from the file, all causes together; null if nothing is. */
  lost: Lost | null;
  /** A sync of the file has failed, in words: a power cut may take what it holds. null if none has. */
  syncError: string | null;
  /** The root of its manifest, where it was to have one; null where that could not be written. */
  manifest?: string | null;
}

/** Why a segment was deleted: what of a retention rule it had passed, or because somebody asked. */
export const DELETION_CAUSES = {
  age: "Its rule keeps nothing for so long.",
  bytes: "Its rule keeps no more bytes.",
  segments: "Its rule keeps no more files.",
  freeSpace: "The volume had less free than its rule keeps free.",
  request: "Somebody asked for it.",
  uploaded: "It was uploaded, and `upload` of reel.json keeps no local file.",
} as const;
export type DeletionCause = keyof typeof DELETION_CAUSES;

/** A segment whose file was final, as the catalogue has it. */
export interface FinalSegmentReport extends SegmentReport {
  stoppedMs: number | null;
  durationMs: number;
  sizeBytes: number;
  videoFrames: number;
  audioFrames: number;
  finish: FinishMethod;
  /** How many gaps its closing listed. */
  gaps: number;
  lost: Lost | null;
  /** The root of its manifest, where it has one. */
  manifest?: string;
  /** Its copy in a second media folder. */
  copy?: string;
  /** Where it was uploaded to, as `s3://bucket/key`. */
  object?: string;
}

export interface DeletedSegmentReport extends FinalSegmentReport {
  cause: DeletionCause;
}

export interface CopiedSegmentReport extends FinalSegmentReport {
  copy: string;
  state: "finished" | "recovered" | "uploaded";
}

export interface UploadedSegmentReport extends FinalSegmentReport {
  /** `s3://bucket/key` */
  object: string;
}

export interface FailedSegmentReport extends SegmentReport {
  code: ErrorCode;
  error: string;
}
