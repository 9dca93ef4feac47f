// MPEG-TS over TCP and UDP, from ffmpeg and from a bad line, into files of every container.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/arena/logger.js";
import { TsTcpServer } from "../../src/ingest/mpegts/ts-tcp-server.js";
import { parseAvcDecoderConfiguration } from "../../src/stream/codec/h264.js";
import { makeClip } from "../support/clip.js";
import { demux } from "../support/demux.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { freePort, PullFixture } from "../support/pull-fixture.js";
import { annexB, TsBuilder } from "../support/ts-builder.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const SECONDS = 3;
const clipSpec = { seconds: SECONDS, video: { bFrames: 2, gopFrames: 25 } } as const;

let fixture: PullFixture;
const servers = new Set<Server>();
beforeEach(async () => {
  fixture = await PullFixture.open();
});
afterEach(async () => {
  await stopPublishers();
  await fixture.close();
  for (const server of servers) server.close();
  servers.clear();
});

async function recordAll(name: string): Promise<void> {
  for (const type of CONTAINERS) await fixture.record(name, type);
}

/** Every file holds all that was sent and plays without a word. */
async function expectWhole(path: string): Promise<void> {
  const sent = await ffprobe(path);
  const files = await fixture.untilClosed(CONTAINERS.length);
  for (const file of files) {
    expect([file.videoFrames, file.audioFrames, file.lost], file.path).toEqual([sent.video?.packets.length, sent.audio?.packets.length, null]);
    const probe = await ffprobe(file.path);
    expect([probe.video?.packets.length, probe.audio?.packets.length], file.path).toEqual([sent.video?.packets.length, sent.audio?.packets.length]);
    expect(Math.abs(probe.durationMs - SECONDS * 1000), file.path).toBeLessThan(150);
    await decodeWithFfmpeg(file.path);
  }
}

/** A clip's video under other times and maps: a new version of the map has it on another PID. */
async function madeStream(frames: number, timeOf: (frame: number) => number, versionOf: (frame: number) => number): Promise<Buffer> {
  const clip = demux([readFileSync(await makeClip({ seconds: frames / 25, audio: false, format: "ts" }))]);
  const avcC = parseAvcDecoderConfiguration(Buffer.from(clip.configs[0]?.hex ?? "", "hex"));
  const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]);
  let version = -1;
  for (const [i, { units, isRandomAccess }] of clip.frames.entries()) {
    if (versionOf(i) !== version) {
      version = versionOf(i);
      ts.pmt(0x1000, 1, [{ pid: 0x100 + version, type: 0x1b }], version);
    }
    const sets = isRandomAccess ? [...avcC.sps, ...avcC.pps] : [];
    ts.pes(0x100 + version, annexB(Buffer.of(9, 0xf0), ...sets, ...units), { pts: timeOf(i) });
  }
  return ts.bytes();
}

