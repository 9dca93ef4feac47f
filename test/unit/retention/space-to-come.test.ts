// Space that deletions free late, or never, is waited for; on a volume that frees at once not for long.

import { expect, it } from "vitest";
import { patienceMs, SpaceToCome } from "../../../src/retention/space-to-come.js";

const [BTRFS, TMPFS] = [0x9123683e, 0x01021994];

it("waits half a minute for what a volume frees late, and counts what has come", () => {
  const space = new SpaceToCome(patienceMs(BTRFS));
  space.seen(1000, 0);
  space.deleted(300, 0);
  space.seen(1000, 10);
  expect(space.bytes).toBe(300);
  space.seen(1100, 29_000);
  expect(space.bytes).toBe(200);
  space.seen(1100, 30_000);
  expect(space.bytes).toBe(0);
});

it("waits two seconds where a volume frees at once, also where writers hide it again and again", () => {
  const space = new SpaceToCome(patienceMs(TMPFS));
  space.seen(1000, 0);
  for (let atMs = 0; atMs < 100_000; atMs += 2000) {
    space.deleted(300, atMs);
    space.seen(1000, atMs + 1999);
    expect(space.bytes).toBe(300);
    space.seen(1000, atMs + 2000);
    expect(space.bytes).toBe(0);
  }
});
