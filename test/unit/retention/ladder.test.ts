// The ladder of a volume that fills up: every step once, in order, and back.

import { expect, it } from "vitest";
import { Ladder } from "../../../src/retention/ladder.js";

const LOOK = { minimumBytes: 1000, canStop: true };

it("takes one step after the other while the volume stays below its minimum", () => {
  const ladder = new Ladder();
  const at = (nowMs: number, freeBytes: number, deletableBytes = 0): string | undefined =>
    ladder.look({ ...LOOK, freeBytes, nowMs, deletableBytes });
  expect(at(0, 1000)).toBeUndefined();
  expect([at(1, 999), at(2, 999), at(3, 999)]).toEqual(["deleteExpired", "deleteOldest", undefined]);
  expect(at(4, 400, 100), "enough is left to delete").toBeUndefined();
  expect(at(5, 400, 99)).toBe("stopLowest");
  expect(at(6, 400), "the first has time to end").toBeUndefined();
  expect(at(2005, 400)).toBe("stopLowest");
  expect([at(2006, 249), at(2007, 249)]).toEqual(["stopAll", undefined]);
  expect(at(2008, 999), "not before the minimum is free").toBeUndefined();
  expect([at(2009, 1000), at(2010, 1000)]).toEqual(["ok", undefined]);
});

it("stays on the second step while its rules keep a volume at its minimum", () => {
  const ladder = new Ladder();
  const at = (nowMs: number, freeBytes: number): string | undefined =>
    ladder.look({ ...LOOK, freeBytes, nowMs, deletableBytes: 20 });
  expect([at(0, 900), at(1, 900)]).toEqual(["deleteExpired", "deleteOldest"]);
  for (let second = 0; second < 300; second++)
    expect(at(1000 * second + 2, second % 50 === 0 ? 990 : 1010), `${second}`).toBeUndefined();
  expect([at(350_000, 1010), at(350_001, 1010)]).toEqual(["ok", undefined]);
});

it("stops nobody where nobody runs", () => {
  const ladder = new Ladder();
  const steps = [0, 1, 2, 3, 5000].map((nowMs) =>
    ladder.look({ ...LOOK, freeBytes: 300, nowMs, deletableBytes: 0, canStop: false }),
  );
  expect(steps).toEqual(["deleteExpired", "deleteOldest", undefined, undefined, undefined]);
});
