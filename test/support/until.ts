// Waiting for a condition with a deadline. The deadline is how long a broken run may hang, never how long a right one
// takes.

import { setTimeout as delay } from "node:timers/promises";

/** Resolves with the first value that is neither undefined, null nor false. `what` names the condition in the error. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 20_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
    if (performance.now() >= endMs) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await delay(10);
  }
}
