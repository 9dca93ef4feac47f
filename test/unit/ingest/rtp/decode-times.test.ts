// Decoding times from times of presentation.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeTimes } from "../../../../src/ingest/rtp/decode-times.js";

const D = 3600;
const times = (depth: number, shown: readonly number[]): number[] => {
  const order = new DecodeTimes();
  order.deepen(depth);
  return shown.map((place) => order.next(place * D) / D);
};

describe("decoding times", () => {
  it("are those of presentation where pictures come in order", () => {
    expect(times(0, [0, 1, 2, 3])).toEqual([0, 1, 2, 3]);
  });

  it("begin as much earlier as the order has places", () => {
    expect(times(1, [0, 3, 1, 2, 6, 4, 5])).toEqual([-1, 0, 1, 2, 3, 4, 5]);
    expect(times(2, [0, 4, 2, 1, 3, 8, 6, 5, 7])).toEqual([-2, -1, 0, 1, 2, 3, 4, 5, 6]);
  });

  it("learn the depth where the parameter sets do not say it", () => {
    const shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11];
    const found = times(0, shown);
    // Known with the second P picture: from the next one on they rise.
    const late = found.slice(5);
    expect(late).toEqual([...late].sort((a, b) => a - b));
    for (const [i, dts] of found.entries()) expect(dts).toBeLessThanOrEqual(shown[i] as number);
  });

  it("do not take a clock that only goes back, or stands, for an order", () => {
    const order = new DecodeTimes();
    for (let i = 0; i < 100; i++) order.next(1000 - 3 * i);
    for (let i = 0; i < 100; i++) order.next(100);
    expect(order.depth).toBe(0);
  });

  it("begin anew where the clock jumps", () => {
    expect(times(2, [0, 2, 1, 5000, 5002, 5001])).toEqual([-2, -1, 0, 4998, 4999, 5000]);
    expect(times(2, [5000, 5002, 5001, 0, 2, 1])).toEqual([4998, 4999, 5000, -2, -1, 0]);
  });

  it("rise, and never lie behind the presentation, in any order of that depth", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 30 }),
        (depth, delays) => {
          // The first picture is shown first; of the others each is overtaken by up to `depth`.
          const shown = [0];
          const waiting = delays.map((_, i) => i + 1);
          while (waiting.length > 0) {
            const at = Math.min((delays[waiting.length - 1] as number) % (depth + 1), waiting.length - 1);
            const overtaken = waiting
              .slice(0, at)
              .filter((place) => shown.filter((other) => other > place).length >= depth);
            shown.push(...waiting.splice(overtaken.length > 0 ? 0 : at, 1));
          }
          const found = times(depth, shown);
          for (const [i, dts] of found.entries()) {
            expect(dts).toBeLessThanOrEqual(shown[i] as number);
            if (i > 0) expect(dts).toBeGreaterThan(found[i - 1] as number);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
