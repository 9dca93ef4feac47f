// Multiples of local time, through changes of the clock in zones that do it in every way.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { zoneOf } from "../../../../src/base/zone.js";
import { nextBoundary } from "../../../../src/recording/clock/alignment.js";

const HOUR = 3_600_000;

/** The boundaries in a span of UTC. */
function boundaries(from: string, to: string, lengthMs: number, zone: string): string[] {
  const found: string[] = [];
  for (let at = nextBoundary(Date.parse(from), lengthMs, zoneOf(zone)); at <= Date.parse(to); ) {
    found.push(new Date(at).toISOString().slice(5, 16));
    at = nextBoundary(at, lengthMs, zoneOf(zone));
  }
  return found;
}

describe("the next boundary", () => {
  it("is the next full hour of local time, also where the zone is half an hour off", () => {
    expect(boundaries("2026-11-27T05:59:59.999Z", "2026-11-27T08:00:00Z", HOUR, "Europe/Berlin")).toEqual([
      "11-27T06:00",
      "11-27T07:00",
      "11-27T08:00",
    ]);
    expect(boundaries("2026-11-27T06:00:00Z", "2026-11-27T08:00:00Z", HOUR, "Asia/Kolkata")).toEqual([
      "11-27T06:30",
      "11-27T07:30",
    ]);
  });

  it("is local midnight, so a day has 23 or 25 hours when the clocks change", () => {
    const day = 24 * HOUR;
    expect(boundaries("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z", day, "Europe/Berlin")).toEqual([
      "03-28T23:00",
      "03-29T22:00",
    ]);
    expect(boundaries("2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z", day, "Europe/Berlin")).toEqual([
      "10-24T22:00",
      "10-25T23:00",
    ]);
    // In Santiago midnight itself is skipped in spring, and 23:00 comes twice in autumn.
    expect(boundaries("2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z", day, "America/Santiago")).toEqual([
      "09-06T04:00",
      "09-07T03:00",
    ]);
    expect(boundaries("2026-04-04T00:00:00Z", "2026-04-06T12:00:00Z", day, "America/Santiago")).toEqual([
      "04-04T03:00",
      "04-05T04:00",
      "04-06T04:00",
    ]);
  });

  it("passes an hour that comes twice twice, and one that is skipped not at all", () => {
    const around = (from: string, to: string, lengthMs: number): string[] =>
      boundaries(from, to, lengthMs, "Australia/Lord_Howe");
    // Lord Howe moves its clocks by half an hour: on 4 April from 02:00 (+11:00) to 01:30 (+10:30).
    expect(around("2026-04-04T13:00:00Z", "2026-04-04T17:00:00Z", HOUR)).toEqual([
      "04-04T14:00",
      "04-04T15:30",
      "04-04T16:30",
    ]);
    expect(boundaries("2026-10-24T23:30:00Z", "2026-10-25T02:00:00Z", HOUR, "Europe/Berlin")).toEqual([
      "10-25T00:00",
      "10-25T01:00",
      "10-25T02:00",
    ]);
    expect(boundaries("2026-03-28T23:30:00Z", "2026-03-29T06:00:00Z", 4 * HOUR, "Europe/Berlin")).toEqual([
      "03-29T02:00",
      "03-29T06:00",
    ]);
  });

  it("is later, near, and a multiple, whenever it is asked", () => {
    const zones = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu"];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(60, 600, 900, 3600, 21_600, 86_400),
        fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
        (name, seconds, afterMs) => {
          const at = nextBoundary(afterMs, seconds * 1000, zoneOf(name));
          expect(at).toBeGreaterThan(afterMs);
          expect(at - afterMs).toBeLessThanOrEqual(seconds * 1000 + HOUR);
          const { hour, minute, second } = zoneOf(name)(at);
          const before = zoneOf(name)(at - 1).offsetMinutes;
          const isMultiple = (hour * 3600 + minute * 60 + second) % seconds === 0;
          expect(isMultiple || before < zoneOf(name)(at).offsetMinutes).toBe(true);
        },
      ),
    );
  });
});
