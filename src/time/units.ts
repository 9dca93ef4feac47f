// Units of time. Media time is counted in ticks of 90 kHz, as an integer in a double (exact for 3 170 years); wall time
// in milliseconds.

import { performance } from "node:perf_hooks";

export type Ticks90k = number & { readonly __unit?: "90k" };
export type Millis = number & { readonly __unit?: "ms" };

export const TICKS_PER_SECOND = 90_000;
export const TICKS_PER_MS = 90;

/** A source of time: injected everywhere, so that tests own it. */
export interface Clock {
  /** Unix milliseconds. */
  wallMs(): Millis;
  /** Milliseconds that never go back, from an arbitrary zero. */
  monotonicMs(): Millis;
}

/** A moment for people, and for durations: the wall clock may be set in between. */
export interface Moment {
  wallMs: Millis;
  monotonicMs: Millis;
}

export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  // The global of the same name is a getter, which costs more than the clock.
  monotonicMs: () => performance.now(),
};
