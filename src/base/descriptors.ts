// How many files this process may have open. Node raises its soft limit to the hard one when it starts, so what is
// found here is all there is.

import { readFileSync } from "node:fs";

/**
 * Enough to load every module at once, which takes more than an idle server (60): Node opens all modules of a level
 * together, and threads load beside it. 256 were too few for the 540 modules of 27 November 2026. What loading takes
 * is enough for listeners, clients, the ledger and the catalogue later.
 */
export const MIN_DESCRIPTORS = 512;
/** The publisher or puller; of an MP4 `.mdat` and a file for each of two tracks, and one while it is finished. */
const PER_RECORDING = 5;

/** Infinity where the system does not say. */
export function descriptorLimit(limits = ownLimits()): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

/** What so many recordings at a time want. */
export function descriptorsFor(recordings: number): number {
  return MIN_DESCRIPTORS + PER_RECORDING * recordings;
}

function ownLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
