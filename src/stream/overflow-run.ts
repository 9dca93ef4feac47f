// What a source that cannot wait loses to a full ring: whole frames, up to the next random access point. One entry for
// a run (design.md §2).

import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";
import type { Gap } from "./gap.js";

export class OverflowRun {
  #frames = 0;
  #bytes = 0;
  #from90k: Ticks90k = 0;

  get isRunning(): boolean {
    return this.#frames > 0;
  }

  /** `newest90k`: of all tracks, where the run begins. */
  dropped(sizeBytes: number, newest90k: Ticks90k): void {
    if (this.#frames === 0) this.#from90k = newest90k;
    this.#frames++;
    this.#bytes += sizeBytes;
  }

  /** Ends the run, if there is one, with the frame that was taken again, or with the stream. */
  end(to90k: Ticks90k): Gap | undefined {
    if (this.#frames === 0) return undefined;
    const gap: Gap = {
      cause: "overflow",
      track: null,
      dtsMs: this.#from90k / TICKS_PER_MS,
      durationMs: Math.max(0, to90k - this.#from90k) / TICKS_PER_MS,
      frames: this.#frames,
      bytes: this.#bytes,
    };
    this.#frames = 0;
    this.#bytes = 0;
    return gap;
  }
}
