// Timers are injected, so that tests control time; the server passes the system's.

import type { Millis } from "../time/units.js";

export interface Timers {
  /** Calls back once; returns what cancels it. */
  after(delayMs: Millis, callback: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    // A waiting timer must not keep a program alive that has nothing else to do.
    timer.unref();
    return () => clearTimeout(timer);
  },
};
