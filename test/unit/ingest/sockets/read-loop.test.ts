// What all sockets of a loop are read into.

import { afterEach, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { ReadLoop } from "../../../../src/ingest/sockets/read-loop.js";

const loop = ReadLoop.create(new Arena(), 100);
afterEach(() => loop.close());

it("gives copies to who keeps a part of it: another socket is read into the same bytes", () => {
  loop.buffer.fill(1);
  const kept = loop.buffer.slice(10, 20);
  loop.buffer.fill(2);
  expect(kept).toEqual(new Uint8Array(10).fill(1));
});
