// A transport stream on its way into an in-stream where memory runs out: what was recorded stays whole, and what was
// lost is told.

import { describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { ReelError } from "../../../../src/base/reel-error.js";
import { FrameSink } from "../../../../src/ingest/frame-sink.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { TsSession } from "../../../../src/ingest/mpegts/ts-session.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { AVCC } from "../../../support/test-media.js";
import { annexB, TsBuilder } from "../../../support/ts-builder.js";

const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);
const MIB = 1024 * 1024;

function setup(options: { arena?: Arena; budget?: StagingBudget } = {}) {
  const arena = options.arena ?? new Arena();
  const clock = { wallMs: () => 0, monotonicMs: () => 0 };
  const registry = new StreamRegistry(
    arena,
    clock,
    { ringBytes: 4096, maxRingBytes: 16 * MIB, lagLimitMs: 2000 },
    () => 1,
  );
  const flow = { pause: () => {}, resume: () => {} };
  const sink = new FrameSink({ arena, flow: () => flow, open: () => registry.open("s") });
  const demuxer = { budget: options.budget ?? new StagingBudget() };
  const session = new TsSession(sink, { arena, logger: silentLogger, name: "s", demuxer });
  const end = (): void => {
    session.end();
    sink.end("the end", true);
  };
  const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
  let frame = 0;
  /** Packets of frames of these sizes. */
  const media = (...sizes: number[]): Buffer => {
    for (const size of sizes)
      ts.pes(0x100, annexB(Buffer.of(9, 0xf0), SPS, PPS, Buffer.alloc(size, 0x99).fill(0x65, 0, 1)), {
        pts: frame++ * 3600,
      });
    return Buffer.concat(ts.packets.splice(0));
  };
  return { arena, registry, session, end, media };
}

describe("a transport stream without memory", () => {
  it("makes no frame of what came of an access unit that there was no memory for, and tells that it is lost", () => {
    // The input, and what assembling begins with.
    const { arena, registry, session, end, media } = setup({ budget: new StagingBudget(200 * 1024) });
    session.push(media(200, 200, 200));
    const stream = registry.get("s");
    const gaps: string[] = [];
    stream?.on("gap", (gap) => gaps.push(`${gap.cause} ${gap.frames}`));
    const large = media(300_000);
    const pushAll = (): void => {
      for (let at = 0; at < large.length; at += 188) session.push(large.subarray(at, at + 188));
    };
    expect(pushAll).toThrow(ReelError);
    end();
    expect([stream?.statistics[0]?.frames, stream?.statistics[0]?.bytes, gaps]).toEqual([3, 3 * 204, ["sourceLoss 1"]]);
    expect(arena.stats().blocks).toBe(0);
  });

  it("goes on in a full arena, although the memory of a large access unit is given back", () => {
    const arena = new Arena({ maximumBytes: 40 * MIB });
    const { registry, session, end, media } = setup({ arena });
    session.push(media(200, 3 * MIB, 200));
    const before = arena.stats().usedBytes;
    const taken: number[] = [];
    for (let size = 32 * MIB; size >= 64; size /= 2) {
      try {
        for (;;) taken.push(arena.allocate(size, false));
      } catch (error) {
        expect(error).toBeInstanceOf(ReelError);
      }
    }
    for (let i = 0; i < 20; i++) session.push(media(200));
    for (const pointer of taken) arena.free(pointer);
    expect(registry.get("s")?.statistics[0]?.frames).toBe(22); // the last one may go on
    expect(before - arena.stats().usedBytes).toBeGreaterThan(2 * MIB);
    end();
    expect(arena.stats().blocks).toBe(0);
  });
});

describe("times of presentation", () => {
  it("that lie more than 10 s from the decoding are mended, counted and told, as over RTMP", () => {
    const { registry, session, end } = setup();
    const gaps: unknown[] = [];
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
    const push = (frame: number, offset90k: number): void => {
      const dts = 90_000 + frame * 3600;
      const idr = Buffer.alloc(200, 0x99).fill(0x65, 0, 1);
      ts.pes(0x100, annexB(Buffer.of(9, 0xf0), SPS, PPS, idr), { pts: dts + offset90k, dts });
      session.push(Buffer.concat(ts.packets.splice(0)));
    };
    for (let frame = 0; frame < 3; frame++) push(frame, 3600);
    const stream = registry.get("s");
    stream?.on("gap", (gap) => gaps.push([gap.cause, gap.track, gap.frames]));
    for (let frame = 3; frame < 6; frame++) push(frame, 20 * 90_000);
    for (let frame = 6; frame < 9; frame++) push(frame, 900_000);
    end();
    expect(stream?.unboundOffsetFrames).toBe(3);
    expect(gaps).toEqual([["compositionOffset", "video", 0]]);
  });
});
