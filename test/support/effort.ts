// How long the long tests run. `npm test` uses short, seeded counts; `npm run torture` (REEL_TORTURE=1) the full ones;
// `npm run fuzz` gives each fuzz test REEL_FUZZ_SECONDS. REEL_SEED repeats a run.

export const isTorture = process.env.REEL_TORTURE === "1";

/** A count that the short run can afford, and the full one. */
export function effort(short: number, full: number): number {
  return isTorture ? full : short;
}

/** Time for one fuzz test. */
export const fuzzMs = process.env.REEL_FUZZ_SECONDS
  ? Number(process.env.REEL_FUZZ_SECONDS) * 1000
  : effort(1000, 120_000);

/** `npm test` judges a change, so it runs the same cases every time; `npm run torture` looks for new ones. */
const CHANGE_SEED = 7;

/** The seed of this run; print it with a failure. */
export const seed = process.env.REEL_SEED
  ? Number(process.env.REEL_SEED) >>> 0
  : isTorture
    ? (Date.now() & 0x7fffffff) >>> 0
    : CHANGE_SEED;
