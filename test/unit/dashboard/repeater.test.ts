// When a page asks the server again: events faster than its delay must neither put it off for ever nor pile up
// questions.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Repeater, type RepeaterOptions } from "../../../dashboard/src/lib/repeater.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Each run takes `lengthMs`. */
function counted(options: RepeaterOptions, lengthMs = 0) {
  const runs = { begun: 0, atOnce: 0, most: 0, signal: undefined as AbortSignal | undefined };
  const repeater = new Repeater(async (signal) => {
    runs.begun++;
    runs.signal = signal;
    runs.most = Math.max(runs.most, ++runs.atOnce);
    await new Promise((resolve) => setTimeout(resolve, lengthMs));
    runs.atOnce--;
  }, options);
  return { repeater, runs };
}

it("runs although it is asked for more often than it waits", async () => {
  const { repeater, runs } = counted({ shortestMs: 250 });
  for (let ms = 0; ms < 2000; ms += 50) {
    repeater.ask(250);
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(runs.begun).toBeGreaterThanOrEqual(4);
  expect(runs.begun).toBeLessThanOrEqual(8);
});

it("runs one at a time, and once more where it was asked for meanwhile", async () => {
  const { repeater, runs } = counted({ shortestMs: 100 }, 1000);
  repeater.ask();
  await vi.advanceTimersByTimeAsync(10);
  for (let each = 0; each < 20; each++) repeater.ask();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toMatchObject({ begun: 2, most: 1 });
});

it("runs by itself behind each run, and never again once it is stopped", async () => {
  const { repeater, runs } = counted({ shortestMs: 100, everyMs: 1000 });
  repeater.ask();
  await vi.advanceTimersByTimeAsync(3500);
  expect(runs.begun).toBe(4);
  repeater.stop();
  repeater.ask();
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs.begun).toBe(4);
  expect(runs.signal?.aborted).toBe(true);
});
