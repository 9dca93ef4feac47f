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
/** Below this much media a rate is a guess: a segment of two pictures says nothing of an hour. */
const OBSERVED_MIN_MS = 10_000;
/** A day of what is guessed. A longer index is inserted where the volume can, else copied. */
const MAX_RESERVE_BYTES = 128 << 20;

/** What the index of a finished segment took. */
export interface ObservedIndex {
  /** Without the parts whose size does not depend on the segment's length. */
  tableBytes: number;
  durationMs: number;
}

/**
 * Bytes to reserve for a segment. `observed`: of an earlier segment of the stream; one that was too short to tell a
 * rate counts for nothing.
 */
export function reserveFor(chunkLengthSeconds: number, observed?: ObservedIndex): number {
  if (!(chunkLengthSeconds > 0)) return alignReserve(WITHOUT_LENGTH_BYTES);
  const perSecond =
    observed && observed.durationMs >= OBSERVED_MIN_MS
      ? ((observed.tableBytes * 1000) / observed.durationMs) * OBSERVED_MARGIN
      : GUESSED_SAMPLES_PER_SECOND * GUESSED_BYTES_PER_SAMPLE;
  return alignReserve(Math.min(MAX_RESERVE_BYTES, HEADERS_BYTES + Math.ceil(chunkLengthSeconds * perSecond)));
}

/** The newer of two observations, unless it is too short to say anything. */
export function newestUsable(
  before: ObservedIndex | undefined,
  newer: ObservedIndex | undefined,
): ObservedIndex | undefined {
  return newer && newer.durationMs >= OBSERVED_MIN_MS ? newer : before;
}
