// Schedules by the clock of a zone, over midnight and daylight saving.

import { describe, expect, it, vi } from "vitest";
import { Schedule } from "../../../../src/recording/clock/schedule.js";

/** Hours of UTC from a day's midnight on at which it is open. */
function openAt(text: string, from: string, hours: number, minutes = 60): number[] {
  const schedule = new Schedule(text);
  const startMs = Date.parse(from);
  return Array.from({ length: (hours * 60) / minutes }, (_, i) => (i * minutes) / 60).filter((hour) =>
    schedule.isOpen(startMs + hour * 3_600_000),
  );
}

describe("a schedule", () => {
  it("is open in its hours on its days, to the minute", () => {
    const schedule = new Schedule("Mon-Fri@08:00-18:00@Europe/Berlin");
    const at = (time: string): boolean => schedule.isOpen(Date.parse(time));
    // 27 November 2026 is a Friday; Berlin is at +01:00.
    expect(at("2026-11-27T06:59:59.999Z")).toBe(false);
    expect(at("2026-11-27T07:00:00.000Z")).toBe(true);
    expect(at("2026-11-27T16:59:59.999Z")).toBe(true);
    expect(at("2026-11-27T17:00:00.000Z")).toBe(false);
    expect(at("2026-11-28T10:00:00.000Z")).toBe(false);
  });

  it("keeps its local hours when the clocks change", () => {
    // Spring 2026 in Berlin: 29 March, 01:00 UTC; autumn: 25 October, 01:00 UTC.
    const eight = "*@08:00-09:00@Europe/Berlin";
    expect(openAt(eight, "2026-03-28T00:00:00Z", 48)).toEqual([7, 30]);
    expect(openAt(eight, "2026-10-24T00:00:00Z", 48)).toEqual([6, 31]);
    const two = "Sun@02:15-02:45@Europe/Berlin";
    expect(openAt(two, "2026-03-29T00:00:00Z", 4, 30)).toEqual([]);
    expect(openAt(two, "2026-10-25T00:00:00Z", 4, 30)).toEqual([0.5, 1.5]);
  });

  it("belongs to the day of its beginning where it goes beyond midnight", () => {
    // From Friday, 27 November 2026, on.
    expect(openAt("Fri@22:00-02:00@UTC", "2026-11-27T00:00:00Z", 72)).toEqual([22, 23, 24, 25]);
    expect(openAt("Sat-Sun@23:00-24:00@UTC;Fri@01:00-02:00@UTC", "2026-11-27T00:00:00Z", 72)).toEqual([1, 47, 71]);
    expect(openAt("Sun-Fri@00:00-24:00@UTC", "2026-11-27T00:00:00Z", 72, 12 * 60)).toEqual([0, 12, 48, 60]);
  });

  it("asks the zone a few times a day, however often it is asked itself", () => {
    const asked = vi.spyOn(Intl.DateTimeFormat.prototype, "formatToParts");
    const schedule = new Schedule("Mon-Fri@08:00-18:00@Europe/Berlin");
    const fromMs = Date.parse("2026-11-27T00:00:00Z");
    let openMinutes = 0;
    for (let second = 0; second < 86_400; second += 5)
      if (schedule.isOpen(fromMs + second * 1000)) openMinutes += 5 / 60;
    expect(Math.round(openMinutes)).toBe(600);
    expect(asked.mock.calls.length).toBeLessThan(20);
    asked.mockRestore();
  });

  it("says the same as one that is asked for the first time, also where the clock is set", () => {
    const text =
      "Sun@01:30-03:15@Europe/Berlin;Sat-Sun@23:30-00:45@America/New_York;Sun@02:00-02:45@Australia/Lord_Howe";
    const schedule = new Schedule(text);
    for (const day of ["2026-03-28", "2026-10-24", "2026-10-03", "2026-11-01"])
      for (let step = 0; step < 400; step++) {
        // Ahead by seven minutes, and back by an hour every now and then.
        const wallMs = Date.parse(day) + step * 420_000 - (step % 11 === 0 ? 3_600_000 : 0);
        expect(schedule.isOpen(wallMs), new Date(wallMs).toISOString()).toBe(new Schedule(text).isOpen(wallMs));
        const heldMs = schedule.holdsUntil(wallMs) - 1;
        expect(new Schedule(text).isOpen(heldMs), new Date(heldMs).toISOString()).toBe(schedule.isOpen(wallMs));
      }
  });

  it("is refused where it cannot be read, with what is wrong", () => {
    for (const [text, reason] of [
      ["08:00-18:00", "write it as Mon-Fri@08:00-18:00@Europe/Berlin"],
      ["Mon@08:00", "08:00 is no span of a day"],
      ["Mon@08:00-08:00", "08:00-08:00 is no span of a day"],
      ["Mon@08:60-09:00", "08:60-09:00 is no span of a day"],
      ["Mon@24:00-02:00", "24:00-02:00 is no span of a day"],
      ["Mo@08:00-18:00", "Mo is no day"],
      ["Mon@08:00-18:00@Berlin", "Berlin is no time zone"],
    ] as const)
      expect(() => new Schedule(text), text).toThrow(reason);
  });
});
