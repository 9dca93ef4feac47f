// In-streams: settling, configurations, the order in which a full ring is dealt with, gaps, and the memory that comes
// back. And the registry's names.

import { describe, expect, it, vi } from "vitest";
import { FLAG_DISCONTINUITY, TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import type { Cursor } from "../../../src/stream/cursor.js";
import type { Gap } from "../../../src/stream/gap.js";
import type { InStream } from "../../../src/stream/in-stream.js";
import { parseStreamName, StreamRegistry } from "../../../src/stream/stream-registry.js";
import { TestClock } from "../../support/test-clock.js";
import { ASC, AVCC, AVCC_OTHER } from "../../support/test-media.js";

const RING_BYTES = 16384;
const SOURCE = { type: "INR", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

class TestCursor implements Cursor {
  at: number;
  readonly gaps: Gap[] = [];
  skips = 0;
  isBusy = false;
  constructor(
    private readonly inStream: InStream,
    readonly mainVideo = inStream.mainVideo,
  ) {
    this.at = inStream.ring.head;
    inStream.attach(this);
  }
  hasTaken(): boolean {
    return false;
  }
  tail(): number {
    return this.at;
  }
  tryLock(): boolean {
    return !this.isBusy;
  }
  unlock(): void {}
  jump(index: number, skip: boolean): void {
    this.at = index;
    if (skip) this.skips++;
  }
  onGap(gap: Gap): void {
    this.gaps.push(gap);
  }
  /** Reads everything; the times of the frames in ms. */
  readAll(): number[] {
    const times: number[] = [];
    for (let frame = this.inStream.ring.frameAt(this.at); frame; frame = this.inStream.ring.frameAt(this.at)) {
      times.push(frame.dts90k / 90);
      this.at = frame.next;
    }
    this.inStream.onDrained();
    return times;
  }
}

interface Rig {
  arena: Arena;
  clock: TestClock;
  registry: StreamRegistry;
  inStream: InStream;
  gaps: Gap[];
  write(track: number, ms: number, sizeBytes: number, isRandomAccess?: boolean): boolean;
}

function rig(options: { maxRingBytes?: number; isConfigured?: boolean } = {}): Rig {
  const arena = new Arena();
  const clock = new TestClock();
  let id = 0;
  const registry = new StreamRegistry(
    arena,
    clock,
    { ringBytes: RING_BYTES, maxRingBytes: options.maxRingBytes ?? RING_BYTES, lagLimitMs: 2000 },
    () => ++id,
  );
  const inStream = registry.open("cam1", SOURCE, (reason) => inStream.end(reason));
  const gaps: Gap[] = [];
  inStream.on("gap", (gap) => gaps.push(gap));
  if (options.isConfigured !== false) {
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    inStream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
  }
  const write: Rig["write"] = (track, ms, sizeBytes, isRandomAccess = false) => {
    clock.nowMs += 1;
    return inStream.writeFrame(track, new Uint8Array(sizeBytes), ms * 90, 0, isRandomAccess);
  };
  return { arena, clock, registry, inStream, gaps, write };
}

describe("a ring that is empty and cannot grow", () => {
  it("refuses a frame that will never fit, instead of holding the source back for ever", () => {
    const arena = new Arena();
    const options = { ringBytes: RING_BYTES, maxRingBytes: 40_000, lagLimitMs: 2000 };
    const inStream = new StreamRegistry(arena, new TestClock(), options, () => 1).open("cam");
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    new TestCursor(inStream);
    expect(() => inStream.reserve(18_000)).toThrow(expect.objectContaining({ code: "arenaFull" }));
    expect(inStream.isHeldBack).toBe(false);
    expect(inStream.writeFrame(TRACK_VIDEO, new Uint8Array(1000), 0, 0, true)).toBe(true);
  });
});

describe("tracks that are not recorded", () => {
  it("are told at once, then once a second, however often they change", () => {
    vi.useFakeTimers();
    try {
      const { inStream, clock } = rig();
      const told: string[] = [];
      inStream.on("unrecorded", () => told.push(inStream.unrecorded.map(({ codec }) => codec).join()));
      for (let i = 0; i < 100; i++) inStream.setUnrecorded([{ kind: "video", codec: `codec ${i}` }]);
      expect(told).toEqual(["codec 0"]);
      clock.nowMs += 1000;
      vi.advanceTimersByTime(1000);
      expect(told).toEqual(["codec 0", "codec 99"]);
      inStream.setUnrecorded([{ kind: "video", codec: "the last" }]);
      inStream.end("over");
      expect(told).toEqual(["codec 0", "codec 99", "the last"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("beyond those that are listed change nothing", () => {
    const { inStream, clock } = rig();
    let told = 0;
    inStream.on("unrecorded", () => told++);
    const tracks = (last: string) =>
      Array.from({ length: 40 }, (_, i) => ({ kind: "video" as const, codec: i < 39 ? "VP9" : last }));
    inStream.setUnrecorded(tracks("a"));
    clock.nowMs += 2000;
    inStream.setUnrecorded(tracks("b"));
    expect(told).toBe(1);
    expect(inStream.unrecorded).toHaveLength(32);
  });
});

describe("tracks", () => {
  it("settle with both decoder configurations", () => {
    const { inStream } = rig({ isConfigured: false });
    inStream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    expect(inStream.settled).toBe(false);
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    expect(inStream.settled).toBe(true);
  });

  it("settle with one after a second of media, and report the other as late", () => {
    const { inStream, gaps, write } = rig({ isConfigured: false });
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    write(TRACK_VIDEO, 0, 10, true);
    write(TRACK_VIDEO, 999, 10);
    expect(inStream.settled).toBe(false);
    write(TRACK_VIDEO, 1000, 10);
    expect(inStream.settled).toBe(true);
    inStream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    expect(gaps).toEqual([{ cause: "lateTrack", track: "audio", dtsMs: 1000, durationMs: 0, frames: 0, bytes: 0 }]);
  });

  it("settle when the stream ends, and take no frame without a configuration", () => {
    const { inStream, write } = rig({ isConfigured: false });
    expect(() => write(TRACK_VIDEO, 0, 10, true)).toThrow("before its decoder configuration");
    let order = "";
    inStream.on("settled", () => {
      order += "settled ";
    });
    inStream.on("ended", () => {
      order += "ended";
    });
    inStream.end("over");
    expect(order).toBe("settled ended");
  });
});

describe("decoder configurations", () => {
  it("that repeat are no change; the same bytes have the same block again", () => {
    const { inStream, write } = rig();
    const changes: number[] = [];
    inStream.on("config", (track) => changes.push(track));
    write(TRACK_VIDEO, 0, 100, true);
    const first = inStream.config(TRACK_VIDEO)?.pointer;
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC.slice());
    expect(changes).toEqual([]);
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC_OTHER);
    expect(inStream.config(TRACK_VIDEO)?.pointer).not.toBe(first);
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    expect(inStream.config(TRACK_VIDEO)?.pointer).toBe(first);
    expect(changes).toEqual([TRACK_VIDEO, TRACK_VIDEO]);
  });

  it("that cannot be parsed change nothing", () => {
    const { inStream, arena } = rig();
    const { blocks } = arena.stats();
    expect(() => inStream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC.subarray(0, 20))).toThrow(
      "H.264 decoder configuration",
    );
    expect(inStream.config(TRACK_VIDEO)?.bytes).toEqual(AVCC);
    expect(arena.stats().blocks).toBe(blocks);
  });

  const other = (n: number): Uint8Array => Uint8Array.of(...AVCC, n >> 8, n & 255); // trailing bytes are an extension

  it("that no frame and no recording refers to go when others replace them", () => {
    const { inStream, arena, write } = rig();
    const cursor = new TestCursor(inStream);
    const { blocks } = arena.stats();
    for (let n = 0; n < 1000; n++) inStream.setDecoderConfig(TRACK_VIDEO, "h264", other(n));
    expect(arena.stats().blocks).toBe(blocks);
    const kept = [inStream.referToConfig(TRACK_VIDEO)];
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", other(1000));
    write(TRACK_VIDEO, 0, 100, true);
    kept.push(inStream.config(TRACK_VIDEO));
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", other(1001));
    expect(arena.stats().blocks).toBe(blocks + 2);
    inStream.setDecoderConfig(TRACK_VIDEO, "h264", other(999));
    expect(inStream.config(TRACK_VIDEO)).toBe(kept[0]);
    inStream.leave(cursor);
  });

  it("are bounded: old ones go while nobody records, else the source is at fault", () => {
    const { inStream, arena } = rig();
    const used = (n: number): void => {
      inStream.setDecoderConfig(TRACK_VIDEO, "h264", other(n));
      inStream.referToConfig(TRACK_VIDEO);
    };
    for (let n = 0; n < 600; n++) used(n);
    expect(arena.stats().blocks).toBe(2 + 256);
    const cursor = new TestCursor(inStream);
    expect(() => used(600)).toThrow("more than 256");
    inStream.leave(cursor);
    used(600);
  });
});

describe("a full ring", () => {
  it("moves a slow consumer to the next random access point when a sibling keeps up", () => {
    const { inStream, write } = rig();
    const slowConsumer = new TestCursor(inStream);
    const quick = new TestCursor(inStream);
    const sent: number[] = [];
    for (let i = 0; i < 20; i++) {
      expect(write(TRACK_VIDEO, i * 200, 1000, i % 10 === 0)).toBe(true);
      sent.push(i * 200);
      quick.readAll();
    }
    expect(slowConsumer.gaps).toHaveLength(1);
    const [gap] = slowConsumer.gaps;
    const rest = slowConsumer.readAll();
    expect(gap).toMatchObject({ cause: "lag", track: null, dtsMs: 0 });
    expect(rest[0]).toBe((gap?.dtsMs ?? 0) + (gap?.durationMs ?? 0));
    expect((rest[0] ?? 1) % 2000).toBe(0);
    expect(rest).toEqual(sent.slice(gap?.frames));
    expect(gap?.bytes).toBe(1000 * (gap?.frames ?? 0));
    expect(quick.gaps).toEqual([]);
  });

  it("moves a slow consumer to a random access point of the video that it records", () => {
    const { inStream, write } = rig();
    const other = 2;
    inStream.setDecoderConfig(other, "h264", AVCC_OTHER);
    const slowConsumer = new TestCursor(inStream, other);
    const quick = new TestCursor(inStream);
    for (let i = 0; i < 40; i++) {
      expect(write(TRACK_VIDEO, i * 200, 500, i % 10 === 0)).toBe(true);
      expect(write(other, i * 200 + 100, 500, i % 10 === 5)).toBe(true);
      quick.readAll();
    }
    expect(slowConsumer.gaps.length).toBeGreaterThan(0);
    expect((slowConsumer.readAll()[0] ?? 0) % 2000).toBe(1100);
  });

  it("does not move a cursor whose kernel is reading", () => {
    const { inStream, write } = rig();
    const slowConsumer = new TestCursor(inStream);
    slowConsumer.isBusy = true;
    const quick = new TestCursor(inStream);
    let i = 0;
    while (write(TRACK_VIDEO, i * 200, 1000, i % 10 === 0)) {
      i++;
      quick.readAll();
    }
    expect(slowConsumer.gaps).toEqual([]);
    expect(inStream.isHeldBack).toBe(true);
    slowConsumer.isBusy = false;
    expect(write(TRACK_VIDEO, i * 200, 1000)).toBe(true);
    expect(slowConsumer.gaps).toHaveLength(1);
  });

  it("holds the source back when all lag, and emits room when a quarter is free; nothing is lost", () => {
    const { inStream, write, clock, gaps } = rig();
    const cursors = [new TestCursor(inStream), new TestCursor(inStream)];
    let rooms = 0;
    inStream.on("room", () => rooms++);
    const sent: number[] = [];
    let i = 0;
    for (; write(TRACK_VIDEO, i * 40, 500, i === 0); i++) sent.push(i * 40);
    expect(inStream.isHeldBack).toBe(true);
    clock.nowMs += 5000;
    const read = cursors.map((cursor) => cursor.readAll());
    expect(rooms).toBe(1);
    expect(inStream.isHeldBack).toBe(false);
    expect(gaps).toMatchObject([{ cause: "heldBack", frames: 0, bytes: 0, durationMs: 5000 }]);
    expect(write(TRACK_VIDEO, i * 40, 500)).toBe(true);
    sent.push(i * 40);
    for (const [at, cursor] of cursors.entries()) expect([...(read[at] ?? []), ...cursor.readAll()]).toEqual(sent);
  });

  it("grows up to its limit for what was received, not for what was announced", () => {
    const { inStream, write } = rig({ maxRingBytes: 8 * RING_BYTES });
    const cursor = new TestCursor(inStream);
    expect(inStream.reserve(40_000, false)).toBe(0);
    expect(inStream.ring.capacity).toBe(RING_BYTES);
    expect(inStream.isHeldBack).toBe(false);
    write(TRACK_VIDEO, 0, 9000, true);
    expect(write(TRACK_VIDEO, 40, 40_000)).toBe(true);
    expect(inStream.ring.capacity).toBeGreaterThan(RING_BYTES);
    expect(cursor.readAll()).toEqual([0, 40]);
    expect(() => write(TRACK_VIDEO, 80, 8 * RING_BYTES)).toThrow("does not fit into a ring");
  });

  it("drops whole frames up to the next random access point for a source that cannot wait, and reports them", () => {
    const { inStream, gaps, clock } = rig();
    const cursor = new TestCursor(inStream);
    const taken: number[] = [];
    const offer = (ms: number, isRandomAccess: boolean): boolean => {
      clock.nowMs += 40;
      const isTaken = inStream.writeFrameOrDrop(TRACK_VIDEO, new Uint8Array(1000), ms * 90, 0, isRandomAccess);
      if (isTaken) taken.push(ms);
      return isTaken;
    };
    let ms = 0;
    for (; offer(ms, ms === 0); ms += 40);
    expect(offer(ms + 40, false)).toBe(false);
    const read = cursor.readAll();
    expect(offer(ms + 80, false)).toBe(false);
    expect(offer(ms + 120, true)).toBe(true);
    expect([...read, ...cursor.readAll()]).toEqual(taken);
    expect(gaps).toMatchObject([{ cause: "overflow", frames: 3, bytes: 3000, dtsMs: ms - 40, durationMs: 160 }]);
    expect(inStream.statistics[TRACK_VIDEO]).toMatchObject({
      frames: taken.length,
      droppedFrames: 3,
      droppedBytes: 3000,
    });
  });
});

describe("a run of dropped frames", () => {
  it("marks the frame that ends it", () => {
    const { inStream } = rig();
    const cursor = new TestCursor(inStream);
    const offer = (ms: number, isRandomAccess: boolean): boolean =>
      inStream.writeFrameOrDrop(TRACK_VIDEO, new Uint8Array(1000), ms * 90, 0, isRandomAccess);
    let ms = 0;
    for (; offer(ms, ms === 0); ms += 40);
    cursor.readAll();
    expect(offer(ms + 40, true)).toBe(true);
    expect((inStream.ring.frameAt(cursor.at)?.flags ?? 0) & FLAG_DISCONTINUITY).toBe(FLAG_DISCONTINUITY);
  });

  it("is reported also where the stream ends in it", () => {
    const { inStream, gaps } = rig();
    new TestCursor(inStream);
    let ms = 0;
    for (; inStream.writeFrameOrDrop(TRACK_VIDEO, new Uint8Array(1000), ms * 90, 0, ms === 0); ms += 40);
    inStream.end("over");
    expect(gaps).toMatchObject([{ cause: "overflow", frames: 1, bytes: 1000, dtsMs: ms - 40 }]);
  });
});

describe("time", () => {
  it("a jump is reported and marks the next frame of each track", () => {
    const { inStream, gaps, write } = rig();
    const cursor = new TestCursor(inStream);
    write(TRACK_VIDEO, 0, 10, true);
    write(TRACK_AUDIO, 0, 10);
    write(TRACK_VIDEO, 100_000, 10);
    write(TRACK_AUDIO, 100_021, 10);
    write(TRACK_VIDEO, 100_040, 10);
    const flags: boolean[] = [];
    for (let frame = inStream.ring.frameAt(cursor.at); frame; frame = inStream.ring.frameAt(frame.next))
      flags.push((frame.flags & FLAG_DISCONTINUITY) !== 0);
    expect(flags).toEqual([false, false, true, true, false]);
    expect(gaps).toMatchObject([{ cause: "forwardJump", track: "video", frames: 0 }]);
  });

  it("an offset of more than 10 s between decoding and showing is none; a run is one entry", () => {
    const { inStream, gaps } = rig();
    const cursor = new TestCursor(inStream);
    const offsetsMs = [80, 10_000, 8_000_000, -8_000_000, 10_001, -40, 0];
    for (const [n, offsetMs] of offsetsMs.entries())
      inStream.writeFrame(TRACK_VIDEO, new Uint8Array(10), n * 3600, offsetMs * 90, n === 0);
    const written: number[] = [];
    for (let frame = inStream.ring.frameAt(cursor.at); frame; frame = inStream.ring.frameAt(frame.next))
      written.push(frame.ctsOffset90k / 90);
    expect(written).toEqual([80, 10_000, 0, 0, 0, -40, 0]);
    expect(gaps).toEqual([
      { cause: "compositionOffset", track: "video", dtsMs: 80, durationMs: 80, frames: 0, bytes: 0 },
    ]);
    expect(inStream.unboundOffsetFrames).toBe(3);
  });

  it("a run of clamped frames is one entry", () => {
    const { inStream, gaps, write } = rig();
    for (const ms of [0, 400, 100, 140, 180, 440]) write(TRACK_VIDEO, ms, 10, ms === 0);
    expect(gaps).toMatchObject([{ cause: "jitter", track: "video", frames: 0 }]);
    expect(inStream.jitterFrames).toBe(3);
  });

  it("a run of clamped frames is one entry also where the other track goes on in order", () => {
    const { inStream, gaps, write } = rig();
    for (const ms of [0, 400, 100, 140, 180, 440]) {
      write(TRACK_VIDEO, ms, 10, ms === 0);
      write(TRACK_AUDIO, inStream.newest90k / 90 + 1, 10);
    }
    expect(gaps).toMatchObject([{ cause: "jitter", track: "video", frames: 0 }]);
    expect(inStream.jitterFrames).toBe(3);
  });
});

describe("the end", () => {
  it("gives all memory back when the last cursor leaves, whenever that is", () => {
    for (const leavesInHandler of [false, true]) {
      const { arena, inStream, registry, write } = rig();
      const cursor = new TestCursor(inStream);
      write(TRACK_VIDEO, 0, 100, true);
      if (leavesInHandler) inStream.on("ended", () => inStream.leave(cursor));
      inStream.end("over");
      inStream.end("again");
      expect(registry.get("cam1")).toBeUndefined();
      if (!leavesInHandler) {
        expect(cursor.readAll()).toEqual([0]);
        inStream.leave(cursor);
      }
      inStream.leave(cursor);
      expect(arena.stats().blocks).toBe(0);
      expect(() => inStream.reserve(10)).toThrow("has ended");
    }
  });
});

describe("names", () => {
  it("belong to one live stream", () => {
    const { registry, inStream } = rig();
    expect(() => registry.open("cam1?x=y", SOURCE, () => {})).toThrow("already live");
    inStream.closeSource("over");
    const next = registry.open("cam1?x=y", SOURCE, () => {});
    expect(next.name).toBe("cam1");
    expect(registry.getById(next.id)).toBe(next);
  });

  it.each([
    "",
    "?x",
    "a b",
    "a\tb",
    "a=b",
    "a\\b",
    "..",
    "a..b",
    "\u007f",
    "a\u009bb",
    "x".repeat(256),
    "é".repeat(128),
  ])("refuses %j", (name) => {
    expect(() => parseStreamName(name)).toThrow("1 to 255 bytes");
  });

  it.each(["a", "cam 1".replace(" ", "-"), "x".repeat(255), "Straße/1", "a.b"])("takes %j", (name) => {
    expect(parseStreamName(`${name}?key=a b`)).toBe(name);
  });
});
