// A producer in another thread, as the main thread has it: what it counted, also where it died in the middle of that.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import { WorkerStream } from "../../../src/ingest/workers/worker-stream.js";
import type { Gap } from "../../../src/stream/gap.js";
import type { InStream } from "../../../src/stream/in-stream.js";
import { SharedCounters } from "../../../src/stream/shared-counters.js";
import { StreamRegistry } from "../../../src/stream/stream-registry.js";
import { TestClock } from "../../support/test-clock.js";
import { ASC, AVCC } from "../../support/test-media.js";

const RING_BYTES = 16384;

let arena: Arena;
let clock: TestClock;
let inStream: InStream;
/** As the other thread has it. */
let producer: WorkerStream;
let gaps: Gap[];
let counters: number;

beforeEach(() => {
  arena = new Arena();
  clock = new TestClock();
  const limits = { ringBytes: RING_BYTES, maxRingBytes: RING_BYTES, lagLimitMs: 2000 };
  inStream = new StreamRegistry(arena, clock, limits, () => 1).open("cam1");
  gaps = [];
  inStream.on("gap", (gap) => gaps.push(gap));
  const { id, name, ring } = inStream;
  counters = inStream.handOver(() => {});
  const open = { id, name, streamId: 1, ring: ring.pointer, counters };
  producer = new WorkerStream(open, arena, clock, (news) => {
    if (news.kind === "gap") inStream.gap(news.gap);
    if (news.kind !== "config") return;
    inStream.setDecoderConfig(news.track, news.codec, news.bytes);
    producer.configStored(inStream.referToConfig(news.track)?.pointer ?? 0);
  });
  producer.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  producer.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
});

afterEach(() => vi.restoreAllMocks());

function write(track: number, ms: number, sizeBytes: number, isRandomAccess = false, ctsOffsetMs = 0): void {
  clock.nowMs += 10;
  expect(producer.reserve(sizeBytes)).toBeGreaterThan(0);
  producer.commit(track, sizeBytes, ms * 90, ctsOffsetMs * 90, isRandomAccess);
}

function counted(): object {
  const { statistics, lastDts90k, lastRandomAccess90k, randomAccessInterval90k, lastFrameMs } = inStream;
  const tracks = [TRACK_VIDEO, TRACK_AUDIO].map((track) => [
    statistics[track]?.frames,
    statistics[track]?.bytes,
    (lastDts90k[track] ?? 0) / 90,
  ]);
  return { tracks, key: [lastRandomAccess90k / 90, randomAccessInterval90k / 90], age: clock.nowMs - lastFrameMs };
}

describe("a producer that died", () => {
  it("between two stores of a frame's counters: its frames are those that lie in the ring", () => {
    write(TRACK_VIDEO, 0, 100, true);
    write(TRACK_AUDIO, 5, 20);
    inStream.look();
    write(TRACK_VIDEO, 40, 200);
    write(TRACK_VIDEO, 1600, 300, true);
    // The next one is in the ring, and the version stays odd.
    vi.spyOn(SharedCounters.prototype, "end").mockImplementation(() => {});
    write(TRACK_AUDIO, 1605, 30);
    inStream.look();
    expect(counted()).toMatchObject({
      tracks: [
        [1, 100, 0],
        [1, 20, 5],
      ],
    });
    const { head } = inStream.ring;
    inStream.letGo();
    expect(counted()).toEqual({
      tracks: [
        [3, 600, 1600],
        [2, 50, 1605],
      ],
      key: [1600, 1600],
      age: 10,
    });
    expect(inStream.ring.head).toBeGreaterThan(head);
  });

  it("in the first frame of all", () => {
    vi.spyOn(SharedCounters.prototype, "end").mockImplementation(() => {});
    write(TRACK_VIDEO, 0, 100, true);
    inStream.letGo();
    expect(counted()).toEqual({
      tracks: [
        [1, 100, 0],
        [0, 0, Number.NEGATIVE_INFINITY],
      ],
      key: [0, Number.NaN],
      age: 10,
    });
  });

  it("before it had published the frame: it is none", () => {
    write(TRACK_VIDEO, 0, 100, true);
    expect(producer.reserve(100)).toBeGreaterThan(0);
    new SharedCounters(arena, counters).begin();
    inStream.letGo();
    expect(counted()).toMatchObject({
      tracks: [
        [1, 100, 0],
        [0, 0, Number.NEGATIVE_INFINITY],
      ],
    });
  });
});

describe("a producer in another thread", () => {
  it("tells how many times it has mended, beside the entries", () => {
    for (const ms of [0, 400, 100, 140, 180]) write(TRACK_VIDEO, ms, 10, ms === 0);
    for (const ms of [440, 480]) write(TRACK_VIDEO, ms, 10, false, 8_000_000);
    inStream.look();
    expect([inStream.jitterFrames, inStream.unboundOffsetFrames]).toEqual([3, 2]);
    producer.end();
    expect(gaps.map(({ cause }) => cause)).toEqual(["jitter", "compositionOffset"]);
  });
});
