// What has come of an in-stream, counted by whoever puts its frames into the ring.

import { MAX_TRACKS } from "../abi/frame.js";
import type { Millis, Ticks90k } from "../time/units.js";

export interface TrackStatistics {
  frames: number;
  bytes: number;
  droppedFrames: number;
  droppedBytes: number;
}

export class StreamCounters {
  readonly statistics: TrackStatistics[] = [];
  /** dts of the newest frame of each track; -Infinity before the first. */
  readonly lastDts90k: Ticks90k[] = [];
  /** dts of the newest random access point of the video; -Infinity before the first. */
  lastRandomAccess90k: Ticks90k = Number.NEGATIVE_INFINITY;
  /** Between the last two of them; NaN before there were two. */
  randomAccessInterval90k: Ticks90k = Number.NaN;
  /** When the last frame came, monotonic. A number from the start, as in TrackClock. */
  lastFrameMs: Millis = Number.NaN;
  /** Frames that were clamped to just after their predecessors. */
  jitterFrames = 0;
  /** Frames whose composition offset was out of bounds. */
  unboundOffsetFrames = 0;

  constructor(createdMs: Millis) {
    this.lastFrameMs = createdMs;
    for (let track = 0; track < MAX_TRACKS; track++) {
      this.statistics.push({ frames: 0, bytes: 0, droppedFrames: 0, droppedBytes: 0 });
      this.lastDts90k.push(Number.NEGATIVE_INFINITY);
    }
  }

  /** A frame was put into the ring; `isRandomAccess`: of the main video. */
  count(track: number, sizeBytes: number, dts90k: Ticks90k, isRandomAccess: boolean): void {
    const own = this.statistics[track];
    if (own) {
      own.frames++;
      own.bytes += sizeBytes;
    }
    this.lastDts90k[track] = dts90k;
    if (!isRandomAccess) return;
    if (Number.isFinite(this.lastRandomAccess90k)) this.randomAccessInterval90k = dts90k - this.lastRandomAccess90k;
    this.lastRandomAccess90k = dts90k;
  }

  /** Place of the newest frame of all tracks. */
  get newest90k(): Ticks90k {
    let newest = 0;
    for (const dts90k of this.lastDts90k) if (dts90k > newest) newest = dts90k;
    return newest;
  }

  get hasFrames(): boolean {
    return this.statistics.some(({ frames }) => frames > 0);
  }
}
