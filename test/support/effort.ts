// How long the long tests run. `npm test` uses short, seeded counts; `npm run torture` (REEL_TORTURE=1) the full ones;
// `npm run fuzz` gives each fuzz test REEL_FUZZ_SECONDS. REEL_SEED repeats a run.

export const isTorture = process.env.REEL_TORTURE === "1";

/** Threads that read publishers, where a test does not say: every RTMP test can be run with some. */
export const INGEST_WORKERS = Number(process.env.TEST_INGEST_WORKERS ?? 0);

/** A count that the short run can afford, and the full one. */
export function effort(short: number, full: number): number {
  return isTorture ? full : short;
}

/**
 * The rounds of a fuzz test, numbered from 0: the counts of `effort`, or, with REEL_FUZZ_SECONDS, as many as that time
 * holds and at least one.
 */
export function* fuzzRounds(short: number, full: number): Generator<number> {
  const seconds = process.env.REEL_FUZZ_SECONDS;
  const endMs = performance.now() + Number(seconds ?? 0) * 1000;
  const count = effort(short, full);
  for (let round = 0; ; round++) {
    if (seconds ? round > 0 && performance.now() >= endMs : round >= count) return;
    yield round;
  }
}

/** `npm test` judges a change, so it runs the same cases every time; `npm run torture` looks for new ones. */
const CHANGE_SEED = 7;

/** The seed of this run; print it with a failure. */
export const seed = process.env.REEL_SEED
  ? Number(process.env.REEL_SEED) >>> 0
  : isTorture
    ? (Date.now() & 0x7fffffff) >>> 0
    : CHANGE_SEED;
