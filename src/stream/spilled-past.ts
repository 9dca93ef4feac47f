// What of a stream's past no longer lies in its ring: stretches of frames on a disk, oldest first, each as it lay in
// the ring. The ring goes on where the newest one ends.
//
//   ──[ stretch │ stretch │ hole │ stretch ][ ring ··· │ head
//
// A hole is what the disk has lost, or could not take: it keeps what is to be counted. Neither the oldest nor two side
// by side. A place is where somebody reads, or will: what holds one stays, as long as there is room.

import { MAX_TRACKS } from "../abi/frame.js";
import { CopiedFrames } from "../arena/copied-frames.js";
import type { FrameRing } from "../arena/frame-ring.js";
import type { Ticks90k } from "../time/units.js";

/** Where a recording can begin. */
export interface Point {
  readonly index: number;
  readonly dts90k: Ticks90k;
}

/** Bytes that a store has taken. */
export interface StoredBytes {
  /** Freeing it makes no room as yet. */
  readonly isBeingWritten: boolean;
  /** Rejects with what the disk says. */
  read(): Promise<Uint8Array>;
  free(): void;
}

/** Where stretches go; it bounds what all streams together may have there. */
export interface PastStore {
  readonly limitBytes: number;
  readonly usedBytes: number;
  /** False where it takes nothing now, whatever is given up: its disk fails, or is slower than the streams. */
  readonly isAvailable: boolean;
  /**
   * `fill` is called at once, with room for so many bytes; `lost` later, where they could not be written. undefined
   * where there is no room.
   */
  put(sizeBytes: number, fill: (target: Uint8Array) => void, lost: () => void): StoredBytes | undefined;
}

export interface FrameCount {
  readonly frames: number;
  readonly bytes: number;
}

export interface Stretch {
  readonly index: number;
  readonly sizeBytes: number;
  readonly points: readonly Point[];
  /** As `countFrames` has them. */
  readonly counts: Float64Array;
  /** Of its first frame. */
  readonly begin90k: Ticks90k;
  /** undefined of a hole. */
  readonly stored: StoredBytes | undefined;
}

/** What lies in front of each point of a stretch, and in all of it: frames and bytes of payload of each track. */
export function countFrames(bytes: Uint8Array, index: number, points: readonly Point[]): Float64Array {
  const sum = new Float64Array(2 * MAX_TRACKS);
  let tracks = 0;
  for (const frames = new CopiedFrames(bytes); frames.next(); ) tracks = Math.max(tracks, frames.header.track + 1);
  const width = 2 * tracks;
  const counts = new Float64Array((points.length + 1) * width);
  let point = 0;
  for (const frames = new CopiedFrames(bytes); frames.next(); ) {
    if (points[point]?.index === (index + frames.offset) >>> 0) counts.set(sum.subarray(0, width), point++ * width);
    const at = frames.header.track * 2;
    sum[at] = (sum[at] ?? 0) + 1;
    sum[at + 1] = (sum[at + 1] ?? 0) + frames.sizeBytes;
  }
  counts.set(sum.subarray(0, width), points.length * width);
  return counts;
}

/** Of a track, in front of that point; behind the last point stands what the whole stretch has. */
export function countBefore({ counts, points }: Stretch, point: number, track: number): FrameCount {
  const width = counts.length / (points.length + 1);
  const at = point * width + track * 2;
  return track * 2 < width ? { frames: counts[at] ?? 0, bytes: counts[at + 1] ?? 0 } : { frames: 0, bytes: 0 };
}

/** What the ring has from one index to another, as a hole. */
export function holeInRing(ring: FrameRing, index: number, sizeBytes: number): Stretch {
  const counts = new Float64Array(2 * MAX_TRACKS);
  const first = ring.frameAt(index);
  for (let frame = first; frame && (frame.index - index) >>> 0 < sizeBytes; frame = ring.frameAt(frame.next)) {
    const at = frame.track * 2;
    counts[at] = (counts[at] ?? 0) + 1;
    counts[at + 1] = (counts[at + 1] ?? 0) + frame.sizeBytes;
  }
  return { index, sizeBytes, points: [], counts, begin90k: first?.dts90k ?? 0, stored: undefined };
}

function holeOf(stretch: Stretch): Stretch {
  const width = stretch.counts.length / (stretch.points.length + 1);
  return { ...stretch, points: [], counts: stretch.counts.slice(-width), stored: undefined };
}

function asOne(hole: Stretch, behind: Stretch): Stretch {
  const counts = new Float64Array(Math.max(hole.counts.length, behind.counts.length));
  for (const one of [hole.counts, behind.counts])
    one.forEach((count, at) => {
      counts[at] = (counts[at] ?? 0) + count;
    });
  return { ...hole, sizeBytes: hole.sizeBytes + behind.sizeBytes, counts };
}

export class SpilledPast {
  #stretches: Stretch[] = [];
  /** On the disk: without holes. */
  sizeBytes = 0;

  get all(): readonly Stretch[] {
    return this.#stretches;
  }
  get oldest(): Stretch | undefined {
    return this.#stretches[0];
  }
  get newest(): Stretch | undefined {
    return this.#stretches.at(-1);
  }

  get hasHoles(): boolean {
    return this.#stretches.some(({ stored }) => !stored);
  }

  add(stretch: Stretch): void {
    this.#stretches.push(stretch);
    if (stretch.stored) this.sizeBytes += stretch.sizeBytes;
    else this.#tidy();
  }

  /** Its bytes are gone: a hole is in its place. */
  lose(stretch: Stretch): void {
    stretch.stored?.free();
    this.sizeBytes -= stretch.sizeBytes;
    this.#stretches[this.#stretches.indexOf(stretch)] = holeOf(stretch);
    this.#tidy();
  }

  /** Those up to that one go, oldest first; answered for whoever reads there. */
  dropUpTo(last: Stretch): Stretch[] {
    const gone = this.#stretches.splice(0, this.#stretches.indexOf(last) + 1);
    for (const { stored, sizeBytes } of gone) {
      if (!stored) continue;
      stored.free();
      this.sizeBytes -= sizeBytes;
    }
    this.#tidy();
    return gone;
  }

  #tidy(): void {
    const tidied: Stretch[] = [];
    for (const stretch of this.#stretches) {
      const before = tidied.at(-1);
      if (stretch.stored) tidied.push(stretch);
      else if (before && !before.stored) tidied[tidied.length - 1] = asOne(before, stretch);
      else if (before) tidied.push(stretch);
    }
    this.#stretches = tidied;
  }

  after(stretch: Stretch): Stretch | undefined {
    return this.#stretches[this.#stretches.indexOf(stretch) + 1];
  }

  /** From the place of an index in a stretch to the end of the newest one. */
  bytesFrom(stretch: Stretch, index: number): number {
    let bytes = -((index - stretch.index) >>> 0);
    for (let i = this.#stretches.indexOf(stretch); i < this.#stretches.length; i++)
      bytes += this.#stretches[i]?.sizeBytes ?? 0;
    return bytes;
  }
}
