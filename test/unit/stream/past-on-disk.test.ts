// What a stream's past has on a disk: whoever reads there has all behind it, what the disk loses or cannot take is a
// hole, and nothing outlives its decoder configuration.

import { describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import type { InStream } from "../../../src/stream/in-stream.js";
import { type KeptPast, LAST_POINT, type Past } from "../../../src/stream/past.js";
import { PastBudget } from "../../../src/stream/past-budget.js";
import { countBefore, type PastStore, type StoredBytes } from "../../../src/stream/spilled-past.js";
import { StreamRegistry } from "../../../src/stream/stream-registry.js";
import { TestClock } from "../../support/test-clock.js";
import { AVCC } from "../../support/test-media.js";

const FRAME_MS = 40;
const GOP_FRAMES = 25;
const FRAME_BYTES = 20_000;
const MEMORY_BYTES = 2_000_000;

class MemoryStore implements PastStore {
  limitBytes = 1 << 30;
  usedBytes = 0;
  isAvailable = true;
  /** What it has taken is still being written: freed, it makes no room. */
  isWriting = false;
  /** Of what it has, oldest first: says that it is lost. */
  readonly losses: (() => void)[] = [];

  put(sizeBytes: number, fill: (target: Uint8Array) => void, lost: () => void): StoredBytes | undefined {
    if (!this.isAvailable || this.usedBytes + sizeBytes > this.limitBytes) return undefined;
    const bytes = new Uint8Array(sizeBytes);
    fill(bytes);
    this.usedBytes += sizeBytes;
    this.losses.push(lost);
    const isBeingWritten = this.isWriting;
    const free = (): void => {
      if (!isBeingWritten) this.usedBytes -= sizeBytes;
    };
    return { isBeingWritten, read: async () => bytes, free };
  }
}

interface Rig {
  store: MemoryStore;
  stream: InStream;
  past: Past;
  budget: PastBudget;
  /** Seconds that were wanted when it was told that there is less. */
  short: number[];
  keep(seconds: number): void;
  /** One more of the same budget. */
  open(name: string): InStream;
}

function rig(): Rig {
  const store = new MemoryStore();
  const budget = new PastBudget(MEMORY_BYTES, store);
  let wanted = 60;
  const short: number[] = [];
  const onShort = (_name: string, { seconds }: KeptPast): number => short.push(seconds);
  const past = { secondsOf: () => wanted, budget, onShort };
  const options = { ringBytes: 65_536, maxRingBytes: 1 << 24, lagLimitMs: 2000, past };
  const registry = new StreamRegistry(new Arena(), new TestClock(), options, () => 1);
  const open = (name: string): InStream => {
    const opened = registry.open(name);
    opened.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    return opened;
  };
  const stream = open("cam");
  const keep = (seconds: number): void => {
    wanted = seconds;
    registry.refreshPast();
  };
  return { store, stream, past: stream.keptPast as Past, budget, short, keep, open };
}

function write(stream: InStream, from: number, to: number): void {
  for (let i = from; i < to; i++)
    stream.writeFrame(TRACK_VIDEO, new Uint8Array(FRAME_BYTES), i * FRAME_MS * 90, 0, i % GOP_FRAMES === 0);
}

/** The number of the picture that a recording from so long ago begins with. */
function beginning(stream: InStream, from: number): number {
  const place = stream.pinPast(from, true);
  const point = place?.stretch?.points.find(({ index }) => index === place.index);
  const dts90k = point?.dts90k ?? stream.ring.frameAt(place?.index ?? 0)?.dts90k ?? Number.NaN;
  place?.release();
  return dts90k / 90 / FRAME_MS;
}

describe("a past on a disk", () => {
  it("that is no longer kept holds the ring behind what is read there, and no longer than that", () => {
    const { store, stream, past, budget, keep } = rig();
    write(stream, 0, 300);
    const place = stream.pinPast(10);
    expect(place?.stretch).toBeDefined();
    keep(0);
    write(stream, 300, 400);
    const newest = past.stretches.at(-1);
    const end = ((newest?.index ?? 0) + (newest?.sizeBytes ?? 0)) >>> 0;
    expect(stream.ring.heldBytes).toBeGreaterThanOrEqual((stream.ring.head - end) >>> 0);
    expect(budget.keptBytes, "bounded").toBeLessThanOrEqual(MEMORY_BYTES + FRAME_BYTES * 2);
    let pictures = 0;
    for (let frame = stream.ring.frameAt(end); frame; frame = stream.ring.frameAt(frame.next)) pictures++;
    const spilled = countedIn(past);
    expect(pictures + spilled).toBe(400);
    place?.release();
    expect([store.usedBytes, budget.keptBytes]).toEqual([0, 0]);
    write(stream, 400, 401);
    expect(stream.ring.heldBytes).toBe(0);
  });

  it("goes with the decoder configurations that its frames name", () => {
    const { store, stream } = rig();
    write(stream, 0, 300);
    expect(store.usedBytes).toBeGreaterThan(MEMORY_BYTES);
    for (let i = 0; i < 256; i++) {
      const other = Uint8Array.from(AVCC);
      other.set([i, 255 - i], other.length - 2);
      stream.setDecoderConfig(TRACK_VIDEO, "h264", other);
      write(stream, 300 + i, 301 + i);
    }
    write(stream, 556, 557);
    for (const { config } of framesOf(stream)) expect(config).not.toBe(0);
    expect((stream.keptPast as Past).stretches.every(({ begin90k }) => begin90k >= 300 * FRAME_MS * 90)).toBe(true);
  });

  it("that loses a write keeps its older parts, and counts what is missing", () => {
    const { store, stream, past } = rig();
    write(stream, 0, 1001);
    const all = past.stretches.length;
    const before = past.keptSeconds(stream.newest90k);
    expect(all).toBeGreaterThan(10);
    const reader = stream.pinPast(20);
    const lost = past.stretches.indexOf(reader?.stretch as (typeof past.stretches)[number]);
    store.losses[lost]?.();
    store.losses[lost + 1]?.();
    expect(past.stretches.length, "two holes side by side are one").toBe(all - 1);
    expect(past.stretches.filter(({ stored }) => !stored).length).toBe(1);
    expect([beginning(stream, 40), beginning(stream, 0)]).toEqual([0, 1000]);
    // Two stretches of one group of pictures each.
    expect(before - past.keptSeconds(stream.newest90k)).toBeCloseTo(2, 5);
    const counted = countedIn(past);
    expect(counted).toBe(all * GOP_FRAMES);
    expect([reader?.isLost, reader?.goOn(), reader?.isLost]).toEqual([true, true, false]);
    expect(reader?.stretch).toBe(past.stretches[lost + 1]);
    reader?.release();
    // Who comes to a hole goes on behind it.
    const older = stream.pinPast(21);
    expect(older?.stretch).toBe(past.stretches[lost - 1]);
    older?.leaveStretch();
    expect([older?.isLost, older?.stretch]).toEqual([true, past.stretches[lost + 1]]);
  });

  it("that can take nothing for a while keeps its older parts", () => {
    const { store, stream, past, budget } = rig();
    write(stream, 0, 500);
    store.isAvailable = false;
    write(stream, 500, 800);
    expect(budget.keptBytes).toBeLessThanOrEqual(MEMORY_BYTES + FRAME_BYTES * 2);
    store.isAvailable = true;
    write(stream, 800, 1001);
    expect(beginning(stream, 40)).toBe(0);
    expect(past.stretches.filter(({ stored }) => !stored).length).toBe(1);
    expect(stream.past?.keptSeconds).toBeLessThan(31);
    // All pictures are there, or counted.
    const counted = countedIn(past);
    const newest = past.stretches.at(-1);
    let inRing = 0;
    const end = ((newest?.index ?? 0) + (newest?.sizeBytes ?? 0)) >>> 0;
    for (let frame = stream.ring.frameAt(end); frame; frame = stream.ring.frameAt(frame.next)) inRing++;
    expect(counted + inRing).toBe(1001);
    // The oldest goes by time, and with it a hole that is the oldest then.
    write(stream, 1001, 2500);
    expect(past.stretches.every(({ stored }) => stored)).toBe(true);
    expect(stream.past?.keptSeconds).toBeGreaterThanOrEqual(59);
  });

  it("of several streams stays within the memory of all, also where their rules go while they are read", () => {
    const first = rig();
    const streams = [first.stream, ...Array.from({ length: 7 }, (_, i) => first.open(`cam${i}`))];
    for (let i = 0; i < 300; i++) for (const stream of streams) write(stream, i, i + 1);
    const places = streams.map((stream) => stream.pinPast(10));
    expect(places.every((place) => place?.stretch)).toBe(true);
    first.keep(0);
    let mostBytes = 0;
    for (let i = 300; i < 600; i++)
      for (const stream of streams) {
        write(stream, i, i + 1);
        mostBytes = Math.max(mostBytes, first.budget.keptBytes);
      }
    expect(mostBytes).toBeLessThanOrEqual(MEMORY_BYTES + streams.length * FRAME_BYTES);
    for (const place of places) place?.release();
    expect([first.budget.keptBytes, first.budget.streams]).toEqual([0, 0]);
  });

  it("gives up nothing for room that would not come, for it is still being written", () => {
    const { store, stream, budget } = rig();
    store.isWriting = true;
    write(stream, 0, 400);
    store.limitBytes = store.usedBytes;
    write(stream, 400, 500);
    expect(budget.keptBytes).toBeLessThanOrEqual(MEMORY_BYTES + FRAME_BYTES);
    expect(beginning(stream, 60)).toBe(0);
    expect(stream.past?.spilledBytes).toBe(store.usedBytes);
  });

  it("whose reader has lost its place lets it go on at the next point, also where nothing is kept any more", () => {
    const { store, stream, past, keep } = rig();
    write(stream, 0, 300);
    const reader = stream.pinPast(10);
    keep(0);
    store.isAvailable = false;
    while (past.heldBytes(stream.ring.head) > 0) past.giveUpOldest(stream.ring.head);
    for (const lost of [...store.losses]) lost();
    expect([reader?.isLost, reader?.goOn()]).toEqual([true, false]);
    write(stream, 300, 330);
    expect(reader?.isLost).toBe(true);
    reader?.goOn();
    expect(stream.ring.frameAt(reader?.index ?? 0)?.dts90k).toBe(300 * FRAME_MS * 90);
    reader?.release();
  });

  it.each(["is no longer kept", "has ended"])("that %s has its points while it is read, and tells nobody", (how) => {
    const { store, stream, short, keep } = rig();
    write(stream, 0, 310);
    const reader = stream.pinPast(10);
    if (how === "has ended") stream.end("test");
    else keep(0);
    for (const lost of [...store.losses]) lost();
    // What the ring has is not lost with what the disk had.
    expect(reader?.goOn()).toBe(true);
    expect(reader?.stretch).toBeUndefined();
    expect(stream.ring.frameAt(reader?.index ?? 0)?.dts90k).toBeLessThanOrEqual(300 * FRAME_MS * 90);
    expect(short).toEqual([]);
    reader?.release();
  });

  it("that is no longer kept has the counts in front of a place that goes to the disk meanwhile", () => {
    const { stream, keep } = rig();
    write(stream, 0, 300);
    const reader = stream.pinPast(10);
    const waiting = stream.pinPast(0);
    expect(waiting?.stretch).toBeUndefined();
    keep(0);
    write(stream, 300, 600);
    const { stretch } = waiting ?? {};
    expect(stretch?.points.some(({ index }) => index === waiting?.index)).toBe(true);
    reader?.release();
    waiting?.release();
  });
});

/** Pictures on the disk, and those in holes. */
function countedIn(past: Past): number {
  return past.stretches.reduce((sum, one) => sum + countBefore(one, one.points.length, TRACK_VIDEO).frames, 0);
}

function framesOf(stream: InStream): { config: number }[] {
  const frames: { config: number }[] = [];
  const place = stream.pinPast(LAST_POINT);
  for (let frame = stream.ring.frameAt(place?.index ?? 0); frame; frame = stream.ring.frameAt(frame.next))
    frames.push(frame);
  place?.release();
  return frames;
}
