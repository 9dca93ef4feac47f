// What is counted of one track, frame by frame in decoding order: frames, times, steps back, gaps. Times are in ticks
// of the track's own clock, so that nothing is rounded before it is reported.

import type { TrackReport } from "./file-report.js";
import type { Findings } from "./findings.js";

/**
 * A step is a gap where it is this many usual ones, and this much longer: variable frame rates and network jitter are
 * neither.
 */
const GAP_STEPS = 4;
const GAP_MS = 200;
/** Reordering delays a picture by a few frames; nothing that plays holds ten seconds of them. */
const MAX_OFFSET_MS = 10_000;
/** Frames so close together are no frames of a rate: a clock stood still, or times were given after the fact. */
const CROWD_MS = 1;
const CROWD_FRAMES = 5;
/** How slowly the usual step follows a changing frame rate. */
const TYPICAL_WEIGHT = 1 / 16;

export interface AuditedFrame {
  dts: number;
  pts: number;
  /** Where the container says it, else undefined. */
  duration: number | undefined;
  isKey: boolean;
  sizeBytes: number;
}

export interface TrackTraits {
  kind: TrackReport["kind"];
  codec: string;
  width?: number;
  height?: number;
  sampleRate?: number;
  channels?: number;
}

export class TrackAudit {
  readonly traits: TrackTraits;
  isFirstFrameDecodable = false;
  /** The first picture is no IDR: those shown before it refer to what is not in the file. */
  isOpenAtStart = false;
  /** Place among the file's tracks; fixed when the report is made, because tracks may turn up in any order. */
  readonly index: number;
  readonly #findings: Findings;
  readonly #ticksPerMs: number;
  /** Names the place of frame n in a defect. */
  readonly #placeOf: (frame: number) => string;
  #frames = 0;
  #keyframes = 0;
  #bytes = 0;
  #lastDts = Number.NaN;
  #lastDuration: number | undefined;
  #typical = Number.NaN;
  #firstPts = Number.POSITIVE_INFINITY;
  #lastPts = Number.NEGATIVE_INFINITY;
  #endPts = Number.NEGATIVE_INFINITY;
  #isMonotonic = true;
  #startPts = Number.NaN;
  /** Frames that are shown before the first one. */
  #leading = 0;
  /** A run of frames that lie within a millisecond: from where, and how many. */
  #crowdDts = Number.NaN;
  #crowdPlace = "";
  #crowd = 0;
  #clipFrom = Number.NEGATIVE_INFINITY;
  #clipTo = Number.POSITIVE_INFINITY;

  constructor(
    traits: TrackTraits,
    index: number,
    timescale: number,
    findings: Findings,
    placeOf: (frame: number) => string,
  ) {
    this.traits = traits;
    this.index = index;
    this.#ticksPerMs = timescale / 1000;
    this.#findings = findings;
    this.#placeOf = placeOf;
  }

  get frames(): number {
    return this.#frames;
  }

  add(frame: AuditedFrame): void {
    const { dts, pts, duration, isKey, sizeBytes } = frame;
    if (this.#frames > 0) this.#step(dts);
    else this.#startPts = pts;
    this.#countCrowd(dts);
    const offsetMs = (pts - dts) / this.#ticksPerMs;
    if (Math.abs(offsetMs) > MAX_OFFSET_MS)
      this.#defect(
        dts,
        `is shown ${roundMs(Math.abs(offsetMs))} ms ${offsetMs < 0 ? "before" : "after"} it is decoded`,
      );
    else if (this.isOpenAtStart && pts < this.#startPts && this.#leading++ === 0)
      this.#defect(dts, "is shown before the first picture: what it refers to is not in the file");
    this.#lastDts = dts;
    this.#lastDuration = duration;
    this.#frames++;
    if (isKey) this.#keyframes++;
    this.#bytes += sizeBytes;
    this.#firstPts = Math.min(this.#firstPts, pts);
    this.#lastPts = Math.max(this.#lastPts, pts);
    if (duration !== undefined) this.#endPts = Math.max(this.#endPts, pts + duration);
  }

  /** What an edit list shows of the track. */
  clip(from: number, to: number): void {
    this.#clipFrom = from;
    this.#clipTo = to;
  }

  /** End of the presentation, ticks; NaN without frames. */
  get endPts(): number {
    const end = this.#endPts === Number.NEGATIVE_INFINITY ? this.#lastPts + (this.#typical || 0) : this.#endPts;
    return Math.min(end, this.#clipTo);
  }

  get firstPts(): number {
    return Math.max(this.#firstPts, this.#clipFrom);
  }

  get endMs(): number {
    return this.#frames === 0 ? 0 : this.endPts / this.#ticksPerMs;
  }

  /** When the last frame has been decoded: before `endMs` where pictures are reordered. */
  get decodedEndMs(): number {
    return this.#frames === 0 ? 0 : (this.#lastDts + (this.#lastDuration ?? (this.#typical || 0))) / this.#ticksPerMs;
  }

  /** All frames were added. */
  end(): void {
    this.#endCrowd();
  }

  report(): TrackReport {
    const isEmpty = this.#frames === 0;
    const toMs = (ticks: number): number => (isEmpty ? 0 : roundMs(ticks / this.#ticksPerMs));
    return {
      ...this.traits,
      frames: this.#frames,
      keyframes: this.#keyframes,
      sizeBytes: this.#bytes,
      firstPtsMs: toMs(this.firstPts),
      lastPtsMs: toMs(this.#lastPts),
      durationMs: toMs(this.endPts - this.firstPts),
      isDtsMonotonic: this.#isMonotonic,
      isFirstFrameDecodable: this.isFirstFrameDecodable,
    };
  }

  #defect(dts: number, message: string): void {
    this.#findings.defect(this.#placeOf(this.#frames), message, roundMs(dts / this.#ticksPerMs));
  }

  #countCrowd(dts: number): void {
    if (Math.abs(dts - this.#crowdDts) < CROWD_MS * this.#ticksPerMs) {
      if (++this.#crowd === 2) this.#crowdPlace = this.#placeOf(this.#frames);
      return;
    }
    this.#endCrowd();
    this.#crowdDts = dts;
    this.#crowd = 1;
  }

  #endCrowd(): void {
    if (this.#crowd >= CROWD_FRAMES)
      this.#findings.defect(
        this.#crowdPlace,
        `is among ${this.#crowd} ${this.traits.kind} frames within a millisecond`,
        roundMs(this.#crowdDts / this.#ticksPerMs),
      );
    this.#crowd = 0;
  }

  #step(dts: number): void {
    const step = dts - this.#lastDts;
    if (step < 0) {
      this.#isMonotonic = false;
      this.#defect(dts, `decoding time goes back by ${roundMs(-step / this.#ticksPerMs)} ms`);
      return;
    }
    if (Number.isNaN(this.#typical)) this.#typical = step;
    const missing = step - this.#typical;
    if (step > GAP_STEPS * this.#typical && missing > GAP_MS * this.#ticksPerMs) {
      this.#findings.gap({
        track: this.index,
        fromMs: roundMs(this.#lastDts / this.#ticksPerMs),
        missingMs: roundMs(missing / this.#ticksPerMs),
      });
      return;
    }
    // A first step that was a gap is outgrown at once, not by and by.
    this.#typical = step * GAP_STEPS < this.#typical ? step : this.#typical + missing * TYPICAL_WEIGHT;
  }
}

/** Microseconds are enough for a reader, and print short. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
