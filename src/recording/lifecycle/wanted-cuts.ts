// Cuts that the wall clock, or somebody, wants, as a place in media time: a drain ends its segment at the first random
// access point at or after it. A frame's wall time is when it came.
//
//   wall   ──── boundary ─────┐ now
//   media  ──────── at ─ RAP ─┘ newest          offset = RAP − at, told with the new segment

import { type Zone, zoneOf } from "../../base/zone.js";
import type { InStream } from "../../stream/in-stream.js";
import { type Clock, type Millis, TICKS_PER_MS, type Ticks90k } from "../../time/units.js";
import { nextBoundary } from "../clock/alignment.js";
import type { RecordConfig } from "../record-config.js";

/** The wall clock was set by more than this where a boundary is farther away than its length. */
const HOUR_MS = 3_600_000;

interface Boundary {
  readonly wallMs: Millis;
  at90k: Ticks90k;
}

/** Where an aligned segment begins. */
export interface AlignedStart {
  readonly wallMs: Millis;
  /** From the multiple of the wall clock to its first frame. */
  readonly offsetMs: Millis;
}

export class WantedCuts {
  /** Of the segment that the last cut has begun; undefined where another reason was its. */
  start: AlignedStart | undefined;
  readonly #lengthMs: Millis;
  readonly #zone: Zone;
  #boundary: Boundary | undefined;
  #asked90k: Ticks90k | undefined;

  constructor(
    config: RecordConfig,
    private readonly stream: InStream,
    private readonly clock: Clock,
  ) {
    this.#lengthMs = config.alignTo * 1000;
    this.#zone = zoneOf(config.zone);
  }

  /** Somebody wants a cut now. */
  ask(): void {
    this.#asked90k ??= this.stream.newest90k + 1;
  }

  /** For the next drain, whose first frame that is; 0 = none is wanted. */
  next90k(first90k: Ticks90k): Ticks90k {
    const aligned90k = this.#lengthMs > 0 ? this.#aligned90k(first90k) : undefined;
    if (aligned90k === undefined) return this.#asked90k ?? 0;
    return Math.max(1, Math.min(aligned90k, this.#asked90k ?? aligned90k));
  }

  /** A segment was cut there, whatever for. */
  done(cut90k: Ticks90k): void {
    this.start = undefined;
    if (this.#asked90k !== undefined && cut90k >= this.#asked90k) this.#asked90k = undefined;
    const boundary = this.#boundary;
    if (!boundary || cut90k < boundary.at90k) return;
    const offsetMs = (cut90k - boundary.at90k) / TICKS_PER_MS;
    this.start = { wallMs: boundary.wallMs + offsetMs, offsetMs };
    this.#boundary = this.#boundaryAfter(boundary.wallMs + offsetMs);
  }

  #aligned90k(first90k: Ticks90k): Ticks90k {
    const { stream } = this;
    const boundary = this.#boundary;
    const isPassed = boundary !== undefined && stream.newest90k >= boundary.at90k;
    // What a drain has decided by it stays.
    if (boundary && isPassed) return boundary.at90k;
    const isFar = boundary !== undefined && boundary.wallMs - this.#wallOf(first90k) > this.#lengthMs + HOUR_MS;
    this.#boundary =
      boundary && !isFar
        ? { wallMs: boundary.wallMs, at90k: this.#mediaAt(boundary.wallMs) }
        : this.#boundaryAfter(this.#wallOf(first90k));
    return this.#boundary.at90k;
  }

  #boundaryAfter(wallMs: Millis): Boundary {
    const next = nextBoundary(wallMs, this.#lengthMs, this.#zone);
    return { wallMs: next, at90k: this.#mediaAt(next) };
  }

  /** When the newest frame came. */
  get #newestMs(): Millis {
    return this.clock.wallMs() - (this.clock.monotonicMs() - this.stream.lastFrameMs);
  }

  #wallOf(dts90k: Ticks90k): Millis {
    return this.#newestMs - (this.stream.newest90k - dts90k) / TICKS_PER_MS;
  }

  #mediaAt(wallMs: Millis): Ticks90k {
    return Math.round(this.stream.newest90k + (wallMs - this.#newestMs) * TICKS_PER_MS);
  }
}
