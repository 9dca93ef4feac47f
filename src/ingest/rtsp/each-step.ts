// What is to be done at an end is done, whatever goes wrong on the way.

/** Takes every step. Returns the first thing that was thrown; undefined where nothing was. */
export function eachStep(...steps: readonly (() => void)[]): unknown {
  let first: unknown;
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      first ??= error;
    }
  }
  return first;
}
