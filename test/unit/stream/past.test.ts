// What a stream keeps of its past: so many seconds from a random access point on, within the memory of all, and never
// at the cost of a recording.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import type { InStream } from "../../../src/stream/in-stream.js";
import { type From, LAST_POINT } from "../../../src/stream/past.js";
import { PastBudget } from "../../../src/stream/past-budget.js";
import { StreamRegistry } from "../../../src/stream/stream-registry.js";
import { TestClock } from "../../support/test-clock.js";
import { ASC, AVCC } from "../../support/test-media.js";

const FRAME_MS = 40;
const GOP_FRAMES = 50;
const FRAME_BYTES = 1000;

interface Rig {
  budget: PastBudget;
  arena: Arena;
  open: (name: string) => InStream;
  /** From now on so much is to be kept. */
  keep: (seconds: number) => void;
  /** Streams of which less is kept for want of memory, as it was told. */
  short: string[];
}

function rig({ seconds = 10, limitBytes = 1 << 30, maxRingBytes = 1 << 22 } = {}): Rig {
  const arena = new Arena();
  const budget = new PastBudget(limitBytes);
  let wanted = seconds;
  const short: string[] = [];
  const past = { secondsOf: () => wanted, budget, onShort: (name: string) => void short.push(name) };
  let id = 0;
  const options = { ringBytes: 65_536, maxRingBytes, lagLimitMs: 2000, past };
  const registry = new StreamRegistry(arena, new TestClock(), options, () => ++id);
  const open = (name: string): InStream => {
    const stream = registry.open(name);
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    return stream;
  };
  const keep = (now: number): void => {
    wanted = now;
    registry.refreshPast();
  };
  return { budget, arena, open, keep, short };
}

/** Pictures from one number to another. */
function write(stream: InStream, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const wasTaken = stream.writeFrame(
      TRACK_VIDEO,
      new Uint8Array(FRAME_BYTES),
      i * FRAME_MS * 90,
      0,
      i % GOP_FRAMES === 0,
    );
    if (!wasTaken) throw new Error(`picture ${i} was held back`);
  }
}

/** The number of the picture that a recording would begin with; -1 = the next one. */
function beginning(stream: InStream, from: From): number {
  const pin = stream.pinPast(from);
  const frame = pin && stream.ring.frameAt(pin.index);
  pin?.release();
  return frame ? frame.dts90k / 90 / FRAME_MS : -1;
}

