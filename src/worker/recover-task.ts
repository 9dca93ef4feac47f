// The recovery task, run by the finish pool: makes what a crash left of a segment final. For MP4 this is the usual
// finish. MPEG-TS and FLV lose the incomplete packet or tag at their end, and FLV gets its duration.

import type { ContainerName, Orphan, RecoveredSegment } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { CONTAINERS } from "../container/table.js";

export interface RecoverRequest extends Orphan {
  container: ContainerName;
}

export interface RecoverResult extends Omit<RecoveredSegment, "path"> {
  /** The final file; undefined after a failure. */
  path: string | undefined;
  failure: FileFailure | undefined;
}

export function recover(request: RecoverRequest): RecoverResult {
  try {
    return { ...CONTAINERS[request.container].recover(request), failure: undefined };
  } catch (error) {
    return notRecovered(fileFailure(error, request.path));
  }
}

export function notRecovered(failure: FileFailure): RecoverResult {
  return {
    path: undefined,
    finish: "none",
    sizeBytes: 0,
    modifiedMs: 0,
    videoFrames: 0,
    audioFrames: 0,
    durationMs: 0,
    lost: null,
    gaps: [],
    createdMs: 0,
    origin: undefined,
    tracks: [],
    failure,
  };
}
