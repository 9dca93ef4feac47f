// What the finish of an MP4 segment answers.

import type { FinishMethod } from "../finish-method.js";

export interface Mp4Loss {
  /** Sample records that were there and could not be used. */
  frames: number;
  /** Media bytes that no usable record names. */
  bytes: number;
  durationMs: number;
}

export interface Mp4FinishResult {
  method: FinishMethod;
  /** The finished file; null where there is none. */
  path: string | null;
  sizeBytes: number;
  moovBytes: number;
  /** Of the index, what grows with the recording. */
  tableBytes: number;
  /** Bytes that the finish itself wrote. */
  bytesWritten: number;
  videoFrames: number;
  audioFrames: number;
  /** Of the presentation. */
  durationMs: number;
  createdMs: number;
  sequence: number;
  /** What the last instant before a crash left unusable; null after an orderly end. */
  lost: Mp4Loss | null;
  /** Gaps that the journal lists. */
  gaps: Readonly<Record<string, unknown>>[];
  /** The journal was an orphan's: its server did not finish it itself. */
  recovered: boolean;
}
