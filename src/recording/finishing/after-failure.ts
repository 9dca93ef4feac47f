// What becomes of a finish that failed: the policy, apart from the tries (finisher.ts).
//
//   nextName  another file has the name: at once, under the next free number
//   later     it may succeed when the disk has room, or the volume is back: again, after a pause
//   unsynced  a sync has failed, which no later one makes good: at once, without
//   inPlace   the file plays as it is, only a patch or a sync is missing: closed as it stands
//   lost      somebody took the file away: nothing of it is touched, it ends with its event
//   never     trying again gives the same: it ends, with its event
//   atStart   the server stops: the recovery of the next start goes on with the journal

import type { ErrorCode } from "../../base/reel-error.js";

export type AfterFailure = "lost" | "nextName" | "later" | "unsynced" | "inPlace" | "never" | "atStart";

/**
 * Of a journal: gone, unreadable, or such that the kernel traps on it. A symbolic link in its place is somebody's
 * doing.
 */
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["notFound", "corrupt", "trap", "badPath"]);

/**
 * `hasJournal`: until it is final the segment is a journal (MP4), else a file that plays while it grows. `arenaFull`
 * means that no thread has seen the segment yet, so its descriptors are still open: it is tried again in any case.
 */
export function afterFailure(code: ErrorCode, hasJournal: boolean, isClosing: boolean): AfterFailure {
  if (code === "lostFile") return "lost";
  if (hasJournal && code === "targetBusy") return "nextName";
  if (hasJournal && code === "notDurable") return "unsynced";
  if (hasJournal && LASTING.has(code)) return "never";
  if (!hasJournal && (isClosing || code !== "arenaFull")) return "inPlace";
  return isClosing ? "atStart" : "later";
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** The pause behind the n-th failure, counted from 0. */
export function pauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
}
