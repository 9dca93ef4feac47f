// Syncs, each a promise that what was written survives a power cut. One that fails breaks the promise for good: Linux
// drops what it could not write, reports it once, and the next sync passes (ENOSPC, then EIO, then success was seen on
// ext4). So a failure has a code of its own, and is never tried again as if a later success proved something.

import { closeSync, constants, fdatasyncSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { ReelError } from "../base/reel-error.js";
import { reasonOf } from "./file-failure.js";

/** Throws ReelError `notDurable`. `path` is for the message. */
export function syncData(fd: number, path: string): void {
  try {
    fdatasyncSync(fd);
  } catch (error) {
    throw notDurable(path, error);
  }
}

/** Makes the names in the folder of a file survive a power cut. */
export function syncFolderOf(path: string): void {
  const folder = dirname(path);
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } catch (error) {
    throw notDurable(folder, error);
  } finally {
    closeSync(fd);
  }
}

export function notDurable(path: string, cause: unknown): ReelError {
  const message = `Unable to sync ${path}: ${reasonOf(cause)}. What was written to it may not be on the disk`;
  return new ReelError("notDurable", message, { path, errno: (cause as NodeJS.ErrnoException).code }, { cause });
}
