// Gives the journal of a segment that nobody writes another name in its folder. A crash at any instant leaves a move
// that the next one who looks completes:
//
//   line `move` ─▶ sync ─▶ link name.mp4.info as name_0001.mp4.info ─▶ rename the others ─▶ remove name.mp4.info
//
// As long as both names lead to one `.info` the move is not complete, and each other file lies under one of the two.
// The link fails where the new name has an `.info`, so no other journal is ever replaced.

import { closeSync, constants, existsSync, fdatasyncSync, fstatSync, linkSync, openSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isLockHeld, lockDescriptor } from "../../base/file-lock.js";
import { ReelError } from "../../base/reel-error.js";
import { syncFolderOf } from "../sync-file.js";
import { BODY_SUFFIXES, infoPathOf } from "./journal-files.js";
import { appendLine, type JournalContents, readJournalInfo } from "./journal-info.js";
import { isSameFile, removeIfThere } from "./place-file.js";

export interface PendingMove {
  from: string;
  to: string;
}

/**
 * Moves a journal, after what an earlier move of it left has been completed; without `to` that alone. Returns the name
 * that the segment has now, which is `to` also where there is no journal. Throws ReelError `locked` (a running server
 * or another tool is at it), `targetBusy` (the new name has files), `corrupt`; nothing is moved then.
 */
export function moveJournal(from: string, to: string | undefined, ownLockPath: string): string {
  const infoPath = infoPathOf(from);
  const gone = (): string => {
    if (to !== undefined) return to;
    throw new ReelError("notFound", `${infoPath} is gone`, { path: infoPath });
  };
  if (!existsSync(infoPath)) return gone();
  const fd = openSync(infoPath, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const contents = readJournalInfo(infoPath);
    mustBeOrphan(from, contents, ownLockPath);
    if (!lockDescriptor(fd))
      throw new ReelError("locked", `${from} is being finished by another process`, { path: from });
    // The one that held the lock may have completed the work.
    if (!isStill(fd, infoPath)) return gone();
    const now = settleMove(from, contents);
    if (to === undefined || now !== from) return now;
    beginMove(fd, from, to);
    completeMove({ from, to });
    return to;
  } finally {
    closeSync(fd);
  }
}

/** Throws ReelError `locked` where the server that the journal names is alive, and another than the caller. */
export function mustBeOrphan(path: string, { segment }: JournalContents, ownLockPath: string | undefined): void {
  if (segment.lock === ownLockPath || !isLockHeld(segment.lock)) return;
  throw new ReelError(
    "locked",
    `${path} is being recorded or finished by the running server that holds ${segment.lock}`,
    { path },
  );
}

/** True while the name leads to the file that is open. */
export function isStill(fd: number, path: string): boolean {
  const { ino, dev } = fstatSync(fd, { bigint: true });
  return isSameFile(path, { ino, dev });
}

/** The move that a crash interrupted, in absolute names. */
export function pendingMove(path: string, { move }: JournalContents): PendingMove | undefined {
  if (!move) return undefined;
  const from = join(dirname(path), move.from);
  const to = join(dirname(path), move.to);
  return isSameFile(infoPathOf(from), infoPathOf(to)) ? { from, to } : undefined;
}

/** Completes an interrupted move; the caller holds the lock of `.info`. Returns the name that the segment has now. */
export function settleMove(path: string, contents: JournalContents): string {
  const pending = pendingMove(path, contents);
  if (!pending) return path;
  completeMove(pending);
  return pending.to;
}

function beginMove(infoFd: number, from: string, to: string): void {
  const taken = BODY_SUFFIXES.find((suffix) => existsSync(to + suffix));
  if (taken) throw new ReelError("targetBusy", `${to}${taken} exists`, { path: to });
  appendLine(infoFd, { type: "move", from: basename(from), to: basename(to) });
  fdatasyncSync(infoFd);
  try {
    linkSync(infoPathOf(from), infoPathOf(to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ReelError("targetBusy", `${infoPathOf(to)} exists`, { path: to }, { cause: error });
  }
}

function completeMove({ from, to }: PendingMove): void {
  const left = BODY_SUFFIXES.filter((suffix) => existsSync(from + suffix));
  const twice = left.find((suffix) => existsSync(to + suffix));
  if (twice)
    throw new ReelError("corrupt", `${from} was being moved to ${to}, and both have a file ${twice}`, { path: from });
  for (const suffix of left) renameSync(from + suffix, to + suffix);
  // The new names must be there for good before the mark of the move goes.
  syncFolderOf(to);
  removeIfThere(infoPathOf(from));
}
