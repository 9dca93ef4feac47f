// What a drain thread is given, and what it answers.

import type { SegmentOpening } from "../container/container.js";
import type { FileFailure } from "../container/file-failure.js";
import type { Unwritten } from "./segment-snapshot.js";

/** One recording's part of a batch. */
export interface DrainItem {
  recording: number;
  /** Number of this dispatch, unique in the process (src/abi/recording.ts, claim). */
  ticket: number;
  segment: number;
  /** Where what was done of it is kept (drain-record.ts). */
  record: number;
  /** The thread that had it died in the middle. */
  isResumed: boolean;
  /** Final path of the segment, for tracks that join late. */
  path: string;
  /** Set if the segment is still to be opened. */
  opening: SegmentOpening | undefined;
  /** Gaps to note beside the segment, if its container has a place for them. */
  gaps: readonly object[] | undefined;
  /** Blocks of media that are hashed; undefined where the file has no manifest. */
  hashed?: number | undefined;
}

export interface DrainBatch {
  /** Output buffer that only this batch uses. */
  out: number;
  outBytes: number;
  /** A counter that every write raises, so that a stuck call can be told from a busy one. */
  heartbeat: number;
  /** SAVED_SIZE bytes: the states of the segment and recording under the kernel, as they were before the call. */
  saved: number;
  items: DrainItem[];
}

export interface DrainResult {
  /** False if the main thread took the recording back before this task claimed it. */
  claimed: boolean;
  /** The kernel's last STATUS_*. */
  status: number;
  opened: boolean;
  writtenBytes: number;
  /** What the writes took. */
  writeMs: number;
  failure: FileFailure | undefined;
  /** What a batch held that could not be written. The segment's counters leave it out. */
  unwritten: Unwritten | undefined;
  /** Hashes of further blocks that became whole. */
  blocks?: readonly string[];
}
