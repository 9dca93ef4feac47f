// A source with clocks of its own, sent through `TrackClocks` and `Timeline` as an ingest and an in-stream do: what was
// captured when, what the wire said, when it arrived, and where it came to lie.

import { type Splice, Timeline } from "../../src/time/timeline.js";
import { type ClockFinding, TrackClocks } from "../../src/time/track-clocks.js";

export const VIDEO = 0;
export const AUDIO = 1;

export interface SentFrame {
  track: number;
  /** When it was captured: the truth. */
  captureMs: number;
  wireMs: number;
  arrivalMs: number;
}

export interface PlacedFrame extends SentFrame {
  /** By the clocks. */
  ms: number;
  /** On the timeline. */
  placedMs: number;
}

export interface Track {
  track: number;
  frameMs: number;
  fromMs?: number;
  /** What the wire says of a capture time. */
  wire(captureMs: number): number;
  /** How long a frame is on its way; frames of a track keep their order. */
  delay?(captureMs: number): number;
}

/** Frames of all tracks, up to a time, in the order of their arrival. */
export function frames(toMs: number, ...tracks: Track[]): SentFrame[] {
  const all = tracks.flatMap(({ track, frameMs, fromMs = 0, wire, delay }) => {
    let last = 0;
    const count = Math.ceil((toMs - fromMs) / frameMs);
    return Array.from({ length: count }, (_, i) => {
      const captureMs = fromMs + i * frameMs;
      last = Math.max(last, captureMs + (delay?.(captureMs) ?? 0));
      return { track, captureMs, wireMs: Math.round(wire(captureMs)), arrivalMs: last };
    });
  });
  return all.sort((a, b) => a.arrivalMs - b.arrivalMs);
}

export class ClockedSource {
  readonly findings: (ClockFinding & { atMs: number })[] = [];
  readonly splices: Splice[] = [];
  readonly placed: PlacedFrame[] = [];
  clamped = 0;
  #held: SentFrame[][] = [[], []];
  #nowMs = 0;
  #timeline = new Timeline();
  #clocks: TrackClocks;

  constructor(isShared = false) {
    this.#clocks = new TrackClocks(
      {
        found: (finding) => this.findings.push({ ...finding, atMs: this.#nowMs }),
        release: (track, times) => {
          const held = this.#held[track]?.splice(0) ?? [];
          if (held.length !== times.length) throw new Error(`${times.length} times for ${held.length} frames`);
          for (const [i, frame] of held.entries()) this.#place(frame, times[i] ?? Number.NaN);
        },
      },
      isShared,
    );
  }

  send(sent: readonly SentFrame[]): this {
    let lastArrivalMs = 0;
    for (const frame of sent) {
      this.#nowMs = frame.arrivalMs;
      const wire90k = frame.wireMs * 90;
      const steady = this.#clocks.steady(frame.track, wire90k, lastArrivalMs);
      const dts90k = Number.isNaN(steady) ? this.#clocks.judge(frame.track, wire90k, frame.arrivalMs) : steady;
      if (dts90k === undefined) this.#held[frame.track]?.push(frame);
      else this.#place(frame, dts90k);
      lastArrivalMs = frame.arrivalMs;
    }
    return this;
  }

  end(): this {
    this.#clocks.end(this.#nowMs);
    return this;
  }

  of(track: number): PlacedFrame[] {
    return this.placed.filter((frame) => frame.track === track);
  }

  /** Where frames lie by the clocks less when they were captured: the first and the last of them all, of a track. */
  spread(track: number, fromMs = 0): { least: number; most: number } {
    const errors = this.of(track).flatMap(({ placedMs, captureMs }) =>
      captureMs >= fromMs ? [placedMs - captureMs] : [],
    );
    return { least: Math.min(...errors), most: Math.max(...errors) };
  }

  #place(frame: SentFrame, dts90k: number): void {
    const { dts90k: placed90k, clamped, splice } = this.#timeline.place(frame.track, dts90k, this.#nowMs);
    if (splice) this.splices.push(splice);
    if (clamped) this.clamped++;
    this.placed.push({ ...frame, ms: dts90k / 90, placedMs: placed90k / 90 });
  }
}
