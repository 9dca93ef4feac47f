// When the attempts of many sources begin: after their own pauses, and never more than fifty a second together.

import { describe, expect, it } from "vitest";
import { ATTEMPTS_PER_SECOND, AttemptPacer } from "../../../../src/ingest/pull/attempt-pacer.js";
import { retryDelayMs } from "../../../../src/ingest/retry.js";
import { FakeTime } from "../../../support/fake-time.js";
import { mulberry32 } from "../../../support/random.js";

function setup() {
  const time = new FakeTime();
  return { time, pacer: new AttemptPacer(time.clock, time.timers), begun: [] as number[] };
}

describe("attempts", () => {
  it("begin at once where nothing is to be waited for, and after their pause else", () => {
    const { time, pacer, begun } = setup();
    pacer.schedule(0, () => begun.push(time.nowMs));
    expect(begun).toEqual([0]);
    pacer.schedule(1000, () => begun.push(time.nowMs));
    pacer.schedule(500, () => begun.push(time.nowMs));
    time.advance(999);
    expect(begun).toEqual([0, 500]);
    time.advance(1);
    expect([begun, time.pending]).toEqual([[0, 500, 1000], 0]);
  });

  it("of five hundred cameras that come back at once are fifty a second, each in its turn", () => {
    const { time, pacer, begun } = setup();
    const order: number[] = [];
    for (let camera = 0; camera < 500; camera++)
      pacer.schedule(0, () => {
        begun.push(time.nowMs);
        order.push(camera);
      });
    // One timer, however many wait.
    expect(time.pending).toBe(1);
    time.advance(20_000);
    expect(order).toEqual(Array.from({ length: 500 }, (_, camera) => camera));
    expect(begun.at(-1)).toBeLessThanOrEqual(10_000);
    for (const atMs of begun)
      expect(begun.filter((other) => other >= atMs && other < atMs + 1000).length).toBeLessThanOrEqual(
        ATTEMPTS_PER_SECOND,
      );
  });

  it("are as many where every timer is late", () => {
    const { time, begun } = setup();
    const late = new AttemptPacer(time.clock, { ...time.timers, after: (ms, act) => time.timers.after(ms + 5, act) });
    for (let camera = 0; camera < 100; camera++) late.schedule(0, () => begun.push(time.nowMs));
    time.advance(2010);
    expect(begun).toHaveLength(100);
  });

  it("of a fleet that stays dead keep to the budget, and none is forgotten", () => {
    const { time, pacer } = setup();
    const random = mulberry32(1);
    const attempts = new Array<number>(300).fill(0);
    const perSecond = new Map<number, number>();
    const tryAgain = (camera: number): void => {
      attempts[camera] = (attempts[camera] ?? 0) + 1;
      const second = Math.floor(time.nowMs / 1000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      pacer.schedule(retryDelayMs(attempts[camera] ?? 1, 0, random()), () => tryAgain(camera));
    };
    for (let camera = 0; camera < 300; camera++) pacer.schedule(0, () => tryAgain(camera));
    time.advance(120_000);
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(ATTEMPTS_PER_SECOND);
    expect(Math.min(...attempts)).toBeGreaterThan(10);
    expect(time.pending).toBe(1);
  });

  it("that are cancelled never begin, and leave no timer behind", () => {
    const { time, pacer, begun } = setup();
    const cancels = [10, 20, 30].map((delayMs) => pacer.schedule(delayMs, () => begun.push(delayMs)));
    cancels[1]?.();
    time.advance(15);
    cancels[2]?.();
    cancels[0]?.();
    time.advance(1000);
    expect([begun, time.pending]).toEqual([[10], 0]);
  });
});
