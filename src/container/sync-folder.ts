// Makes the names of a folder survive a power cut.

import { closeSync, constants, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Syncs the folder that a file is in. */
export function syncFolderOf(path: string): void {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