describe("MPEG-TS sources", () => {
  it("records what ffmpeg sends to the TCP listener, whole", async () => {
    const { recorder } = fixture;
    const server = new TsTcpServer({ registry: recorder.streams, arena: recorder.arena, clock: recorder.clock, logger: silentLogger, streamName: "tcp{n}" });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    await recordAll("tcp1");
    const input = await makeClip({ ...clipSpec, format: "mp4" });
    await publishWithFfmpeg({ url: `tcp://127.0.0.1:${port}`, input, format: "mpegts" }).exited;
    await expectWhole(input);
    await server.close();
  });

  it("records what ffmpeg sends over UDP, whole", async () => {
    const port = await freePort();
    await recordAll("udp1");
    const configId = fixture.pull(`mpegtsudp://127.0.0.1:${port}`, "udp1");
    await until("the socket is bound", () => fixture.codes.get(configId)?.includes(3));
    const input = await makeClip({ ...clipSpec, format: "mp4" });
    await publishWithFfmpeg({ url: `udp://127.0.0.1:${port}?pkt_size=1316`, input, format: "mpegts" }).exited;
    // The end of a datagram stream does not show: the last frame's successor never comes, so the source is stopped when all others are there.
    await until("all frames are there", () => fixture.frames("udp1") >= SECONDS * 25 - 1);
    await delay(100);
    fixture.pulls.stop(configId, "test");
    const files = await fixture.untilClosed(3);
    for (const file of files) {
      expect(file.videoFrames).toBeGreaterThanOrEqual(SECONDS * 25 - 1);
      expect(file.lost).toBeNull();
      await decodeWithFfmpeg(file.path);
    }
  });

  it("receives a multicast group", async () => {
    const port = await freePort();
    const configId = fixture.pull(`dmpegtsudp://239.255.77.1:${port}`, "group");
    await until("the group is joined", () => fixture.codes.get(configId)?.includes(3));
    const bytes = readFileSync(await makeClip({ ...clipSpec, format: "ts" }));
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    socket.setMulticastLoopback(true);
    for (let at = 0; at < bytes.length && fixture.frames("group") < 10; at += 1316) {
      socket.send(bytes.subarray(at, at + 1316), port, "239.255.77.1");
      await delay(0);
    }
    await until("frames arrive", () => fixture.frames("group") >= 10);
    socket.close();
  });

  it("goes on over a line that drops, swaps and doubles packets, and says what happened", async () => {
    const port = await freePort();
    await recordAll("bad");
    const configId = fixture.pull(`mpegtsudp://127.0.0.1:${port}`, "bad", { keepAlive: false });
    await until("the socket is bound", () => fixture.codes.get(configId)?.includes(3));
    const bytes = readFileSync(await makeClip({ seconds: 10, video: { gopFrames: 25, kilobitsPerSecond: 1500 }, format: "ts" }));
    const packets: Buffer[] = Array.from({ length: Math.floor(bytes.length / 188) }, (_, i) => bytes.subarray(i * 188, i * 188 + 188));
    // One in a thousand of each, from a place where the tables and the first IDR are past.
    for (let i = 500; i < packets.length - 500; i += 1000) {
      packets.splice(i, 1);
      packets.splice(i + 300, 0, packets[i + 300] as Buffer);
      [packets[i + 600], packets[i + 601]] = [packets[i + 601] as Buffer, packets[i + 600] as Buffer];
    }
    const socket = createSocket("udp4");
    for (let i = 0; i < packets.length; i += 7) {
      socket.send(Buffer.concat(packets.slice(i, i + 7)), port, "127.0.0.1");
      if (i % 70 === 0) await delay(1);
    }
    await until("most frames are there", () => fixture.frames("bad") > 220);
    await delay(200);
    fixture.pulls.stop(configId, "test");
    socket.close();
    for (const file of await fixture.untilClosed(3)) {
      expect(
        file.gaps.some((gap) => gap.cause === "sourceLoss"),
        file.path,
      ).toBe(true);
      expect(file.lost?.frames).toBeGreaterThan(0);
      expect(Math.abs(file.durationMs - 10_000)).toBeLessThan(300);
      await ffprobe(file.path);
    }
    const counted = fixture.log.find((line) => line.startsWith("a transport stream has ended"));
    expect(counted).toMatch(/"continuityErrors":\d/);
    expect(counted).toMatch(/"duplicates":\d/);
  });

  it("comes back to a TCP source that was restarted, into a new file of the same config", async () => {
    const bytes = readFileSync(await makeClip({ ...clipSpec, format: "ts" }));
    const sockets = new Set<Socket>();
    const serve = async (port: number): Promise<Server> => {
      const server = createServer((socket) => {
        sockets.add(socket.on("error", () => {}));
        socket.write(bytes);
      }).listen(port, "127.0.0.1");
      await once(server, "listening");
      servers.add(server);
      return server;
    };
    const port = await freePort();
    const configId = fixture.pull(`mpegtstcp://127.0.0.1:${port}`, "again");
    await until("the first attempt failed", () => fixture.codes.get(configId)?.includes(5));
    await fixture.record("again", "mp4");
    for (let round = 1; round <= 2; round++) {
      const server = await serve(port);
      await until("frames arrive", () => fixture.frames("again") > 50);
      server.close();
      for (const socket of sockets) socket.destroy();
      sockets.clear();
      await fixture.untilClosed(round);
    }
    const codes = fixture.codes.get(configId) ?? [];
    expect(codes.slice(0, 2)).toEqual([1, 5]);
    expect(codes.filter((code) => code !== 5 && code !== 1).slice(0, 6)).toEqual([3, 0, 4, 3, 0, 4]);
    expect(new Set(fixture.closed.map((file) => file.path)).size).toBe(2);
  });

  for (const [what, timeOf, versionOf] of [
    ["a 33-bit wrap in the middle", (frame: number) => (2 ** 33 - 50 * 3600 + frame * 3600) % 2 ** 33, () => 0],
    ["a program map that moves to other PIDs", (frame: number) => frame * 3600, (frame: number) => (frame < 50 ? 0 : 1)],
    ["a jump of ten hours", (frame: number) => frame * 3600 + (frame < 50 ? 0 : 36_000 * 90_000), () => 0],
  ] as const) {
    it(`gives files the duration of what was sent, over ${what}`, async () => {
      await recordAll("edge");
      const bytes = await madeStream(100, timeOf, versionOf);
      const server = createServer((socket) => void socket.on("error", () => {}).end(bytes)).listen(0, "127.0.0.1");
      servers.add(server);
      await once(server, "listening");
      const address = server.address();
      fixture.pull(`mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, "edge", { keepAlive: false });
      for (const file of await fixture.untilClosed(3)) {
        expect([file.videoFrames, file.lost], file.path).toEqual([100, null]);
        expect(Math.abs(file.durationMs - 4000), file.path).toBeLessThan(45);
        expect(Math.abs((await ffprobe(file.path)).durationMs - 4000), file.path).toBeLessThan(90);
      }
    });
  }

  it("takes a source that delivers nothing for gone", async () => {
    await fixture.close();
    fixture = await PullFixture.open({ silenceMs: 300 });
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    servers.add(server);
    await once(server, "listening");
    const address = server.address();
    const configId = fixture.pull(`mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, "silent", { keepAlive: false });
    await until("it is given up", () => fixture.codes.get(configId)?.at(-1) === 5);
    expect(fixture.codes.get(configId)).toEqual([1, 3, 5]);
    expect(fixture.log.some((line) => line.includes("delivered nothing for 0.3 s"))).toBe(true);
  });

  it("refuses a name that is live, and ends a connection that is no transport stream without harm", async () => {
    const { recorder } = fixture;
    const server = new TsTcpServer({
      registry: recorder.streams,
      arena: recorder.arena,
      clock: recorder.clock,
      logger: silentLogger,
      streamName: "one",
      silenceMs: 200,
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const bytes = readFileSync(await makeClip({ ...clipSpec, format: "ts" }));
    const first = connect(port, "127.0.0.1").on("error", () => {});
    first.write(bytes);
    await until("the first is live", () => recorder.streams.get("one"));
    const isRefused = (payload: Buffer): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1").on("close", () => resolve());
        socket.on("error", () => {}); // a reset is as good a refusal
        socket.write(payload);
      });
    await Promise.all([isRefused(bytes), isRefused(Buffer.alloc(100_000, 0x55))]);
    expect(recorder.streams.list().length).toBeLessThanOrEqual(1);
    await server.close();
    expect(server.connectionCount).toBe(0);
  });
});
