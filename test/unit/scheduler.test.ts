// The scheduler alone: which recordings get a worker, where there are fewer workers than work. Recordings and pools are stand-ins.

import { afterEach, describe, expect, it } from "vitest";
import { Arena } from "../../src/arena/arena.js";
import { silentLogger } from "../../src/arena/logger.js";
import type { Recording } from "../../src/recording/recording.js";
import { DEFAULT_SCHEDULER_OPTIONS, Scheduler } from "../../src/recording/scheduler.js";
import type { DrainBatch, DrainItem, DrainResult } from "../../src/worker/drain-task.js";
import { OUTPUT_BYTES, type Pools } from "../../src/worker/pools.js";
import { TestClock } from "../support/test-clock.js";

let scheduler: Scheduler | undefined;
afterEach(() => scheduler?.close());

/** A recording that always has something to drain. */
function busy(id: number, volume: number): Recording {
  const recording = {
    id,
    target: { volume },
    wantedOutput: 0,
    inFlight: false,
    lastDrainMs: 0,
    nameWantedMs: undefined,
    isRunningInWorker: false,
    isDue: () => !recording.inFlight,
    dispatch(nowMs: number, ticket: number) {
      recording.inFlight = true;
      recording.lastDrainMs = nowMs;
      return { recording: id, ticket } as DrainItem;
    },
    onResult: () => {
      recording.inFlight = false;
    },
  };
  return recording as unknown as Recording;
}

describe("a scheduler", () => {
  it("lets a volume that always has work keep none of the others from theirs, and mixes none in a batch", async () => {
    const arena = new Arena();
    const out = arena.allocate(OUTPUT_BYTES);
    const clock = new TestClock();
    const batches: number[][] = [];
    let settle = (): void => {};
    const pools = {
      workers: 1,
      takeOutput: () => out,
      releaseOutput: () => undefined,
      drain: (batch: DrainBatch) => {
        batches.push(batch.items.map((item) => item.recording));
        return new Promise<DrainResult[]>((resolve) => {
          settle = () => resolve(batch.items.map(() => ({}) as DrainResult));
        });
      },
    } as unknown as Pools;
    scheduler = new Scheduler(arena, pools, clock, silentLogger, { ...DEFAULT_SCHEDULER_OPTIONS, tickMs: 1_000_000 });
    for (let id = 0; id < 100; id++) scheduler.add(busy(id, 1));
    for (let id = 100; id < 103; id++) scheduler.add(busy(id, 2));
    for (let turn = 0; turn < 6; turn++) {
      clock.nowMs += 1000;
      scheduler.kick();
      await new Promise((resolve) => setImmediate(resolve));
      settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const drained = new Set(batches.flat());
    expect(drained.size).toBe(103);
    for (const batch of batches) expect(new Set(batch.map((id) => id < 100)).size).toBe(1);
  });
});
