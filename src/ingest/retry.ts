// How long a source is left alone between attempts: a second at first, then growing up to a cap, with jitter so that
// the sources of one dead host do not come back in one instant.

import type { Millis } from "../time/units.js";

/** EMS retries once a second; a source that is down longer than this gets rarer visits. */
const STEADY_ATTEMPTS = 10;
const FIRST_DELAY_MS = 1000;
const GROWTH = 1.5;
const MAX_DELAY_MS = 30_000;
const JITTER = 0.2;

/** `failures` in a row so far, at least 1; `random` from [0, 1). */
export function retryDelayMs(failures: number, random: number): Millis {
  const base = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * GROWTH ** Math.max(0, failures - STEADY_ATTEMPTS));
  return base * (1 - JITTER / 2 + JITTER * random);
}
