// What an in-stream tells of its losses, jumps and mended times (design.md §4): each is one entry, and a run of mended
// or dropped frames is one, too.

import type { TrackKind } from "../media/codec/codec-entry.js";
import type { Splice } from "../time/timeline.js";
import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import { type Gap, type GapCause, trackName } from "./gap.js";
import { JitterRun } from "./jitter-run.js";
import { OverflowRun } from "./overflow-run.js";
import type { StreamCounters } from "./stream-counters.js";

/** Encoders reorder over a few frames; one that says hours has a broken clock. The same as for MPEG-TS. */
const MAX_CTS_OFFSET_90K = 10 * TICKS_PER_SECOND;
/** Short holds are how back-pressure works; one that a viewer could notice is reported. */
const HELD_BACK_MS = 1000;

/** The in-stream, as its gaps need it. */
export interface GapPlaces {
  /** dts of the newest frame of each track. */
  readonly lastDts90k: readonly Ticks90k[];
  /** Place of the newest frame of all tracks. */
  readonly newest90k: Ticks90k;
  kindOf(track: number): TrackKind | undefined;
}

/** Counted since the beginning of the stream. */
export type MendedFrames = Pick<StreamCounters, "jitterFrames" | "unboundOffsetFrames">;

export class StreamGaps {
  readonly #places: GapPlaces;
  readonly #counters: MendedFrames;
  readonly #tell: (gap: Gap) => void;
  readonly #jitter = new JitterRun("jitter");
  readonly #offsets = new JitterRun("compositionOffset");
  readonly #overflow = new OverflowRun();

  constructor(places: GapPlaces, counters: MendedFrames, tell: (gap: Gap) => void) {
    this.#places = places;
    this.#counters = counters;
    this.#tell = tell;
  }

  /** A frame was clamped to just after its predecessor. */
  clamped(track: number, kind: TrackKind, dts90k: Ticks90k): void {
    this.#counters.jitterFrames++;
    this.#jitter.mended(track, kind, dts90k);
  }

  /** A frame came in order: a run of clamped ones of its track is over. */
  inOrder(track: number): void {
    if (this.#jitter.isRunning) this.#end(this.#jitter.end(this.#places.lastDts90k, track));
  }

  spliced({ cause, jump90k, dts90k }: Splice, kind: TrackKind): void {
    this.#nothingMissing(cause, trackName(kind), dts90k, jump90k / TICKS_PER_MS);
  }

  /** A picture is never shown more than 10 s from its decoding, whatever its source says. */
  boundedOffset(track: number, dts90k: Ticks90k, ctsOffset90k: Ticks90k): Ticks90k {
    if (Math.abs(ctsOffset90k) <= MAX_CTS_OFFSET_90K) {
      if (this.#offsets.isRunning) this.#end(this.#offsets.end(this.#places.lastDts90k, track));
      return ctsOffset90k;
    }
    this.#counters.unboundOffsetFrames++;
    this.#offsets.mended(track, this.#places.kindOf(track), dts90k);
    return 0;
  }

  /** Frames are dropped because the ring is full. */
  get isOverflowing(): boolean {
    return this.#overflow.isRunning;
  }

  dropped(sizeBytes: number): void {
    this.#overflow.dropped(sizeBytes, this.#places.newest90k);
  }

  /** A frame of the track was taken: nothing is dropped any more. */
  taken(track: number): void {
    this.#end(this.#overflow.end(this.#places.lastDts90k[track] ?? 0));
  }

  sourceLoss({
    track,
    frames,
    bytes,
    durationMs,
  }: Pick<Gap, "frames" | "bytes" | "durationMs"> & { track: number | null }): void {
    const { newest90k } = this.#places;
    const kind = track === null ? null : trackName(this.#places.kindOf(track));
    this.#tell({ cause: "sourceLoss", dtsMs: newest90k / TICKS_PER_MS, durationMs, frames, bytes, track: kind });
  }

  clock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void {
    const { newest90k } = this.#places;
    this.#nothingMissing(cause, trackName(this.#places.kindOf(track)), newest90k, duration90k / TICKS_PER_MS);
  }

  heldBack(heldMs: Millis): void {
    if (heldMs >= HELD_BACK_MS) this.#nothingMissing("heldBack", null, this.#places.newest90k, heldMs);
  }

  lateTrack(kind: TrackKind): void {
    this.#nothingMissing("lateTrack", trackName(kind), this.#places.newest90k, 0);
  }

  /** The stream is over, and with it what runs. */
  end(): void {
    const { lastDts90k } = this.#places;
    this.#end(this.#jitter.end(lastDts90k));
    this.#end(this.#offsets.end(lastDts90k));
    this.#end(this.#overflow.end(this.#places.newest90k));
  }

  #nothingMissing(cause: GapCause, track: Gap["track"], dts90k: Ticks90k, durationMs: Millis): void {
    this.#tell({ cause, track, dtsMs: dts90k / TICKS_PER_MS, durationMs, frames: 0, bytes: 0 });
  }

  #end(gap: Gap | undefined): void {
    if (gap) this.#tell(gap);
  }
}
