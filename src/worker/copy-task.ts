// The copy task, run by the finish pool: a final file into another folder. It shares blocks where the file system can
// (reflink), and gets its name when it is whole: what a crash leaves is `<name>.copying`, which the next try removes,
// also where there is nothing to copy any more.

import { closeSync, constants, copyFileSync, existsSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolderSync } from "../base/make-folder.js";
import { ReelError } from "../base/reel-error.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { MANIFEST_SUFFIX } from "../container/manifest.js";
import { replacementPathOf } from "../container/mp4/journal-files.js";
import { placeFile } from "../container/mp4/place-file.js";
import { syncData, syncFolderOf } from "../container/sync-file.js";

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** As the catalogue has it: a file of another size is another file. */
  readonly sizeBytes: number;
  /** Its manifest goes with it. */
  readonly hasManifest: boolean;
  /** An older file of that name is replaced. */
  readonly overwrite: boolean;
}

export interface CopyResult {
  readonly failure: FileFailure | undefined;
}

export const COPYING_SUFFIX = ".copying";
const FOLDER_MODE = 0o755;
const COMPARED_BYTES = 1 << 20;

export function copy({ from, to, sizeBytes, hasManifest, overwrite }: CopyRequest): CopyResult {
  try {
    for (const name of [to, to + MANIFEST_SUFFIX]) removeLeftOver(name, overwrite);
    const size = statSync(from, { throwIfNoEntry: false })?.size;
    if (size === undefined) throw new ReelError("notFound", `${from} is not there any more`, { path: from });
    if (size !== sizeBytes)
      throw new ReelError("lostFile", `${from} has ${size} bytes and should have ${sizeBytes}`, { path: from });
    makeFolderSync(dirname(to), FOLDER_MODE);
    copyOne(from, to, overwrite);
    if (hasManifest) copyOne(from + MANIFEST_SUFFIX, to + MANIFEST_SUFFIX, overwrite);
    // Of the file that it replaced.
    else if (overwrite) rmSync(to + MANIFEST_SUFFIX, { force: true });
    syncFolderOf(to);
    return { failure: undefined };
  } catch (error) {
    return { failure: fileFailure(error, to) };
  }
}

/** A crash behind the last step leaves both names. */
function removeLeftOver(to: string, overwrite: boolean): void {
  rmSync(to + COPYING_SUFFIX, { force: true });
  if (overwrite) rmSync(replacementPathOf(to), { force: true });
}

/** The same file under its name is the copy that a crash kept from being told. */
function copyOne(from: string, to: string, overwrite: boolean): void {
  if (existsSync(to) && hasSameBytes(from, to)) return;
  const temporary = to + COPYING_SUFFIX;
  try {
    copyFileSync(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const fd = openSync(temporary, "r");
    try {
      syncData(fd, temporary);
    } finally {
      closeSync(fd);
    }
    placeFile({ source: temporary, target: to, finalPath: to, overwrite });
  } finally {
    rmSync(temporary, { force: true });
  }
}

function hasSameBytes(a: string, b: string): boolean {
  if (statSync(a).size !== statSync(b).size) return false;
  const fds = [openSync(a, "r"), openSync(b, "r")] as const;
  const buffers = [Buffer.alloc(COMPARED_BYTES), Buffer.alloc(COMPARED_BYTES)] as const;
  try {
    for (;;) {
      const read = readSync(fds[0], buffers[0]);
      if (readSync(fds[1], buffers[1]) !== read) return false;
      if (read === 0) return true;
      if (!buffers[0].subarray(0, read).equals(buffers[1].subarray(0, read))) return false;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}
