// Local time of named zones, and how many of them are kept.

import { expect, it } from "vitest";
import { zoneOf } from "../../../src/base/zone.js";

/** Europe/Berlin, written in as many ways as it has letters to the power of two. */
function spelling(variant: number): string {
  let bit = 0;
  return "europe/berlin".replace(/[a-z]/g, (letter) => ((variant >> bit++) & 1 ? letter.toUpperCase() : letter));
}

it("is the same for those who ask again", () => {
  expect(zoneOf("Europe/Berlin")).toBe(zoneOf("Europe/Berlin"));
});

it("is not kept for ever, in whatever ways somebody writes it", () => {
  const first = zoneOf(spelling(0));
  for (let variant = 1; variant <= 1000; variant++) zoneOf(spelling(variant));
  const again = zoneOf(spelling(0));
  expect(again).not.toBe(first);
  // Summer time: two hours ahead of UTC.
  expect(again(Date.UTC(2026, 6, 1, 22, 30, 5))).toMatchObject({ day: 2, hour: 0, minute: 30, offsetMinutes: 120 });
});
