// The MPEG-TS listener against publishers that fall silent and strangers that knock: what they can make it keep, and
// log.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import type { Logger } from "../../../../src/base/logger.js";
import { TsTcpServer } from "../../../../src/ingest/mpegts/ts-tcp-server.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { systemClock } from "../../../../src/time/units.js";
import { AVCC } from "../../../support/test-media.js";
import { annexB, TsBuilder } from "../../../support/ts-builder.js";
import { until } from "../../../support/until.js";

const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);
let server: TsTcpServer | undefined;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await server?.close();
});

function media(frames: number): Buffer {
  const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
  for (let i = 0; i < frames; i++)
    ts.pes(0x100, annexB(Buffer.of(9, 0xf0), SPS, PPS, Buffer.alloc(200, 0x99).fill(0x65, 0, 1)), { pts: i * 3600 });
  return ts.bytes();
}

async function open(options: { silenceMs?: number; clock?: typeof systemClock } = {}) {
  const clock = options.clock ?? systemClock;
  const lines: string[] = [];
  const arena = new Arena();
  let id = 0;
  const registry = new StreamRegistry(
    arena,
    clock,
    { ringBytes: 4096, maxRingBytes: 4096, lagLimitMs: 2000 },
    () => ++id,
  );
  const write = (_: object, message: string): void => {
    lines.push(message);
  };
  const logger: Logger = { debug: () => {}, info: write, warn: write };
  server = new TsTcpServer({
    registry,
    arena,
    clock,
    logger,
    streamName: "in{n}",
    ...(options.silenceMs && { silenceMs: options.silenceMs }),
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const dial = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    sockets.add(socket);
    await once(socket, "connect");
    return socket;
  };
  return { registry, arena, lines, dial, server };
}

describe("the MPEG-TS listener", () => {
  it("closes a publisher that falls silent after it was kept waiting for longer than that", async () => {
    const { registry, arena, dial } = await open({ silenceMs: 200 });
    const socket = await dial();
    let full = false;
    registry.on("opened", (stream) => {
      stream.on("full", () => {
        full = true;
      });
      stream.attach({
        tail: () => tail,
        mainVideo: undefined,
        hasTaken: () => false,
        tryLock: () => true,
        unlock: () => {},
        jump: () => {},
        onGap: () => {},
      });
    });
    let tail = 0;
    let startedMs = 0;
    socket.write(media(30));
    await until("the ring is full", () => full);
    startedMs = performance.now();
    await until("the time for silence is long past", () => performance.now() - startedMs > 500);
    const stream = registry.get("in1");
    expect(stream?.ended).toBe(false);
    await until("the publisher is closed", () => {
      tail = stream?.ring.head ?? 0;
      stream?.onDrained();
      return stream?.ended;
    });
    stream?.removeAllListeners();
    expect(registry.list()).toEqual([]);
    // the ring and its configuration, for the cursor that still hangs on them
    expect(arena.stats().blocks).toBeLessThanOrEqual(3);
  });

  for (const ending of ["the stream of a publisher that has left is closed", "the listener closes"] as const) {
    it(`gives up what waits for room, and counts it, when ${ending}`, async () => {
      const { registry, arena, dial, server } = await open();
      let full = false;
      let lost = 0;
      const cursor = {
        tail: () => 0,
        mainVideo: undefined,
        hasTaken: () => false,
        tryLock: () => true,
        unlock: () => {},
        jump: () => {},
        onGap: () => {},
      };
      registry.on("opened", (stream) => {
        stream.on("full", () => {
          full = true;
        });
        stream.on("gap", (gap) => {
          lost += gap.frames;
        });
        stream.attach(cursor);
      });
      const socket = await dial();
      socket.write(media(30));
      await until("the ring is full", () => full);
      const stream = registry.get("in1");
      if (ending === "the listener closes") await server.close();
      else {
        socket.resetAndDestroy();
        await until("the publisher has left", () => server.connectionCount === 0);
        expect(stream?.ended).toBe(false);
        stream?.closeSource("shutdownStream");
      }
      expect([stream?.ended, (stream?.statistics[0]?.frames ?? 0) + lost]).toEqual([true, 30]);
      stream?.leave(cursor);
      expect(arena.stats().blocks).toBe(0);
    });
  }

  it("lets strangers write no more than a few lines a second into the log, and keeps nothing of them", async () => {
    const { lines, arena, dial, server } = await open({ clock: { wallMs: () => 0, monotonicMs: () => 0 } });
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]);
    // Each names a dozen streams that are not recorded.
    ts.pmt(
      0x1000,
      1,
      Array.from({ length: 12 }, (_, i) => ({ pid: 0x100 + i, type: 0x70 + i })),
    );
    for (let i = 0; i < 20; i++) (await dial()).end(Buffer.concat([ts.bytes(), ts.bytes(), ts.bytes()]));
    await until("all have gone", () => server.connectionCount === 0);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(5);
    expect(arena.stats().blocks).toBe(0);
  });
});
