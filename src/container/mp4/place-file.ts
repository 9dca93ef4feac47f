// Gives a finished MP4 its name in one step, and removes what it was made from. Both can be repeated after a crash at
// any instant:
//
//   link (or rename over an old file) ─▶ sync the folder ─▶ remove .trackN ─▶ .mdat ─▶ .copy, .new ─▶ .info
//
// As long as `.info` exists there is something left to do; while `.mdat` or `.copy` exists, a final file of the same
// inode is ours.

import { existsSync, linkSync, renameSync, statSync, unlinkSync } from "node:fs";
import { ReelError } from "../../base/reel-error.js";
import { BODY_SUFFIXES, infoPathOf, replacementPathOf } from "./journal-files.js";

/** Errors of link(2) on file systems without hard links (FAT, some network mounts). */
const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"]);

export interface Placing {
  /** The complete file under its temporary name. */
  source: string;
  finalPath: string;
  /** The name it gets: as a rule the final path. */
  target: string;
  overwrite: boolean;
}

/** Throws ReelError `targetBusy` where the target exists and may not be replaced. */
export function placeFile(placing: Placing): void {
  const { source, target, finalPath, overwrite } = placing;
  if (isSameFile(source, target)) return;
  if (overwrite) {
    replaceFile(source, target, replacementPathOf(finalPath));
    return;
  }
  try {
    linkSync(source, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw targetExists(target, error);
    if (!code || !NO_HARD_LINKS.has(code)) throw error;
    // Without links the check and the rename are two steps. The names of a server are its own (reservations), so only a
    // stranger could come between.
    if (existsSync(target)) throw targetExists(target, error);
    renameSync(source, target);
  }
}

function targetExists(target: string, cause: unknown): ReelError {
  return new ReelError("targetBusy", `${target} exists and may not be replaced`, { path: target }, { cause });
}

/** The source keeps its name besides, so that a crash right behind is recognised. */
function replaceFile(source: string, target: string, temporary: string): void {
  removeIfThere(temporary);
  try {
    linkSync(source, temporary);
  } catch (error) {
    if (!NO_HARD_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    renameSync(source, target);
    return;
  }
  renameSync(temporary, target);
}

/** True where both names lead to one file. */
export function isSameFile(a: string, b: string | { ino: bigint; dev: bigint }): boolean {
  const first = statSync(a, { bigint: true, throwIfNoEntry: false });
  const second = typeof b === "string" ? statSync(b, { bigint: true, throwIfNoEntry: false }) : b;
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

/** Removes all temporary files of a segment, `.info` last. */
export function removeJournal(finalPath: string): void {
  for (const suffix of BODY_SUFFIXES) removeIfThere(finalPath + suffix);
  removeIfThere(infoPathOf(finalPath));
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
