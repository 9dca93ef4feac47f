// How long a source is left alone between attempts: a second for ten attempts (EMS retries once a second), then growing
// up to five. With jitter, so that the cameras behind one switch do not come back in one instant.
//
// One that refuses the credentials is asked far less often: cameras lock an account after five to seven wrong
// passwords (Dahua for five minutes, Hikvision for half an hour). The first pauses are shorter: a camera that boots may
// refuse for a moment what it takes then.

import type { Millis } from "../time/units.js";

const STEADY_ATTEMPTS = 10;
const FIRST_DELAY_MS = 1000;
const GROWTH = 1.5;
/** A camera that comes back is recorded again within so much: what an hour of visits costs is next to nothing. */
const MAX_DELAY_MS = 5000;
const DENIED_DELAYS_MS = [10_000, 60_000, 300_000] as const;
/** To either side. */
const JITTER = 0.2;

/**
 * `failures` in a row so far, at least 1, and how many refusals of the credentials are among them where the last one
 * is such a refusal, else 0; `random` from [0, 1).
 */
export function retryDelayMs(failures: number, denials: number, random: number): Millis {
  const base =
    denials > 0
      ? (DENIED_DELAYS_MS[denials - 1] ?? DENIED_DELAYS_MS[2])
      : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * GROWTH ** Math.max(0, failures - STEADY_ATTEMPTS));
  return base * (1 - JITTER + 2 * JITTER * random);
}
