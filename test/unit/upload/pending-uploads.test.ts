// The order of uploads, and how long one that failed waits.

import { expect, it } from "vitest";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { PendingUploads } from "../../../src/upload/pending-uploads.js";

const segment = (id: number, stoppedMs: number): CatalogSegment => ({ id, stoppedMs, sizeBytes: 10 }) as CatalogSegment;
const FAILURE = { code: "SlowDown", reason: "503", isFinal: false, isServers: true };

it("takes the oldest end first", () => {
  const pending = new PendingUploads(2, () => 1);
  for (const [id, end] of [
    [1, 300],
    [2, 100],
    [3, 200],
    [4, 100],
  ] as const)
    pending.add(segment(id, end), "k");
  expect(pending.sorted().map(({ segment: { id } }) => id)).toEqual([2, 4, 3, 1]);
  expect(pending.next(0)?.segment.id).toBe(2);
  expect(pending).toMatchObject({ size: 4, bytes: 40 });
});

it("waits between half a pause and a whole one, doubles it up to five minutes, and goes on with the next meanwhile", () => {
  let jitter = 0;
  const pending = new PendingUploads(100, () => jitter, 1000);
  const first = pending.add(segment(1, 100), "a");
  pending.add(segment(2, 200), "b");
  const pauseOf = (tries: number): number => {
    first.tries = tries;
    pending.failed(first, { ...FAILURE, isServers: false }, 5000);
    return first.nextTryMs - 5000;
  };
  expect([1, 2, 3, 4].map(pauseOf)).toEqual([500, 1000, 2000, 4000]);
  jitter = 1;
  expect([1, 2, 40].map(pauseOf)).toEqual([1000, 2000, 300_000]);
  expect(pending.next(5000)?.segment.id).toBe(2);
});

it("tries one at a time, with pauses, while the server fails everything", () => {
  const pending = new PendingUploads(2, () => 1, 1000);
  for (const id of [1, 2, 3, 4, 5]) pending.add(segment(id, id), "k");
  const fail = (nowMs: number): void => {
    const next = pending.next(nowMs);
    if (!next) throw new Error("none may be tried");
    next.tries++;
    pending.failed(next, FAILURE, nowMs);
  };
  fail(0);
  fail(0);
  expect(pending.next(0)?.segment.id).toBe(3);
  fail(0);
  expect(pending.next(0), "the server is down").toBeUndefined();
  expect(pending.nextMs()).toBe(1000);
  const probe = pending.next(1000);
  expect(probe).toBeDefined();
  if (probe) probe.isUnderWay = true;
  expect(pending.next(1000), "one at a time").toBeUndefined();
  if (probe) pending.succeeded(probe.segment.id);
  expect(pending.next(1000)).toBeDefined();
  pending.retryNow();
  expect(pending.sorted().every(({ nextTryMs }) => nextTryMs === 0)).toBe(true);
});

it("holds more files than a function takes arguments", () => {
  const pending = new PendingUploads(1, () => 1);
  for (let id = 1; id <= 200_000; id++) pending.add(segment(id, id), "k").nextTryMs = id;
  expect(pending.nextMs()).toBe(1);
});

it("tries every file, though some fail for ever on their own", () => {
  const pending = new PendingUploads(2, () => 1, 1000);
  for (const id of [1, 2, 3]) pending.add(segment(id, id), "k");
  let nowMs = 0;
  let uploaded = 0;
  for (let id = 4; id < 100; id++) {
    pending.add(segment(id, id), "k");
    for (const endMs = nowMs + 600_000; nowMs < endMs; nowMs += 1000) {
      const next = pending.next(nowMs);
      if (!next) continue;
      next.tries++;
      if (next.segment.id <= 3) pending.failed(next, FAILURE, nowMs);
      else {
        pending.succeeded(next.segment.id);
        uploaded++;
      }
    }
  }
  expect(uploaded).toBe(96);
});
