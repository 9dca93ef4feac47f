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
  space.deleted(300, 2000);
  space.seen(1200, 4000);
  expect(space.bytes).toBe(0);
  space.deleted(300, 4000);
  space.seen(1200, 33_000);
  expect(space.bytes).toBe(300);
});
