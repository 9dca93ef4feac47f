// Which of the media volumes is told of: the one that needs somebody first.

import type { VolumeState } from "../state/server-types.js";

/** One that does not answer first, then the one that is full first, then the one with the smallest free share. */
export function byRoom(a: VolumeState, b: VolumeState): number {
  if (a.answers !== b.answers) return Number(a.answers) - Number(b.answers);
  if (a.fullInSeconds !== b.fullInSeconds)
    return (a.fullInSeconds ?? Number.MAX_VALUE) - (b.fullInSeconds ?? Number.MAX_VALUE);
  return a.freeBytes * b.sizeBytes - b.freeBytes * a.sizeBytes;
}
