// Timers as a thing that is given: tests own time, the server has the system's.

import type { Millis } from "../time/units.js";

export interface Timers {
  /** Calls back once; returns what cancels it. */
  after(delayMs: Millis, callback: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    // What waits does not keep a program alive that has nothing else to do.
    timer.unref();
    return () => clearTimeout(timer);
  },
};
