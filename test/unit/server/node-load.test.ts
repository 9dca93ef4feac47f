// What of a host is free, with cores, volumes and a clock of the test's.

import { expect, it } from "vitest";
import { NodeLoad } from "../../../src/server/node-load.js";
import { until } from "../../support/until.js";

const times = (busy: number, idle: number) => ({ times: { user: busy, nice: 0, sys: 0, irq: 0, idle } });

it("measures cores and bits over the time since its last look, and the fullest volume, every ten seconds", async () => {
  let nowMs = 1000;
  let bytes = 5000;
  let cores = [times(100, 900), times(200, 800)];
  let answers = true;
  const load = new NodeLoad({
    volumes: [
      { state: async () => ({ answers: true, freeBytes: 90, sizeBytes: 100 }) },
      { state: async () => ({ answers, freeBytes: 30, sizeBytes: 100 }) },
    ],
    recordedBytes: () => bytes,
    capacityMbps: 10,
    clock: { monotonicMs: () => nowMs },
    cores: () => cores,
  });
  expect(load.get()).toEqual({ cpuFree: 1, diskFree: 1, bitRateFree: 1 });
  nowMs += 9_000;
  cores = [times(6_000, 4_000), times(1_200, 9_800)];
  bytes += 2_500_000;
  load.get();
  nowMs += 1_000;
  load.get();
  await until("it has looked", () => load.get().cpuFree < 1);
  // Of both cores together; 2 Mb/s of 10.
  expect(load.get().cpuFree).toBeCloseTo((3_100 + 9_000) / (9_000 + 10_000));
  expect(load.get()).toMatchObject({ diskFree: 0.3, bitRateFree: 0.8 });
  nowMs += 10_000;
  answers = false;
  await load.look();
  // Nothing was recorded meanwhile, no core has ticked, and a volume that hangs takes nothing.
  expect(load.get()).toEqual({ cpuFree: 1, diskFree: 0, bitRateFree: 1 });
});

it("takes a volume that does not tell its size for one that is never full", async () => {
  const load = new NodeLoad({
    volumes: [{ state: async () => ({ answers: true, freeBytes: 0, sizeBytes: 0 }) }],
    recordedBytes: () => 0,
    capacityMbps: undefined,
    clock: { monotonicMs: () => performance.now() },
  });
  await load.look();
  expect(load.get().diskFree).toBe(1);
});

it("has room without end where neither a volume nor a bound is given", async () => {
  const load = new NodeLoad({
    volumes: [],
    recordedBytes: () => performance.now() * 1e9,
    capacityMbps: undefined,
    clock: { monotonicMs: () => performance.now() },
  });
  await load.look();
  expect(load.get()).toMatchObject({ diskFree: 1, bitRateFree: 1 });
});
