// The move task, run by the finish pool: gives an unfinished segment another name, or completes a move that a crash
// interrupted. It asks locks and renames, which a frozen volume may hold up.

import type { ContainerName } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { CONTAINERS } from "../container/table.js";

export interface MoveRequest {
  container: ContainerName;
  from: string;
  /** Without it an interrupted move is completed, no more. */
  to: string | undefined;
  /** The lock of the calling server. */
  lockPath: string;
}

export interface MoveResult {
  /** The name that the segment has now; undefined where it could not be moved and is as it was. */
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
