// When a run does not count: the load was not what it is named after, or the machine had other work.

/** A load later than this was not sent as its name says. */
const LATE_P99_LIMIT_MS = 50;
const LATE_MAX_LIMIT_MS = 1000;
/**
 * Cores that other processes may keep busy: a machine with other work makes every server cheaper or dearer as it
 * pleases.
 */
const OTHERS_LIMIT_CORES = 0.2;

export function voidReasons(load: { lateP99Ms: number; lateMaxMs: number }, otherCores: number): string[] {
  const reasons: string[] = [];
  if (load.lateP99Ms > LATE_P99_LIMIT_MS)
    reasons.push(`the load was late: 99 % of its frames within ${load.lateP99Ms} ms (limit ${LATE_P99_LIMIT_MS})`);
  if (load.lateMaxMs > LATE_MAX_LIMIT_MS)
    reasons.push(`the load was ${Math.round(load.lateMaxMs)} ms late once (limit ${LATE_MAX_LIMIT_MS})`);
  if (otherCores > OTHERS_LIMIT_CORES)
    reasons.push(`other processes kept ${otherCores.toFixed(2)} cores busy (limit ${OTHERS_LIMIT_CORES})`);
  return reasons;
}
