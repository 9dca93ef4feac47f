// What all sockets of a loop are read into.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, expect, it, vi } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { ReadLoop } from "../../../../src/ingest/sockets/read-loop.js";

const arena = new Arena();
const loop = ReadLoop.create(arena, 100);
afterAll(() => loop.close());

it("gives copies to who keeps a part of it: another socket is read into the same bytes", () => {
  loop.buffer.fill(1);
  const kept = loop.buffer.slice(10, 20);
  loop.buffer.fill(2);
  expect(kept).toEqual(new Uint8Array(10).fill(1));
});

it("is known to lie in the arena, also where another thread has looked how large that is", async () => {
  const before = arena.memory.buffer;
  const looking = new Worker("require('node:worker_threads').workerData.grow(0)", {
    ...{ eval: true, workerData: arena.memory },
  });
  await once(looking, "exit");
  // Otherwise the test would prove nothing.
  expect(arena.memory.buffer).not.toBe(before);
  const other = ReadLoop.create(arena, 100);
  expect(arena.pointerOf(other.buffer)).toBe(other.buffer.byteOffset);
  expect(arena.pointerOf(loop.buffer)).toBe(loop.buffer.byteOffset);
  other.close();
});

it("ticks while sockets are open, and forgets who rested when the last has gone", () => {
  vi.useFakeTimers();
  try {
    const own = ReadLoop.create(arena, 100);
    const poll = vi.fn();
    vi.advanceTimersByTime(1000);
    expect(own.ticks).toBe(0);
    own.joined();
    own.joined();
    own.left();
    own.schedule({ poll }, 2);
    vi.advanceTimersByTime(75);
    expect([own.ticks, poll.mock.calls.length]).toEqual([3, 1]);
    own.schedule({ poll }, 2);
    own.left();
    vi.advanceTimersByTime(1000);
    own.joined();
    vi.advanceTimersByTime(250);
    expect([own.ticks, poll.mock.calls.length]).toEqual([13, 1]);
    own.close();
    vi.advanceTimersByTime(1000);
    expect(own.ticks).toBe(13);
  } finally {
    vi.useRealTimers();
  }
});
