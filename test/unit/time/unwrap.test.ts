// Clocks of limited width, unwrapped: the nearest way round, forwards and back.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unwrapper } from "../../../src/time/unwrap.js";

const WIDTHS = [2 ** 32, 2 ** 33];

describe("an unwrapped clock", () => {
  it("follows a clock that wraps, however it steps by less than half of its width", () => {
    const steps = fc.array(fc.double({ min: -0.4999, max: 0.4999, noNaN: true }), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.constantFrom(...WIDTHS),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        steps,
        (width, first, by) => {
          const start = Math.floor(first * width);
          const unwrapper = new Unwrapper(width);
          expect(unwrapper.unwrap(start)).toBe(start);
          let clock = start;
          for (const part of by) {
            clock += Math.trunc(part * width);
            expect(unwrapper.unwrap(((clock % width) + width) % width)).toBe(clock);
          }
        },
      ),
    );
  });

  it("goes back where a step is half of the width", () => {
    const unwrapper = new Unwrapper(2 ** 32);
    unwrapper.unwrap(0);
    expect(unwrapper.unwrap(2 ** 31)).toBe(-(2 ** 31));
    expect(unwrapper.unwrap(0)).toBe(-(2 ** 32));
  });
});
