// What of a stream's past no longer lies in its ring: stretches of frames on a disk, oldest first, each as it lay in
// the ring. The ring goes on where the newest one ends.
//
//   ──[ stretch │ stretch │ stretch ][ ring ··· │ head
//
// A place is where somebody reads, or will: what holds one stays, as long as there is room.

import { MAX_TRACKS } from "../abi/frame.js";
import { CopiedFrames } from "../arena/copied-frames.js";
import type { Ticks90k } from "../time/units.js";

/** Where a recording can begin. */
export interface Point {
  readonly index: number;
  readonly dts90k: Ticks90k;
}

/** Bytes that a store has taken. */
export interface StoredBytes {
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
  readonly stored: StoredBytes;
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

export class SpilledPast {
  #stretches: Stretch[] = [];
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

  add(stretch: Stretch): void {
    this.#stretches.push(stretch);
    this.sizeBytes += stretch.sizeBytes;
  }

  /** Those up to that one go, oldest first; answered for whoever reads there. */
  dropUpTo(last: Stretch): Stretch[] {
    const gone = this.#stretches.splice(0, this.#stretches.indexOf(last) + 1);
    for (const { stored, sizeBytes } of gone) {
      stored.free();
      this.sizeBytes -= sizeBytes;
    }
    return gone;
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
