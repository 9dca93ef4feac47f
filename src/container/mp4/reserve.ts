// How much space to keep for the index in front of the media.

import { alignReserve } from "./file-head.js";

// What an index costs: 25 to 60 pictures a second with 4 bytes each for the size and runs of 8 for decoding and
// composition times, 50 audio frames of 4 bytes, two chunks a second of each track. A segment that needs more is
// inserted into or copied; its followers are given what it showed.
const GUESSED_SAMPLES_PER_SECOND = 60 + 50;
const GUESSED_BYTES_PER_SAMPLE = 10;
const HEADERS_BYTES = 4096;
const WITHOUT_LENGTH_BYTES = 512 * 1024;
const OBSERVED_MARGIN = 1.125;

/**
 * Bytes to reserve for a segment. `observedBytesPerSecond`: what the index of the stream's last segment took per second
 * of it (moovBytes / duration).
 */
export function reserveFor(chunkLengthSeconds: number, observedBytesPerSecond?: number): number {
  if (!(chunkLengthSeconds > 0)) return alignReserve(WITHOUT_LENGTH_BYTES);
  const perSecond = observedBytesPerSecond
    ? observedBytesPerSecond * OBSERVED_MARGIN
    : GUESSED_SAMPLES_PER_SECOND * GUESSED_BYTES_PER_SAMPLE;
  return alignReserve(HEADERS_BYTES + Math.ceil(chunkLengthSeconds * perSecond));
}
