// The producer's side of a FrameRing: contiguous frames, fillers, a full ring that never overwrites, growth under
// indices that stay, and indices that pass 2^32.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { RING_CAPACITY_OFFSET, RING_HEAD_OFFSET } from "../../../src/abi/ring.js";
import { Arena } from "../../../src/arena/arena.js";
import { FrameRing } from "../../../src/arena/frame-ring.js";
import { frameStride } from "../../../src/arena/ring-producer.js";
import { ReelError } from "../../../src/base/reel-error.js";
import { effort, seed } from "../../support/effort.js";

const HEADER = { track: TRACK_VIDEO, flags: FLAG_RANDOM_ACCESS, dts90k: 0, ctsOffset90k: 0, config: 64 };

/** Writes a frame of a size, filled with a byte; false where the ring is full. */
function write(arena: Arena, ring: FrameRing, sizeBytes: number, fill: number, dts90k = 0): boolean {
  const pointer = ring.reserve(sizeBytes);
  if (pointer === 0) return false;
  arena.u8.fill(fill, pointer, pointer + sizeBytes);
  ring.commit({ ...HEADER, dts90k }, sizeBytes);
  return true;
}

describe("FrameRing", () => {
  it("leaves nothing in an arena that has no room for it", () => {
    const arena = new Arena({ maximumBytes: 2 << 20 });
    expect(() => new FrameRing(arena, 4 << 20)).toThrow(ReelError);
    expect(arena.stats()).toMatchObject({ blocks: 0, usedBytes: 0 });
  });

  it("gives a frame back as it was written", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    const pointer = ring.reserve(5);
    arena.u8.set([1, 2, 3, 4, 5], pointer);
    const header = { track: TRACK_AUDIO, flags: 3, dts90k: 2 ** 40 + 1, ctsOffset90k: -7, config: 128 };
    const index = ring.commit(header, 5);
    expect(ring.frameAt(index)).toEqual({ ...header, index, next: index + 64, sizeBytes: 5, payload: pointer });
    expect(Atomics.load(arena.u32, (ring.pointer + RING_HEAD_OFFSET) >>> 2)).toBe(64);
  });

  it("shows nothing before the commit, and nothing of what was abandoned", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    ring.reserve(100);
    expect(ring.frameAt(0)).toBeUndefined();
    ring.abandon();
    expect(() => ring.commit(HEADER, 1)).toThrow(ReelError);
    expect(ring.head).toBe(0);
  });

  it("takes fewer bytes than were reserved, and not more", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    ring.reserve(1000);
    ring.commit(HEADER, 10);
    expect(ring.head).toBe(frameStride(10));
    ring.reserve(10);
    expect(() => ring.commit(HEADER, 11)).toThrow(ReelError);
  });

  it("never overwrites: it answers 0 until the tail has moved", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    while (write(arena, ring, 480, 9));
    expect(ring.heldBytes).toBe(4096);
    expect(ring.reserve(1)).toBe(0);
    ring.setTail(512);
    expect(write(arena, ring, 480, 9)).toBe(true);
    expect(ring.reserve(1)).toBe(0);
  });

  it("takes a frame of exactly its capacity, and none that is larger", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    expect(ring.reserve(4096 - 31)).toBe(0);
    expect(write(arena, ring, 4096 - 32, 1)).toBe(true);
  });

  it("refuses capacities that are no power of two", () => {
    const arena = new Arena();
    for (const capacity of [0, 2048, 5000]) expect(() => new FrameRing(arena, capacity)).toThrow(ReelError);
    const ring = new FrameRing(arena, 8192);
    expect(() => ring.resize(8192)).toThrow(/only grows/);
  });

  it("gives everything back to the arena", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 4096);
    ring.resize(16_384);
    ring.free();
    expect(arena.stats().blocks).toBe(0);
  });

  it("goes on where indices pass 2^32", () => {
    const arena = new Arena();
    const ring = new FrameRing(arena, 65_536);
    // Whole laps, one frame each, up to the last lap before the wrap.
    while (ring.head !== 2 ** 32 - 65_536) {
      ring.reserve(65_536 - 32);
      ring.commit(HEADER, 65_536 - 32);
      ring.setTail(ring.head);
    }
    let tail = ring.head;
    for (let i = 0; i < 200; i++) {
      expect(write(arena, ring, 900 + i, i)).toBe(true);
      const frame = ring.frameAt(tail);
      expect(frame?.sizeBytes).toBe(900 + i);
      expect(arena.u8[frame?.payload ?? 0]).toBe(i);
      tail = frame?.next ?? 0;
      ring.setTail(tail);
      if (i === 100) ring.resize(131_072);
    }
    expect(ring.head).toBeLessThan(300_000);
    expect(ring.heldBytes).toBe(0);
  });

  it("gives out what went in, for any sizes, tails and growth", () => {
    const action = fc.oneof(
      { weight: 8, arbitrary: fc.record({ size: fc.integer({ min: 0, max: 3000 }) }) },
      { weight: 5, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 6 }) }) },
      { weight: 1, arbitrary: fc.record({ grow: fc.constant(true) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const arena = new Arena();
        const ring = new FrameRing(arena, 4096);
        const sent: { size: number; fill: number; dts90k: number }[] = [];
        let taken = 0;
        let tail = 0;
        actions.forEach((entry, i) => {
          if ("size" in entry) {
            if (write(arena, ring, entry.size, i % 256, i * 1000))
              sent.push({ size: entry.size, fill: i % 256, dts90k: i * 1000 });
          } else if ("take" in entry) {
            for (let n = 0; n < entry.take && taken < sent.length; n++) {
              const frame = ring.frameAt(tail);
              const expected = sent[taken++];
              expect(frame).toMatchObject({ sizeBytes: expected?.size, dts90k: expected?.dts90k });
              if (!frame) return;
              const bytes = arena.u8.subarray(frame.payload, frame.payload + frame.sizeBytes);
              expect(bytes.every((byte) => byte === expected?.fill)).toBe(true);
              tail = frame.next;
              ring.setTail(tail);
            }
          } else if (ring.capacity < 65_536) {
            ring.resize(ring.capacity * 2);
            expect(arena.u32[(ring.pointer + RING_CAPACITY_OFFSET) >>> 2]).toBe(ring.capacity);
          }
          expect(ring.heldBytes).toBeLessThanOrEqual(ring.capacity);
        });
        let left = 0;
        for (let frame = ring.frameAt(tail); frame; frame = ring.frameAt(frame.next)) left++;
        expect(taken + left).toBe(sent.length);
      }),
      { numRuns: effort(200, 5000), seed },
    );
  });
});
