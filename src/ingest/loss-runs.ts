// Frames that were given up in front of an in-stream: a run of them is one loss, told with the next good frame of the
// track, or with the end of the source.

import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";
import type { Loss } from "./mpegts/access-unit.js";

interface LossRun {
  frames: number;
  bytes: number;
  first90k: Ticks90k;
}

export class LossRuns {
  readonly #runs: (LossRun | undefined)[] = [];
  #running = 0;
  readonly #tell: (loss: Loss) => void;

  constructor(tell: (loss: Loss) => void) {
    this.#tell = tell;
  }

  /** Of any track; asked for every frame. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  lost(track: number, bytes: number, dts90k: Ticks90k): void {
    let run = this.#runs[track];
    if (!run) {
      run = { frames: 0, bytes: 0, first90k: dts90k };
      this.#runs[track] = run;
      this.#running++;
    }
    run.frames++;
    run.bytes += bytes;
  }

  /** The next good frame of the track is at `dts90k`. */
  end(track: number, dts90k: Ticks90k): void {
    const run = this.#runs[track];
    if (!run) return;
    this.#runs[track] = undefined;
    this.#running--;
    const { frames, bytes, first90k } = run;
    this.#tell({ track, frames, bytes, durationMs: Math.max(0, (dts90k - first90k) / TICKS_PER_MS) });
  }

  /** No good frame will come. */
  endAll(): void {
    for (const [track, run] of this.#runs.entries()) if (run) this.end(track, run.first90k);
  }
}
