// The arena's allocator: blocks are zeroed, aligned, never overlap, come back to the free ranges whole, and survive
// growth; the limit is a typed error.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARENA_BASE, Arena } from "../../../src/arena/arena.js";
import { ReelError } from "../../../src/base/reel-error.js";
import { effort, seed } from "../../support/effort.js";

const MIB = 1 << 20;

describe("Arena", () => {
  it("hands out zeroed blocks on cache lines, above the module's constants", () => {
    const arena = new Arena();
    const block = arena.allocate(100);
    expect(block % 64).toBe(0);
    expect(block).toBeGreaterThanOrEqual(ARENA_BASE);
    arena.u8.fill(7, block, block + 100);
    arena.free(block);
    const again = arena.allocate(100);
    expect(again).toBe(block);
    expect(arena.u8.subarray(again, again + 128).every((byte) => byte === 0)).toBe(true);
  });

  it("keeps what blocks hold when it grows, and the accessors follow", () => {
    const arena = new Arena();
    const block = arena.allocate(64);
    arena.setI64(block, -(2 ** 40) - 3);
    const before = arena.u8;
    const large = arena.allocate(40 * MIB);
    expect(arena.u8.byteLength).toBeGreaterThan(before.byteLength);
    expect(arena.i64(block)).toBe(-(2 ** 40) - 3);
    arena.u8[large + 40 * MIB - 1] = 1;
    expect(arena.view.getUint8(large + 40 * MIB - 1)).toBe(1);
  });

  it("says where bytes lie, also in a view that was made before it grew", () => {
    const arena = new Arena();
    const block = arena.allocate(64);
    const before = new Uint8Array(arena.memory.buffer, block, 64);
    arena.allocate(40 * MIB);
    const since = new Uint8Array(arena.memory.buffer, block + 8, 8);
    expect(arena.pointerOf(before)).toBe(block);
    expect(arena.pointerOf(since)).toBe(block + 8);
    expect(arena.pointerOf(new Uint8Array(64))).toBe(-1);
  });

  it("stores 64-bit integers on both sides of zero and of 2^32", () => {
    const arena = new Arena();
    const block = arena.allocate(64);
    for (const value of [
      0,
      1,
      -1,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 32),
      -(2 ** 32) - 1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ]) {
      arena.setI64(block, value);
      expect(arena.i64(block)).toBe(value);
      expect(arena.view.getBigInt64(block, true)).toBe(BigInt(value));
    }
  });

  it("says `arenaFull` at its limit, and goes on with what is left", () => {
    const arena = new Arena({ maximumBytes: 4 * MIB });
    const block = arena.allocate(3 * MIB);
    expect(() => arena.allocate(2 * MIB)).toThrow(ReelError);
    expect(() => arena.allocate(2 * MIB)).toThrow(/limit of 4 MiB/);
    arena.free(block);
    expect(arena.allocate(2 * MIB)).toBeGreaterThan(0);
  });

  it("refuses sizes and pointers that are none", () => {
    const arena = new Arena();
    for (const size of [0, -1, Number.NaN]) expect(() => arena.allocate(size)).toThrow(ReelError);
    expect(() => arena.free(ARENA_BASE)).toThrow(/no block/);
    const block = arena.allocate(10);
    arena.free(block);
    expect(() => arena.free(block)).toThrow(/no block/);
  });

  it("never overlaps blocks and never loses bytes, in any order of use", () => {
    const command = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          size: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 3 * MIB })),
        }),
      },
      { weight: 2, arbitrary: fc.record({ drop: fc.nat() }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const arena = new Arena();
        const held: { pointer: number; size: number; mark: number }[] = [];
        commands.forEach((entry, i) => {
          if ("size" in entry) {
            const pointer = arena.allocate(entry.size);
            const mark = (i % 255) + 1;
            arena.u8[pointer] = mark;
            arena.u8[pointer + entry.size - 1] = mark;
            held.push({ pointer, size: entry.size, mark });
          } else if (held.length > 0) {
            const [block] = held.splice(entry.drop % held.length, 1);
            if (block) arena.free(block.pointer);
          }
        });
        const sorted = [...held].sort((a, b) => a.pointer - b.pointer);
        sorted.forEach((block, i) => {
          const next = sorted[i + 1];
          if (next) expect(block.pointer + block.size).toBeLessThanOrEqual(next.pointer);
          expect([arena.u8[block.pointer], arena.u8[block.pointer + block.size - 1]]).toEqual([block.mark, block.mark]);
        });
        const { sizeBytes } = arena.stats();
        for (const block of held) arena.free(block.pointer);
        expect(arena.stats()).toEqual({ blocks: 0, usedBytes: 0, sizeBytes });
        // Everything is one range again: the largest block that the memory can hold fits without growth.
        arena.allocate(sizeBytes - ARENA_BASE);
        expect(arena.stats().sizeBytes).toBe(sizeBytes);
      }),
      { numRuns: effort(40, 1000), seed },
    );
  });
});