describe("the past of a stream", () => {
  it("reaches to the random access point at or before so many seconds ago", () => {
    const stream = rig().open("cam");
    expect(beginning(stream, LAST_POINT)).toBe(-1);
    write(stream, 0, 1001);
    // The newest picture is number 1000, at 40 s.
    const wanted = [
      [LAST_POINT, 1000],
      [0, 1000],
      [0.001, 950],
      [2, 950],
      [2.04, 900],
      [9.9, 750],
      [10, 750],
    ] as const;
    expect(wanted.map(([from]) => beginning(stream, from))).toEqual(wanted.map(([, picture]) => picture));
    expect(() => stream.pinPast(10.1)).toThrow("cam keeps 10 s of its past");
  });

  it("begins with a stream that is younger, and moves on with every picture", () => {
    const stream = rig().open("cam");
    write(stream, 0, 30);
    expect(beginning(stream, 10)).toBe(0);
    write(stream, 30, 299);
    expect(beginning(stream, 10)).toBe(0);
    write(stream, 299, 301);
    expect([stream.past?.keptBytes, beginning(stream, 10)]).toEqual([(301 - 50) * 1056, 50]);
  });

  it("that is to be longer says how much there is until it has grown, and begins there where less will do", () => {
    const { open, keep } = rig({ seconds: 4 });
    const stream = open("cam");
    write(stream, 0, 501);
    keep(10);
    expect(() => stream.pinPast(10)).toThrow("cam keeps only 4.0 s of its past: it has not been kept for longer");
    expect(() => stream.pinPast(11)).toThrow("cam keeps 10 s of its past");
    const pin = stream.pinPast(10, true);
    expect(stream.ring.frameAt(pin?.index ?? 0)?.dts90k).toBe(400 * FRAME_MS * 90);
    pin?.release();
    write(stream, 501, 651);
    expect(beginning(stream, 10)).toBe(400);
    expect(stream.past).toMatchObject({ seconds: 10, keptSeconds: 10 });
  });

  it("begins and ends while the stream lives, and says so", () => {
    const { budget, open, keep } = rig({ seconds: 0 });
    const stream = open("cam");
    write(stream, 0, 60);
    expect([stream.past, budget.streams]).toEqual([undefined, 0]);
    keep(5);
    write(stream, 60, 130);
    expect(() => stream.pinPast(5)).toThrow("cam keeps only 1.2 s of its past: it has not been kept for longer");
    expect([beginning(stream, LAST_POINT), budget.streams]).toEqual([100, 1]);
    const pin = stream.pinPast(LAST_POINT);
    keep(0);
    expect(() => stream.pinPast(LAST_POINT)).toThrow("cam keeps nothing of its past");
    write(stream, 130, 200);
    // What a command waits for stays.
    expect([pin?.isLost, stream.ring.frameAt(pin?.index ?? 0)?.dts90k]).toEqual([false, 100 * FRAME_MS * 90]);
    expect([stream.past, budget.streams, budget.keptBytes]).toEqual([undefined, 0, 0]);
    stream.end("test");
    expect(budget.streams).toBe(0);
  });

  it("keeps within the memory of all streams, and says what it keeps where it is asked for more", () => {
    const limitBytes = 400_000;
    const { budget, open, short } = rig({ limitBytes });
    const streams = ["a", "b", "c"].map(open);
    for (let i = 0; i < 1000; i++) {
      for (const stream of streams) write(stream, i, i + 1);
      expect(budget.keptBytes).toBeLessThanOrEqual(limitBytes + 1056);
    }
    const kept = streams.map((stream) => stream.past?.keptBytes ?? 0);
    expect(budget.keptBytes).toBe(kept.reduce((sum, bytes) => sum + bytes, 0));
    for (const bytes of kept) expect(bytes).toBeGreaterThan(0);
    expect(short.sort(), "told once").toEqual(["a", "b", "c"]);
    expect(() => streams[0]?.pinPast(10)).toThrow(/^a keeps only \d\.\d s of its past: there is no more room/);
    for (const stream of streams) stream.end("test");
    expect([budget.keptBytes, budget.streams]).toEqual([0, 0]);
  });

  it("grows the ring as far as that may grow, and then gives way", () => {
    const { arena, open } = rig({ seconds: 600, maxRingBytes: 262_144 });
    const before = arena.stats().usedBytes;
    const stream = open("cam");
    write(stream, 0, 5000);
    expect(stream.ring.capacity).toBe(262_144);
    expect(stream.past?.keptBytes).toBeGreaterThan(262_144 / 2);
    expect(() => stream.pinPast(600)).toThrow("no more room");
    stream.end("test");
    expect(arena.stats().usedBytes).toBe(before);
  });

  it("that a command waits for stays while there is memory, and gives way before a source is held back", () => {
    const stream = rig({ seconds: 5, maxRingBytes: 262_144 }).open("cam");
    write(stream, 0, 101);
    const pin = stream.pinPast(2);
    write(stream, 101, 240);
    expect([pin?.isLost, stream.ring.frameAt(pin?.index ?? 0)?.dts90k]).toEqual([false, 50 * FRAME_MS * 90]);
    write(stream, 240, 1000);
    expect([pin?.isLost, stream.isHeldBack]).toEqual([true, false]);
  });

  it("of sound alone begins with any frame", () => {
    const { budget } = rig();
    const arena = new Arena();
    const options = {
      ringBytes: 65_536,
      maxRingBytes: 1 << 20,
      lagLimitMs: 2000,
      past: { secondsOf: () => 5, budget },
    };
    const stream = new StreamRegistry(arena, new TestClock(), options, () => 1).open("radio");
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    for (let i = 0; i < 1000; i++) stream.writeFrame(TRACK_AUDIO, new Uint8Array(100), i * 1920, 0, true);
    const pin = stream.pinPast(1);
    expect(stream.ring.frameAt(pin?.index ?? 0)?.dts90k).toBe(952 * 1920);
  });
});
