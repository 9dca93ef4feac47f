// Recordings that wait for a random access point: after 5 s of media without one it is said once, for nothing else
// shows that a live stream is not recorded. With waitForIDR=0, or without video, nothing is waited for.

import type { Ticks90k } from "../../time/units.js";
import { TICKS_PER_SECOND } from "../../time/units.js";
import type { Recording } from "./recording.js";

const LIMIT_90K = 5 * TICKS_PER_SECOND;
const CHECK_MS = 1000;

export class RandomAccessWatch {
  /** Where the wait began, on the timeline of the in-stream; NaN before its first frame. */
  readonly #waiting = new Map<Recording, Ticks90k>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly onWaiting: (recording: Recording) => void) {}

  /** A recording begins, without a file as yet. */
  add(recording: Recording): void {
    if (!recording.config.waitForIDR) return;
    this.#waiting.set(recording, Number.NaN);
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /** It has a file, or has ended. */
  remove(recording: Recording): void {
    this.#waiting.delete(recording);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    for (const [recording, from90k] of this.#waiting) {
      const { hasVideo, newest90k, lastRandomAccess90k } = recording.inStream;
      if (!hasVideo || !Number.isFinite(newest90k)) continue;
      if (Number.isNaN(from90k)) this.#waiting.set(recording, newest90k);
      else if (newest90k - Math.max(from90k, lastRandomAccess90k) >= LIMIT_90K) {
        this.remove(recording);
        this.onWaiting(recording);
      }
    }
  }
}
