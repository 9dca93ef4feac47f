// A worker's views of the arena: the same numbers at the same places as the main thread's, also behind a growth.

import { describe, expect, it } from "vitest";
import { Arena } from "../../../src/arena/arena.js";
import { ArenaViews } from "../../../src/arena/arena-views.js";

const LARGE = 40 * 1024 * 1024;

describe("a worker's views", () => {
  it("read and write the numbers that the arena reads and writes", () => {
    const arena = new Arena();
    const views = new ArenaViews(arena.memory);
    const at = arena.allocate(64);
    for (const value of [0, 1, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 2 ** 52 + 3, -(2 ** 40) - 3]) {
      arena.setI64(at, value);
      expect(views.i64(at)).toBe(value);
      views.setI64(at + 8, value);
      expect(arena.i64(at + 8)).toBe(value);
    }
    arena.view.setUint32(at, 0xfedcba98, true);
    expect(views.u32(at)).toBe(0xfedcba98);
    views.setU32(at, 0x89abcdef);
    expect(arena.view.getUint32(at, true)).toBe(0x89abcdef);
    arena.view.setFloat64(at, 1.5e12, true);
    expect(views.f64(at)).toBe(1.5e12);
    arena.u8[at + 3] = 77;
    expect(views.u8(at)[at + 3]).toBe(77);
    arena.i32[at >>> 2] = -5;
    expect(views.i32(at)[at >>> 2]).toBe(-5);
  });

  it("reach memory that has grown since they were made, whichever is asked for", () => {
    const reads = {
      u8: (views, at) => views.u8(at)[at],
      i32: (views, at) => (views.i32(at)[at >>> 2] ?? 0) & 255,
      bytes: (views, at) => views.bytes(at, 4)[0],
      u32: (views, at) => views.u32(at) & 255,
      i64: (views, at) => views.i64(at) & 255,
    } satisfies Record<string, (views: ArenaViews, at: number) => number | undefined>;
    for (const [name, read] of Object.entries(reads)) {
      const arena = new Arena();
      const views = new ArenaViews(arena.memory);
      const at = arena.allocate(LARGE) + LARGE - 64;
      arena.u8[at] = 99;
      expect(read(views, at), name).toBe(99);
    }
  });

  it("reach the first byte behind what they covered", () => {
    const arena = new Arena();
    const end = arena.stats().sizeBytes;
    const views = new ArenaViews(arena.memory);
    arena.allocate(LARGE);
    arena.u8[end] = 5;
    expect(views.u8(end)[end]).toBe(5);
    expect(new ArenaViews(arena.memory).bytes(end - 1, 2)).toHaveLength(2);
  });

  it("give a range whose last byte lies behind what they covered", () => {
    const arena = new Arena();
    const end = arena.stats().sizeBytes;
    const views = new ArenaViews(arena.memory);
    arena.allocate(LARGE);
    arena.u8.fill(7, end - 2, end + 2);
    expect([...views.bytes(end - 2, 4)]).toEqual([7, 7, 7, 7]);
    expect([...views.bytes(end - 2, 3)]).toEqual([7, 7, 7]);
  });
});
