// The life of a pulled source, on a clock and a transport that the test owns: states, pauses, silence, and that
// stopping stops.

import { describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { type Logger, silentLogger } from "../../../../src/base/logger.js";
import type { ByteConnection, ByteTransport, TransportEvents } from "../../../../src/ingest/mpegts/byte-transport.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { TsByteSource } from "../../../../src/ingest/mpegts/ts-byte-source.js";
import { PullSources } from "../../../../src/ingest/pull/pull-sources.js";
import { retryDelayMs } from "../../../../src/ingest/retry.js";
import type { SourceRequest } from "../../../../src/ingest/source.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { FakeTime } from "../../../support/fake-time.js";
import { sourceRequest } from "../../../support/pull-fixture.js";
import { RecordingLogger } from "../../../support/rtmp-rig.js";
import { AVCC } from "../../../support/test-media.js";
import { annexB, TsBuilder } from "../../../support/ts-builder.js";

class FakeTransport implements ByteTransport {
  readonly schemes = ["fake"];
  readonly connections: { events: TransportEvents; openedMs: number; isClosed: boolean; isPaused: boolean }[] = [];
  constructor(
    private readonly time: FakeTime,
    private readonly mayWait: boolean,
  ) {}
  sourceType = (): string => "INTS";
  check(): void {}
  open(_request: SourceRequest, _uri: URL, events: TransportEvents): ByteConnection {
    const connection = { events, openedMs: this.time.nowMs, isClosed: false, isPaused: false };
    this.connections.push(connection);
    return {
      flow: this.mayWait
        ? { pause: () => (connection.isPaused = true), resume: () => (connection.isPaused = false) }
        : undefined,
      close: () => {
        connection.isClosed = true;
        events.onClosed("closed");
      },
    };
  }
  async close(): Promise<void> {}
  get last() {
    const last = this.connections.at(-1);
    if (!last) throw new Error("nothing was opened");
    return last;
  }
}

const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);

class MediaBytes {
  #ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
  #frame = 0;
  /** Packets of some more frames. */
  next(frames: number, sizeBytes = 200): Buffer {
    for (let i = 0; i < frames; i++, this.#frame++)
      this.#ts.pes(0x100, annexB(Buffer.of(9, 0xf0), SPS, PPS, Buffer.alloc(sizeBytes, 0x99).fill(0x65, 0, 1)), {
        pts: this.#frame * 3600,
      });
    return Buffer.concat(this.#ts.packets.splice(0));
  }
}

interface Setup {
  keepAlive?: boolean;
  maxRingBytes?: number;
  /** False: datagrams, which cannot be held back. */
  mayWait?: boolean;
  logger?: Logger;
  /** Called with every report, before the test sees it. */
  onReport?(code: number, pulls: PullSources): void;
}

function setup(options: Setup = {}) {
  const time = new FakeTime();
  const transport = new FakeTransport(time, options.mayWait ?? true);
  const arena = new Arena();
  let id = 0;
  const registry = new StreamRegistry(
    arena,
    time.clock,
    { ringBytes: 4096, maxRingBytes: options.maxRingBytes ?? 1 << 20, lagLimitMs: 2000 },
    () => ++id,
  );
  const pulls = new PullSources({
    registry,
    arena,
    clock: time.clock,
    logger: options.logger ?? silentLogger,
    timers: time.timers,
    sources: [new TsByteSource(transport, { arena, logger: silentLogger, budget: new StagingBudget() })],
    random: () => 0.5,
    silenceMs: 10_000,
  });
  const reports: [number, number][] = [];
  const request = sourceRequest({ uri: "fake://host", keepAlive: options.keepAlive ?? true });
  pulls.start(request, (code, streamId) => {
    options.onReport?.(code, pulls);
    reports.push([code, streamId]);
  });
  return { time, transport, arena, registry, pulls, reports };
}

