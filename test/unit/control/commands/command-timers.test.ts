// Timers, ems-record-spec §2.9, on a clock of the test's own.

import { describe, expect, it } from "vitest";
import type { Timers } from "../../../../src/base/timers.js";
import { CommandTimers, parseTimerValue } from "../../../../src/control/commands/command-timers.js";

const NOON = Date.parse("2026-03-01T12:00:00Z");

function rig(): {
  timers: CommandTimers;
  events: [string, unknown][];
  advance(ms: number): void;
  stall(ms: number): void;
} {
  let nowMs = 0;
  const waiting = new Set<{ atMs: number; run: () => void }>();
  const source: Timers = {
    after(delayMs, run) {
      const entry = { atMs: nowMs + delayMs, run };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
  };
  const runDue = (): void => {
    for (const entry of [...waiting]) {
      if (entry.atMs > nowMs || !waiting.delete(entry)) continue;
      entry.run();
    }
  };
  const events: [string, unknown][] = [];
  const timers = new CommandTimers({ wallMs: () => NOON + nowMs, monotonicMs: () => nowMs }, source, (type, timer) =>
    events.push([type, timer.triggerCount]),
  );
  return {
    timers,
    events,
    advance(ms) {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        nowMs = Math.min(endMs, ...[...waiting].map((entry) => Math.max(entry.atMs, nowMs + 1)));
        runDue();
      }
    },
    stall(ms) {
      nowMs += ms;
      runDue();
    },
  };
}

describe("a timer", () => {
  it("with a period fires at its multiples, without drifting, until it is removed", () => {
    const { timers, events, advance } = rig();
    expect(timers.set({ periodS: 3 }, { _a: "b" })).toEqual({ _a: "b", timerId: 1, triggerCount: 0, value: 3 });
    advance(9_500);
    expect(events).toEqual([
      ["timerCreated", 0],
      ["timerTriggered", 1],
      ["timerTriggered", 2],
      ["timerTriggered", 3],
    ]);
    expect(timers.remove(1)).toEqual({ _a: "b", timerId: 1, triggerCount: 3, value: 3 });
    advance(10_000);
    expect(events.slice(4)).toEqual([["timerClosed", 3]]);
    expect(timers.list()).toEqual([]);
  });

  it("leaves out the beats that a stall has swallowed", () => {
    const { timers, events, advance, stall } = rig();
    timers.set({ periodS: 1 }, {});
    stall(5_400);
    advance(600);
    advance(1_000);
    expect(events.filter(([type]) => type === "timerTriggered")).toHaveLength(3);
  });

  it("with a date fires once and closes, however far away it is", () => {
    const { timers, events, advance } = rig();
    const value = parseTimerValue("2026-05-01T12:00:00", NOON);
    if (!value) throw new Error("no value");
    timers.set(value, {});
    advance(60 * 86_400_000);
    expect(events).toEqual([["timerCreated", 0]]);
    advance(2 * 86_400_000);
    expect(events.slice(1)).toEqual([
      ["timerTriggered", 1],
      ["timerClosed", 1],
    ]);
  });

  it("may be removed by who hears it fire, as the Stream Recorder Service does", () => {
    let run = (): void => {};
    let nowMs = 0;
    let armed = 0;
    const fired: string[] = [];
    const source: Timers = {
      after(_delayMs, job) {
        run = job;
        armed++;
        return () => {};
      },
    };
    const timers: CommandTimers = new CommandTimers(
      { wallMs: () => NOON, monotonicMs: () => nowMs },
      source,
      (type) => {
        fired.push(type);
        if (type === "timerTriggered") timers.remove(1);
      },
    );
    timers.set({ periodS: 1 }, {});
    nowMs = 1000;
    run();
    expect(fired).toEqual(["timerCreated", "timerTriggered", "timerClosed"]);
    expect(armed).toBe(1);
  });

  it.each([
    ["1", { periodS: 1 }],
    ["86399", { periodS: 86399 }],
    ["13:00:00", { atMs: NOON + 3_600_000 }],
    ["11:00:00", { atMs: NOON + 23 * 3_600_000 }],
    ["2026-03-01T12:00:01", { atMs: NOON + 1000 }],
    ["2026-03-01T12:00:01.000", { atMs: NOON + 1000 }],
    ["0", undefined],
    ["86400", undefined],
    ["01", undefined],
    ["24:00:00", undefined],
    ["2026-02-30T12:00:00", undefined],
    ["2025-03-01T12:00:00", undefined],
    ["soon", undefined],
  ])("value %s", (text, expected) => expect(parseTimerValue(text, NOON)).toEqual(expected));
});
