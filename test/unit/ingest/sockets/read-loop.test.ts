// What all sockets of a loop are read into.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, expect, it } from "vitest";
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
