// The move task, run by the finish pool: gives an unfinished segment another name, or completes a move that a crash
// interrupted. It takes locks and renames files, and a frozen volume may delay both.

import type { ContainerName } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { CONTAINERS } from "../container/table.js";

export interface MoveRequest {
  container: ContainerName;
  from: string;
  /** Without it the task only completes an interrupted move. */
  to: string | undefined;
  /** The lock of the calling server. */
  lockPath: string;
}

export interface MoveResult {
  /** The name that the segment has now; undefined if it could not be moved and is unchanged. */
  path: string | undefined;
  failure: FileFailure | undefined;
}

export function move({ container, from, to, lockPath }: MoveRequest): MoveResult {
  try {
    return { path: CONTAINERS[container].move(from, to, lockPath), failure: undefined };
  } catch (error) {
    return { path: undefined, failure: fileFailure(error, from) };
  }
}
