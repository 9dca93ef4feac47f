// The scheduler alone: which recordings get a worker, where there are fewer workers than work. Recordings and pools are
// stand-ins.

import { afterEach, describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { OUTPUT_BYTES } from "../../../../src/container/segment-output.js";
import type { Recording } from "../../../../src/recording/lifecycle/recording.js";
import { DEFAULT_SCHEDULER_OPTIONS, Scheduler } from "../../../../src/recording/lifecycle/scheduler.js";
import type { DrainBatch, DrainItem, DrainResult } from "../../../../src/worker/drain-batch.js";
import type { Pools } from "../../../../src/worker/pools.js";
import { TestClock } from "../../../support/test-clock.js";

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

function rig(): {
  scheduler: Scheduler;
  arena: Arena;
  clock: TestClock;
  batches: number[][];
  turn: () => Promise<void>;
} {
  const arena = new Arena({ maximumBytes: 8 << 20 });
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
  const made = new Scheduler(arena, pools, clock, silentLogger, { ...DEFAULT_SCHEDULER_OPTIONS, tickMs: 1_000_000 });
  scheduler = made;
  /** A second passes; the one thread gets a batch and does it. */
  const turn = async (): Promise<void> => {
    clock.nowMs += 1000;
    made.kick();
    await new Promise((resolve) => setImmediate(resolve));
    settle();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { scheduler: made, arena, clock, batches, turn };
}

describe("a scheduler", () => {
  it("lets a volume that always has work keep none of the others from theirs, and mixes none in a batch", async () => {
    const { scheduler, batches, turn } = rig();
    for (let id = 0; id < 100; id++) scheduler.add(busy(id, 1));
    for (let id = 100; id < 103; id++) scheduler.add(busy(id, 2));
    for (let i = 0; i < 6; i++) await turn();
    expect(new Set(batches.flat()).size).toBe(103);
    for (const batch of batches) expect(new Set(batch.map((id) => id < 100)).size).toBe(1);
  });

  it("gives the thread to others while there is no memory for a frame that wants a large output", async () => {
    const { scheduler, clock, batches, turn } = rig();
    const starved = Object.assign(busy(0, 1), { wantedOutput: 64 << 20, lastDrainMs: 0, lastProgressMs: clock.nowMs });
    scheduler.add(starved);
    scheduler.add(Object.assign(busy(1, 1), { lastDrainMs: 1 }));
    await turn();
    await turn();
    expect(batches.length).toBeGreaterThan(0);
    expect(new Set(batches.flat())).toEqual(new Set([1]));
  });
});
