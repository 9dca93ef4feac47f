// The clock of a track: wraps, and clocks that are not believed.

import { describe, expect, it } from "vitest";
import { RtpTime } from "../../../../src/ingest/rtp/rtp-time.js";

/** Runs a clock on frames 40 ms apart and answers their times in ms; `unit`: of the timestamps, a second. */
function run(unit: number, count: number, arrivalOf = (i: number): number => i * 40): { ms: number[]; time: RtpTime } {
  const time = new RtpTime(90_000);
  const ms: number[] = [];
  for (let i = 0; i < count; i++) {
    const timestamp = time.unwrap((0xffffff00 + Math.round((i * 40 * unit) / 1000)) >>> 0);
    if (!time.isPlaced) time.place(timestamp, 0);
    time.arrived(timestamp, arrivalOf(i));
    ms.push(time.ticksOf(timestamp) / 90);
  }
  return { ms, time };
}

describe("the clock of a track", () => {
  it("crosses the wrap and is exact for months", () => {
    expect(run(90_000, 100).ms).toEqual(Array.from({ length: 100 }, (_, i) => i * 40));
    const time = new RtpTime(44_100);
    time.place(time.unwrap(0), 0);
    for (let day = 0; day < 200; day++)
      for (let part = 0; part < 4; part++) time.unwrap(((day * 4 + part + 1) * 21_600 * 44_100) % 2 ** 32);
    expect(time.ticksOf(time.last)).toBe(200 * 86_400 * 90_000);
  });

  it("is not believed where it runs at 1 kHz: frames get times of arrival, made even", () => {
    const { ms, time } = run(1000, 200);
    expect(time.isByArrival).toBe(true);
    // Two seconds of evidence; then each frame is where it arrived.
    for (let i = 60; i < 200; i++) expect(Math.abs((ms[i] as number) - i * 40)).toBeLessThan(45);
    for (let i = 1; i < 200; i++) expect(ms[i]).toBeGreaterThan(ms[i - 1] as number);
    // An access unit that is complete with its successor has the time of its own packet, and sound between two packets.
    const last = time.last;
    expect(time.ticksOf(last - 40)).toBe((ms[198] as number) * 90);
    expect(time.ticksOf(last + 9)).toBe((ms[199] as number) * 90 + 9);
  });

  it("is believed through a network that stops, bursts and frames that are few", () => {
    expect(run(90_000, 200, (i) => (i < 60 ? i * 40 : i < 100 ? 4400 + i : i * 40 + 400)).time.isByArrival).toBe(false);
    expect(run(90_000, 200, (i) => Math.ceil(i / 50) * 2000).time.isByArrival).toBe(false);
    expect(run(9000, 200).time.isByArrival).toBe(false);
    expect(run(90_000, 200, (i) => i).time.isByArrival).toBe(false);
  });
});
