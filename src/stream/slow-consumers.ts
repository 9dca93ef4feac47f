// Slow consumers: recordings that fall behind their siblings (design.md §2). When the ring is full and others keep up,
// their cursors lose their place; the gap is theirs alone. Where all lag nobody is moved: then the source is held back.

import { FLAG_RANDOM_ACCESS } from "../abi/frame.js";
import type { FrameRing, RingFrame } from "../arena/frame-ring.js";
import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";
import type { Cursor } from "./cursor.js";

/** What must be known of a stream to move its slow consumers. */
export interface LaggingStream {
  readonly ring: FrameRing;
  /** dts of the newest frame of each track. */
  readonly lastDts90k: readonly Ticks90k[];
}

/** Moves the cursors that lag by more than the limit while a sibling keeps up. True where one was moved. */
export function jumpSlowConsumers(stream: LaggingStream, cursors: Iterable<Cursor>, limit90k: Ticks90k): boolean {
  const lags = [...cursors].map((cursor) => ({ cursor, lag90k: lagOf(stream, cursor) }));
  if (Math.min(...lags.map((entry) => entry.lag90k)) > limit90k / 2) return false;
  let moved = false;
  for (const { cursor, lag90k } of lags) if (lag90k > limit90k) moved = jump(stream, cursor) || moved;
  return moved;
}

/** Media time between a cursor and the newest frame. */
export function lagOf({ ring, lastDts90k }: LaggingStream, cursor: Cursor): Ticks90k {
  const frame = ring.frameAt(cursor.tail());
  return frame ? Math.max(0, (lastDts90k[frame.track] ?? 0) - frame.dts90k) : 0;
}

/**
 * Moves a cursor to the newest random access point, or to the head to wait for the next, and tells its recording what
 * it lost.
 */
function jump(stream: LaggingStream, cursor: Cursor): boolean {
  if (!cursor.tryLock()) return false;
  try {
    const { ring, lastDts90k } = stream;
    const { mainVideo } = cursor;
    const from = ring.frameAt(cursor.tail());
    if (!from) return false;
    let target: number | undefined;
    let lost = { frames: 0, bytes: 0, dts90k: lastDts90k[from.track] ?? from.dts90k };
    let frames = 0;
    let bytes = 0;
    for (let frame: RingFrame | undefined = from; frame; frame = ring.frameAt(frame.next)) {
      if (frame.index !== from.index && isLanding(ring, frame, mainVideo)) {
        target = frame.index;
        lost = { frames, bytes, dts90k: frame.dts90k };
        if (mainVideo === undefined) break;
      }
      if (cursor.hasTaken(frame.track, frame.index)) continue;
      frames++;
      bytes += frame.sizeBytes;
    }
    if (target === undefined) lost = { ...lost, frames, bytes };
    cursor.jump(target ?? ring.head, target === undefined);
    cursor.onGap({
      cause: "lag",
      track: null,
      dtsMs: from.dts90k / TICKS_PER_MS,
      durationMs: (lost.dts90k - from.dts90k) / TICKS_PER_MS,
      frames: lost.frames,
      bytes: lost.bytes,
    });
    return true;
  } finally {
    cursor.unlock();
  }
}

/** Where a cursor may go on: a random access point, without video the newest quarter of the ring. */
function isLanding(ring: FrameRing, frame: RingFrame, mainVideo: number | undefined): boolean {
  if (mainVideo !== undefined) return frame.track === mainVideo && (frame.flags & FLAG_RANDOM_ACCESS) !== 0;
  return (ring.head - frame.index) >>> 0 < ring.capacity / 4;
}
