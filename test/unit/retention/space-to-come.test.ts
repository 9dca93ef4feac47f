// Space that deletions free late, or never, is waited for; a volume that frees at once is not.

import { expect, it } from "vitest";
import { SpaceToCome } from "../../../src/retention/space-to-come.js";

it("waits half a minute for what a volume frees late, and counts what has come", () => {
  const space = new SpaceToCome();
  space.seen(1000, 0);
  space.deleted(300, 0);
  space.seen(1000, 10);
  expect(space.bytes).toBe(300);
  space.seen(1100, 29_000);
  expect(space.bytes).toBe(200);
  space.seen(1100, 30_000);
  expect(space.bytes).toBe(0);
});

it("waits two seconds for the rest where it has been seen to free at once, until nothing comes", () => {
  const space = new SpaceToCome();
  space.seen(1000, 0);
  space.deleted(300, 0);
  space.seen(1200, 10);
  expect(space.bytes).toBe(100);
  space.seen(1200, 2000);
  expect(space.bytes).toBe(0);
  for (let atMs = 2000; atMs < 12_000; atMs += 2000) {
    space.deleted(300, atMs); // four of which nothing is seen, because others write, and then one more
    space.seen(1200, atMs + 2000);
    expect(space.bytes).toBe(0);
  }
  space.deleted(300, 12_000);
  space.seen(1200, 41_000);
  expect(space.bytes).toBe(300);
});

it("goes on waiting two seconds where what comes at once is seen again", () => {
  const space = new SpaceToCome();
  let freeBytes = 1000;
  space.seen(freeBytes, 0);
  for (let atMs = 0; atMs < 100_000; atMs += 2000) {
    space.deleted(300, atMs);
    if (atMs % 8000 === 0) freeBytes += 200;
    space.seen(freeBytes, atMs + 10);
    space.seen(freeBytes, atMs + 2000);
    expect(space.bytes).toBe(0);
  }
});
