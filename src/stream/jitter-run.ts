// Runs of frames whose time was mended (design.md §4): clamped to just after their predecessors, or shown at their
// decoding time. A run is one entry: nothing is missing, and a source with a broken clock must not flood the events.

import type { TrackKind } from "../media/codec/codec-entry.js";
import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";
import { type Gap, type GapCause, trackName } from "./gap.js";

export class JitterRun {
  #frames = 0;
  #kind: TrackKind | undefined;
  #track = 0;
  #from90k: Ticks90k = 0;

  constructor(private readonly cause: GapCause) {}

  get isRunning(): boolean {
    return this.#frames > 0;
  }

  mended(track: number, kind: TrackKind | undefined, dts90k: Ticks90k): void {
    if (this.#frames++ > 0) return;
    this.#track = track;
    this.#kind = kind;
    this.#from90k = dts90k;
  }

  /**
   * Ends the run, if there is one: with the stream, or with a frame in order of the `track` that it began with.
   * `lastDts90k`: of each track.
   */
  end(lastDts90k: readonly Ticks90k[], track = this.#track): Gap | undefined {
    if (this.#frames === 0 || track !== this.#track) return undefined;
    this.#frames = 0;
    const durationMs = Math.max(0, (lastDts90k[this.#track] ?? this.#from90k) - this.#from90k) / TICKS_PER_MS;
    return {
      cause: this.cause,
      track: trackName(this.#kind),
      dtsMs: this.#from90k / TICKS_PER_MS,
      durationMs,
      frames: 0,
      bytes: 0,
    };
  }
}
