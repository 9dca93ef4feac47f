// The periodic sync with a finish pool that answers as a test says; what a sync itself covers is in test/unit/worker.

import { afterEach, beforeEach, expect, it } from "vitest";
import { SEG_OUTPUT_FD_OFFSET } from "../../../../src/abi/segment.js";
import { Arena } from "../../../../src/arena/arena.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { UNKNOWN_ORIGIN } from "../../../../src/container/segment-origin.js";
import { outputAt } from "../../../../src/container/segment-state.js";
import { PeriodicSync } from "../../../../src/recording/lifecycle/periodic-sync.js";
import { Segment } from "../../../../src/recording/lifecycle/segment.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { Pools } from "../../../../src/worker/pools.js";
import type { SyncItem, SyncResult } from "../../../../src/worker/sync-task.js";
import { until } from "../../../support/until.js";

const NEVER_MS = 600_000;

let arena: Arena;
let segments: Segment[];
let failed: Segment[];
let asked: string[][];
let answer: () => SyncResult[];
let pools: { isClosing: boolean; sync(items: readonly SyncItem[]): Promise<SyncResult[]> };
let periodic: PeriodicSync;

beforeEach(() => {
  arena = new Arena();
  const reservations = new Reservations();
  segments = ["a", "b"].map((name) => {
    const reservation = reservations.take(`/media/${name}.ts`);
    const segment = new Segment(arena, reservation, 1, false, { wallMs: 0, monotonicMs: 0 }, "ts", UNKNOWN_ORIGIN);
    arena.view.setInt32(outputAt(segment.pointer, 0) + SEG_OUTPUT_FD_OFFSET, 5, true);
    return segment;
  });
  failed = [];
  asked = [];
  pools = {
    isClosing: false,
    sync: async (items) => {
      asked.push(items.map(({ path }) => path));
      return answer();
    },
  };
  periodic = new PeriodicSync({
    pools: pools as unknown as Pools,
    logger: silentLogger,
    intervalMs: NEVER_MS,
    growing: () => segments.map((segment) => ({ segment, container: "ts", durability: "close" })),
    onFailed: (segment) => failed.push(segment),
  });
});
afterEach(() => periodic.close());

async function syncOnce(): Promise<void> {
  const before = asked.length;
  periodic.kick();
  await until("a sync", () => asked.length > before);
  await new Promise(setImmediate);
}

it("tells of every file that a thread had when it died, and syncs none of them again", async () => {
  answer = () => {
    throw new Error("the thread died");
  };
  await syncOnce();
  expect(failed).toEqual(segments);
  for (const segment of segments)
    expect(segment.syncFailure).toMatchObject({ code: "notDurable", message: expect.stringContaining(segment.path) });
  periodic.kick();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(asked).toHaveLength(1);
});

it("syncs a file that has come while the sync of its segment was under way, and then no more", async () => {
  answer = () => {
    // As a drain does, when a track joins.
    if (asked.length === 1) arena.view.setInt32(outputAt(first.pointer, 1) + SEG_OUTPUT_FD_OFFSET, 6, true);
    return segments.map(() => ({ files: asked.length, infoBytes: 0, failure: undefined }));
  };
  const [first] = segments as [Segment];
  await syncOnce();
  await until("the second", () => asked.length === 2);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect(asked).toEqual([["/media/a.ts", "/media/b.ts"], ["/media/a.ts"]]);
});

it("lets new names rest behind a sync that took long, and then syncs those of the whole rest at once", async () => {
  answer = () => segments.map(() => ({ files: asked.length, infoBytes: 0, failure: undefined }));
  const { sync } = pools;
  pools.sync = async (items) => {
    await new Promise((resolve) => setTimeout(resolve, 40));
    return sync(items);
  };
  await syncOnce();
  for (const { pointer } of segments) {
    arena.view.setInt32(outputAt(pointer, 1) + SEG_OUTPUT_FD_OFFSET, 6, true);
    periodic.kick();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  expect(asked).toHaveLength(1);
  await until("the second", () => asked.length === 2);
  expect(asked[1]).toEqual(["/media/a.ts", "/media/b.ts"]);
});

it("asks no second time, by itself, for a file whose sync found nothing", async () => {
  answer = () => segments.map(() => ({ files: 0, infoBytes: 0, failure: undefined }));
  await syncOnce();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(asked).toHaveLength(1);
});

it("takes a thread that ends with the server for no failure", async () => {
  answer = () => {
    pools.isClosing = true;
    throw new Error("terminated");
  };
  await syncOnce();
  expect(failed).toEqual([]);
});

it("tells of the one file whose sync failed", async () => {
  const failure = { code: "notDurable", message: "no", path: "/media/b.ts", errno: "EIO" } as const;
  answer = () => [undefined, failure].map((one) => ({ files: 1, infoBytes: 0, failure: one }));
  await syncOnce();
  expect(failed).toEqual([segments[1]]);
});