/** Ends the connection; returns how long it takes to the next one. */
function failOnce(time: FakeTime, transport: FakeTransport): number {
  const { length } = transport.connections;
  const failedMs = time.nowMs;
  transport.last.events.onClosed("refused");
  for (let i = 0; i < 1000 && transport.connections.length === length; i++) time.advance(100);
  return transport.last.openedMs - failedMs;
}

describe("a pulled source", () => {
  it("tells its states in order, with the stream's id while it streams", () => {
    const { transport, reports } = setup({ keepAlive: false });
    transport.last.events.onConnected({ farIp: "10.0.0.1", farPort: 5000 });
    transport.last.events.onBytes(new MediaBytes().next(3));
    transport.last.events.onClosed("gone");
    expect(reports).toEqual([
      [1, 0],
      [3, 0],
      [0, 1],
      [4, 0],
    ]);
  });

  it("is tried again once a second at first, then ever more rarely, for ever", () => {
    const { time, transport, reports } = setup();
    const pauses = Array.from({ length: 40 }, () => failOnce(time, transport));
    expect(pauses.slice(0, 10)).toEqual(Array(10).fill(1000));
    expect(pauses[10]).toBe(1500);
    expect(pauses.slice(20).every((pause) => pause === 5000)).toBe(true);
    expect(reports.at(-1)).toEqual([1, 0]);
    expect([retryDelayMs(1, 0, 0), retryDelayMs(1, 0, 1)].map(Math.round)).toEqual([800, 1200]);
  });

  it("has one line in the log when it dies, and one an hour with the attempts while it is dead", () => {
    const logger = new RecordingLogger();
    const { time, transport, pulls } = setup({ logger });
    const lines = () => logger.lines.filter(({ message }) => message.startsWith("pull"));
    const failFor = (ms: number): void => {
      for (const endMs = time.nowMs + ms; time.nowMs < endMs; time.advance(500))
        if (!transport.last.isClosed) {
          transport.last.isClosed = true;
          transport.last.events.onClosed("refused");
        }
    };
    failFor(3_590_000);
    expect(lines()).toEqual([
      {
        level: "warn",
        context: {
          stream: expect.any(String),
          uri: "fake://host",
          reason: "refused",
          retryInSeconds: expect.any(Number),
        },
        message: "pull down",
      },
    ]);
    failFor(2 * 3_600_000);
    expect(lines().slice(1)).toEqual([
      { level: "warn", context: expect.objectContaining({ attempts: expect.any(Number) }), message: "pull still down" },
      { level: "warn", context: expect.objectContaining({ attempts: expect.any(Number) }), message: "pull still down" },
    ]);
    pulls.stop(1, "closed");
  });

  it("counts its failures anew after it streamed for a while", () => {
    const { time, transport } = setup();
    for (let i = 0; i < 14; i++) failOnce(time, transport);
    transport.last.events.onBytes(new MediaBytes().next(3));
    time.advance(6000);
    expect(failOnce(time, transport)).toBe(1000);
  });

  it("is gone when it delivers nothing for ten seconds, but not while we keep it waiting", () => {
    const { time, transport, registry, reports } = setup({ maxRingBytes: 4096 });
    transport.last.events.onConnected({});
    const media = new MediaBytes();
    transport.last.events.onBytes(media.next(2));
    const stream = registry.get("s");
    let tail = stream?.ring.head ?? 0;
    const cursor = {
      tail: () => tail,
      mainVideo: undefined,
      hasTaken: () => false,
      tryLock: () => true,
      unlock: () => {},
      jump: () => {},
      onGap: () => {},
    };
    stream?.attach(cursor);
    transport.last.events.onBytes(media.next(30));
    expect(transport.last.isPaused).toBe(true);
    time.advance(60_000);
    expect(reports.at(-1)).toEqual([0, 1]);
    // Room again: what waited goes into the ring, the source is read on, and from here its silence counts.
    for (let i = 0; i < 40 && transport.last.isPaused; i++) {
      tail = stream?.ring.head ?? 0;
      stream?.onDrained();
    }
    expect(transport.last.isPaused).toBe(false);
    expect(stream?.statistics[0]?.frames).toBe(31); // the last one may go on
    time.advance(13_000);
    expect(transport.connections[0]?.isClosed).toBe(true);
    expect(reports.slice(3, 5)).toEqual([
      [4, 0],
      [1, 0],
    ]);
  });

  it("keeps frames that wait for room when the connection ends", () => {
    const { transport, registry } = setup({ maxRingBytes: 4096, keepAlive: false });
    const media = new MediaBytes();
    transport.last.events.onBytes(media.next(2));
    const stream = registry.get("s");
    let tail = stream?.ring.head ?? 0;
    stream?.attach({
      tail: () => tail,
      mainVideo: undefined,
      hasTaken: () => false,
      tryLock: () => true,
      unlock: () => {},
      jump: () => {},
      onGap: () => {},
    });
    transport.last.events.onBytes(media.next(30));
    transport.last.events.onClosed("the end");
    expect(stream?.ended).toBe(false);
    for (let i = 0; i < 40 && !stream?.ended; i++) {
      tail = stream?.ring.head ?? 0;
      stream?.onDrained();
    }
    expect([stream?.ended, stream?.statistics[0]?.frames]).toEqual([true, 32]);
  });

  it("gives out the last frame, which no successor completes, when the source falls silent or is stopped", () => {
    for (const isStopped of [false, true]) {
      const { time, transport, registry, pulls, arena } = setup({ keepAlive: false, mayWait: false });
      transport.last.events.onBytes(new MediaBytes().next(5));
      const stream = registry.get("s");
      expect(stream?.statistics[0]?.frames).toBe(4);
      if (isStopped) pulls.stop(7, "removed");
      else time.advance(12_000);
      expect([stream?.ended, stream?.statistics[0]?.frames, arena.stats().blocks]).toEqual([true, 5, 0]);
    }
  });

  it("is not gone while frames come that find no room, as on a disk that is stuck", () => {
    const { time, transport, registry, reports } = setup({ maxRingBytes: 4096, mayWait: false });
    const media = new MediaBytes();
    transport.last.events.onBytes(media.next(2));
    const stream = registry.get("s");
    const tail = stream?.ring.head ?? 0;
    stream?.attach({
      tail: () => tail,
      mainVideo: undefined,
      hasTaken: () => false,
      tryLock: () => true,
      unlock: () => {},
      jump: () => {},
      onGap: () => {},
    });
    for (let second = 0; second < 30; second++) {
      transport.last.events.onBytes(media.next(25));
      time.advance(1000);
    }
    expect(stream?.statistics[0]?.droppedFrames).toBeGreaterThan(600);
    expect([stream?.ended, reports.at(-1)]).toEqual([false, [0, 1]]);
    time.advance(12_000);
    expect(stream?.ended).toBe(true);
  });

  it("opens nothing when it is stopped by who hears that it connects", () => {
    const { time, transport } = setup({ onReport: (code, pulls) => code === 1 && pulls.stop(7, "removed") });
    expect([transport.connections.length, time.pending]).toEqual([0, 0]);
  });

  it("leaves no memory where it is stopped by who hears of its stream", () => {
    const { time, transport, registry, arena } = setup({
      onReport: (code, pulls) => code === 0 && pulls.stop(7, "removed"),
    });
    transport.last.events.onBytes(new MediaBytes().next(30));
    expect([transport.last.isClosed, registry.list().length, time.pending, arena.stats().blocks]).toEqual([
      true,
      0,
      0,
      0,
    ]);
  });

  it("reports the frames that waited for room when it is stopped at once", () => {
    const { transport, registry, pulls } = setup({ maxRingBytes: 4096 });
    const media = new MediaBytes();
    transport.last.events.onBytes(media.next(2));
    const stream = registry.get("s");
    const tail = stream?.ring.head ?? 0;
    const gaps: number[] = [];
    stream?.on("gap", (gap) => gaps.push(gap.frames));
    stream?.attach({
      tail: () => tail,
      mainVideo: undefined,
      hasTaken: () => false,
      tryLock: () => true,
      unlock: () => {},
      jump: () => {},
      onGap: () => {},
    });
    transport.last.events.onBytes(media.next(30));
    pulls.stop(7, "removed");
    const taken = stream?.statistics[0]?.frames ?? 0;
    expect([stream?.ended, gaps]).toEqual([true, [32 - taken]]);
  });

  for (const ending of ["its stream is closed", "the source is stopped"] as const) {
    it(`ends at once a stream whose connection has gone and whose last frames wait for room, when ${ending}`, () => {
      const { time, transport, registry, pulls, arena } = setup({ maxRingBytes: 4096 });
      const media = new MediaBytes();
      transport.last.events.onBytes(media.next(2));
      const stream = registry.get("s");
      const tail = stream?.ring.head ?? 0;
      let lost = 0;
      const cursor = {
        tail: () => tail,
        mainVideo: undefined,
        hasTaken: () => false,
        tryLock: () => true,
        unlock: () => {},
        jump: () => {},
        onGap: () => {},
      };
      stream?.on("gap", (gap) => {
        lost += gap.frames;
      });
      stream?.attach(cursor);
      transport.last.events.onBytes(media.next(30));
      transport.last.events.onClosed("gone");
      time.advance(1000);
      expect([stream?.ended, transport.connections.length, transport.last.isClosed]).toEqual([false, 2, false]);
      if (ending === "the source is stopped") pulls.stop(7, "removed");
      else stream?.closeSource("shutdownStream");
      expect([stream?.ended, registry.list().length, (stream?.statistics[0]?.frames ?? 0) + lost]).toEqual([
        true,
        0,
        32,
      ]);
      // The next connection has nothing to do with it.
      expect(transport.last.isClosed).toBe(ending === "the source is stopped");
      pulls.stop(7, "removed");
      stream?.leave(cursor);
      expect(arena.stats().blocks).toBe(0);
    });
  }

  it("ends at once and for good when it is stopped, waiting or streaming", () => {
    const { time, transport, registry, pulls, arena } = setup();
    transport.last.events.onBytes(new MediaBytes().next(3));
    expect(registry.list().length).toBe(1);
    pulls.stop(7, "removed");
    expect([registry.list().length, transport.last.isClosed, time.pending, arena.stats().blocks]).toEqual([
      0,
      true,
      0,
      0,
    ]);
    const other = setup();
    other.transport.last.events.onClosed("refused");
    other.pulls.stop(7, "removed");
    other.time.advance(100_000);
    expect([other.transport.connections.length, other.time.pending]).toEqual([1, 0]);
  });

  it("comes back after its stream was closed from outside", () => {
    const { time, transport, registry, reports } = setup();
    transport.last.events.onBytes(new MediaBytes().next(3));
    registry.get("s")?.closeSource("shutdownStream");
    expect([registry.list().length, transport.last.isClosed, reports.at(-1)]).toEqual([0, true, [4, 0]]);
    time.advance(1000);
    expect(transport.connections.length).toBe(2);
  });

  it("fails and tries again while another stream has its name", () => {
    const { time, transport, registry, reports } = setup();
    const other = registry.open(
      "s",
      { type: "INR", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 },
      () => {},
    );
    transport.last.events.onBytes(new MediaBytes().next(3));
    expect(reports.at(-1)).toEqual([5, 0]);
    other.end("gone");
    time.advance(1000);
    transport.last.events.onBytes(new MediaBytes().next(3));
    expect(reports.at(-1)?.[0]).toBe(0);
  });
});
