// Whether somebody is writing a file. Where a process hides what it has open, a file that was written a moment ago
// counts as live, because a recording writes at least every 500 ms and is given up after 30 s without progress.

import { realpathSync, statSync } from "node:fs";
import { processName, writersOf } from "../base/file-writer.js";

const LIVE_MS = 60_000;

/** A sentence that says who writes the file, or undefined where nobody does. */
export function writerOf(path: string, nowMs = Date.now()): string | undefined {
  const real = realpathSync(path);
  const { pids, areAllSeen } = writersOf(real);
  const [pid] = pids;
  if (pid !== undefined) return `process ${pid} (${processName(pid)}) is writing it`;
  const ageMs = nowMs - statSync(real).mtimeMs;
  if (areAllSeen || ageMs >= LIVE_MS) return undefined;
  return `it was written ${Math.max(0, Math.round(ageMs / 1000))} s ago, and not every process could be asked whether it is writing it; try again as root, or in a minute`;
}
