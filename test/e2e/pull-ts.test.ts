// MPEG-TS over TCP and UDP, from ffmpeg and from a bad line, into files of every container.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { TsTcpServer } from "../../src/ingest/mpegts/ts-tcp-server.js";
import { parseAvcDecoderConfiguration } from "../../src/media/codec/h264/decoder-configuration.js";
import { makeClip } from "../support/clip.js";
import { demux } from "../support/demux.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { FIELD_FRAME_HEIGHT, FIELD_PPS, FIELD_SPS, FIELD_WIDTH, fieldSlice } from "../support/field-pictures.js";
import { Publisher, publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { freePort, PullFixture } from "../support/pull-fixture.js";
import { annexB, TsBuilder } from "../support/ts-builder.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const SECONDS = 3;
const clipSpec = { seconds: SECONDS, video: { bFrames: 2, gopFrames: 25 } } as const;

// Each has a fixture of its own, and most wait for media time: they run side by side.
const fixtures = new Set<PullFixture>();
const servers = new Set<Server>();
afterAll(async () => {
  await stopPublishers();
  for (const fixture of fixtures) await fixture.close();
  for (const server of servers) server.close();
});

async function open(options: Parameters<typeof PullFixture.open>[0] = {}): Promise<PullFixture> {
  const fixture = await PullFixture.open(options);
  fixtures.add(fixture);
  return fixture;
}

async function recordAll(fixture: PullFixture, name: string): Promise<void> {
  for (const type of CONTAINERS) await fixture.record(name, type);
}

/** Every file holds all that was sent and plays without a word. */
async function expectWhole(fixture: PullFixture, path: string): Promise<void> {
  const sent = await ffprobe(path);
  const files = await fixture.untilClosed(CONTAINERS.length);
  for (const file of files) {
    expect([file.videoFrames, file.audioFrames, file.lost], file.path).toEqual([
      sent.video?.packets.length,
      sent.audio?.packets.length,
      null,
    ]);
    const probe = await ffprobe(file.path);
    expect([probe.video?.packets.length, probe.audio?.packets.length], file.path).toEqual([
      sent.video?.packets.length,
      sent.audio?.packets.length,
    ]);
    expect(Math.abs(probe.durationMs - SECONDS * 1000), file.path).toBeLessThan(150);
    await decodeWithFfmpeg(file.path);
  }
}

interface MulticastCase {
  group: string;
  /** The sender's address. */
  local: string;
  /** Where it is received: an interface, or an address of one. */
  link: string;
  ssmIp?: string;
  /** A second sender, that is not to be heard. */
  other?: string;
}

/**
 * Linux routes no IPv6 multicast over the loopback interface, so another one serves; with a hop limit of 0 nothing
 * leaves the host.
 */
function ipv6Interface(): { local: string; link: string } | undefined {
  for (const [link, addresses = []] of Object.entries(networkInterfaces())) {
    const address = addresses.find(({ family, internal, scopeid }) => family === "IPv6" && !internal && scopeid === 0);
    if (address) return { local: address.address, link };
  }
  return undefined;
}

/** Sends to a group from one address of this host, to itself. */
async function multicastSender(
  group: string,
  local: string,
  link: string,
): Promise<{ send(bytes: Buffer, port: number): Promise<void>; close(): void }> {
  const isIpv6 = group.includes(":");
  const socket = createSocket(isIpv6 ? "udp6" : "udp4");
  socket.bind(0, local);
  await once(socket, "listening");
  socket.setMulticastInterface(isIpv6 ? `::%${link}` : local);
  socket.setMulticastLoopback(true);
  socket.setMulticastTTL(0);
  const send = (bytes: Buffer, port: number): Promise<void> =>
    new Promise((resolve, reject) => socket.send(bytes, port, group, (error) => (error ? reject(error) : resolve())));
  return { send, close: () => socket.close() };
}

/** A clip's video under other times and maps: a new version of the map has it on another PID. */
async function madeStream(
  frames: number,
  timeOf: (frame: number) => number,
  versionOf: (frame: number) => number,
): Promise<Buffer> {
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

describe.concurrent("MPEG-TS sources", () => {
  it("records what ffmpeg sends to the TCP listener, whole", async () => {
    const fixture = await open();
    const { recorder } = fixture;
    const server = new TsTcpServer({
      registry: recorder.streams,
      arena: recorder.arena,
      clock: recorder.clock,
      logger: silentLogger,
      streamName: "tcp{n}",
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    await recordAll(fixture, "tcp1");
    const input = await makeClip({ ...clipSpec, format: "mp4" });
    await publishWithFfmpeg({ url: `tcp://127.0.0.1:${port}`, input, format: "mpegts" }).exited;
    await expectWhole(fixture, input);
    await server.close();
  });

  for (const ending of ["falls silent", "is stopped"] as const) {
    it(`records what ffmpeg sends over UDP, whole, to the last frame, when the source ${ending}`, async () => {
      // Made first: the time that it takes would count as the source's silence.
      const input = await makeClip({ ...clipSpec, format: "mp4" });
      const fixture = await open({ silenceMs: ending === "falls silent" ? 3000 : 10_000 });
      const port = await freePort();
      await recordAll(fixture, "udp1");
      const configId = fixture.pull(`mpegtsudp://127.0.0.1:${port}`, "udp1", { keepAlive: false });
      await until("the socket is bound", () => fixture.codes.get(configId)?.includes(3));
      await publishWithFfmpeg({ url: `udp://127.0.0.1:${port}?pkt_size=1316`, input, format: "mpegts" }).exited;
      if (ending === "is stopped") {
        // The end of a datagram stream does not show: the last picture has no successor that would complete it.
        const sent = await ffprobe(input);
        const statistics = fixture.recorder.streams.get("udp1")?.statistics ?? [];
        await until(
          "all others are there",
          () => statistics[0]?.frames === SECONDS * 25 - 1 && statistics[1]?.frames === sent.audio?.packets.length,
        );
        fixture.pulls.stop(configId, "test");
      }
      await expectWhole(fixture, input);
    });
  }

  const ipv6 = ipv6Interface();
  const link = ipv6?.link ?? "";
  const multicastCases: Record<string, MulticastCase> = {
    "a multicast group": { group: "239.255.77.1", local: "127.0.0.1", link: "lo" },
    "the one sender of a source-specific group": {
      group: "232.255.77.2",
      local: "127.0.0.1",
      link: "127.0.0.1",
      ssmIp: "127.0.0.1",
      other: "127.0.0.2",
    },
    "an IPv6 multicast group": { group: "ff15::5245:454c", local: ipv6?.local ?? "", link },
    "an IPv6 multicast group of a link": { group: "ff12::5245:454c", local: ipv6?.local ?? "", link },
    "the one sender of a source-specific IPv6 group": {
      group: "ff35::5245:454c",
      local: ipv6?.local ?? "",
      link,
      ssmIp: ipv6?.local ?? "",
    },
  };
  for (const [what, { group, local, link: receiveAt, ssmIp = "", other }] of Object.entries(multicastCases)) {
    const missing =
      group.includes(":") && !ipv6 ? " (left out: no interface of this host but the loopback has IPv6)" : "";
    it.skipIf(missing !== "")(`records ${what}, whole${missing}`, async () => {
      const fixture = await open();
      const port = await freePort();
      const name = "group";
      await recordAll(fixture, name);
      const host = group.includes(":") ? `[${group}]` : group;
      const configId = fixture.pull(`dmpegtsudp://${host}:${port}?localaddr=${receiveAt}`, name, {
        ssmIp,
        keepAlive: false,
      });
      await until("the group is joined", () => fixture.codes.get(configId)?.includes(3));
      const path = await makeClip({ ...clipSpec, format: "ts" });
      // Another sender of the same group, whose bytes would ruin every frame.
      const stranger = other === undefined ? undefined : await multicastSender(group, other, receiveAt);
      const sender = await multicastSender(group, local, receiveAt);
      const bytes = readFileSync(path);
      for (let at = 0; at < bytes.length; at += 1316) {
        await stranger?.send(bytes.subarray((bytes.length - at) % 188, 1316), port);
        await sender.send(bytes.subarray(at, at + 1316), port);
        if (at % (1316 * 16) === 0) await delay(1);
      }
      await until("all but the last are there", () => fixture.frames(name) === SECONDS * 25 - 1);
      fixture.pulls.stop(configId, "test");
      sender.close();
      stranger?.close();
      await expectWhole(fixture, path);
    });
  }

  it("refuses a local address that is not there, and a sender that goes with no group", async () => {
    const fixture = await open();
    expect(fixture.pulls.checkUri("mpegtsudp://239.1.1.1:5000?localaddr=lo")).toBeUndefined();
    expect(fixture.pulls.checkUri("mpegtsudp://239.1.1.1:5000?localaddr=203.0.113.7")).toContain(
      "no network interface",
    );
    for (const [uri, ssmIp] of [
      ["mpegtsudp://127.0.0.1", "127.0.0.1"],
      ["mpegtsudp://239.255.77.1", "::1"],
      ["mpegtsudp://239.255.77.1", "cam1"],
    ] as const) {
      expect(fixture.pulls.checkUri(`${uri}:5000`, ssmIp)).toContain("a multicast group of the same family");
      const configId = fixture.pull(`${uri}:${await freePort()}`, "nobody", { ssmIp, keepAlive: false });
      await until("it has failed", () => fixture.codes.get(configId)?.includes(5));
      expect(fixture.codes.get(configId)).toEqual([1, 5]);
    }
    expect(fixture.log.join("\n")).toContain("a multicast group of the same family");
  });

  it("records AAC whose channels are described in band, and every file can be decoded from its first frame", async () => {
    const fixture = await open();
    const { recorder } = fixture;
    for (const type of CONTAINERS) await fixture.record("quad", type, { chunkLength: 2, waitForIDR: false });
    const path = join(fixture.folder, "quad.ts");
    // ffmpeg writes the description (program_config_element) into the first frame only.
    const lavfi = [
      "-f",
      "lavfi",
      "-i",
      "sine=frequency=440:duration=5:sample_rate=48000",
      "-af",
      "aformat=channel_layouts=quad",
    ];
    await new Publisher(["-v", "error", "-nostdin", ...lavfi, "-c:a", "aac", "-f", "mpegts", path]).exited;
    const bytes = readFileSync(path);
    const server = createServer((socket) => void socket.on("error", () => {}).end(bytes)).listen(0, "127.0.0.1");
    servers.add(server);
    await once(server, "listening");
    const address = server.address();
    fixture.pull(`mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, "quad", {
      keepAlive: false,
    });
    const files = await fixture.untilClosed(CONTAINERS.length * 3);
    const sent = (await ffprobe(path)).audio?.packets.length ?? 0;
    for (const type of CONTAINERS) {
      const parts = files.filter((file) => file.path.endsWith(`.${type}`));
      expect(
        parts.reduce((sum, file) => sum + file.audioFrames, 0),
        type,
      ).toBe(sent);
      for (const file of parts) {
        expect((await ffprobe(file.path)).audio?.channels, file.path).toBe(4);
        await decodeWithFfmpeg(file.path);
      }
    }
    expect(recorder.streams.list()).toEqual([]);
  });

  it("records both fields of a frame as one sample, and a decoder shows the frames", async () => {
    const fixture = await open();
    await recordAll(fixture, "paff");
    const frames = 60;
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
    for (let i = 0; i < frames * 2; i++) {
      const isIdr = i % 50 === 0;
      const spec = { frame: (i % 50) >> 1, isBottom: i % 2 === 1, isIdr };
      ts.pes(0x100, annexB(Buffer.of(9, 0xf0), ...(isIdr ? [FIELD_SPS, FIELD_PPS] : []), fieldSlice(spec)), {
        pts: i * 1800,
      });
    }
    const server = createServer((socket) => void socket.on("error", () => {}).end(ts.bytes())).listen(0, "127.0.0.1");
    servers.add(server);
    await once(server, "listening");
    const address = server.address();
    fixture.pull(`mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, "paff", {
      keepAlive: false,
    });
    for (const file of await fixture.untilClosed(CONTAINERS.length)) {
      expect([file.videoFrames, file.lost], file.path).toEqual([frames, null]);
      const video = (await ffprobe(file.path)).video;
      expect([video?.width, video?.height], file.path).toEqual([FIELD_WIDTH, FIELD_FRAME_HEIGHT]);
      if (!file.path.endsWith(".ts"))
        expect(video?.packets.map((packet) => packet.dts90k - (video.packets[0]?.dts90k ?? 0))).toEqual(
          Array.from({ length: frames }, (_, i) => i * 3600),
        );
      await decodeWithFfmpeg(file.path);
    }
  });

  it("goes on over a line that drops, swaps and doubles packets, and says what happened", async () => {
    const fixture = await open();
    const port = await freePort();
    await recordAll(fixture, "bad");
    const configId = fixture.pull(`mpegtsudp://127.0.0.1:${port}`, "bad", { keepAlive: false });
    await until("the socket is bound", () => fixture.codes.get(configId)?.includes(3));
    const bytes = readFileSync(
      await makeClip({ seconds: 10, video: { gopFrames: 25, kilobitsPerSecond: 1500 }, format: "ts" }),
    );
    const packets: Buffer[] = Array.from({ length: Math.floor(bytes.length / 188) }, (_, i) =>
      bytes.subarray(i * 188, i * 188 + 188),
    );
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
    const fixture = await open();
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
    [
      "a program map that moves to other PIDs",
      (frame: number) => frame * 3600,
      (frame: number) => (frame < 50 ? 0 : 1),
    ],
    ["a jump of ten hours", (frame: number) => frame * 3600 + (frame < 50 ? 0 : 36_000 * 90_000), () => 0],
  ] as const) {
    it(`gives files the duration of what was sent, over ${what}`, async () => {
      const fixture = await open();
      await recordAll(fixture, "edge");
      const bytes = await madeStream(100, timeOf, versionOf);
      const server = createServer((socket) => void socket.on("error", () => {}).end(bytes)).listen(0, "127.0.0.1");
      servers.add(server);
      await once(server, "listening");
      const address = server.address();
      fixture.pull(`mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, "edge", {
        keepAlive: false,
      });
      for (const file of await fixture.untilClosed(3)) {
        expect([file.videoFrames, file.lost], file.path).toEqual([100, null]);
        expect(Math.abs(file.durationMs - 4000), file.path).toBeLessThan(45);
        expect(Math.abs((await ffprobe(file.path)).durationMs - 4000), file.path).toBeLessThan(90);
      }
    });
  }

  it("takes a source that delivers nothing for gone", async () => {
    const fixture = await open({ silenceMs: 300 });
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    servers.add(server);
    await once(server, "listening");
    const address = server.address();
    const configId = fixture.pull(
      `mpegtstcp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
      "silent",
      { keepAlive: false },
    );
    await until("it is given up", () => fixture.codes.get(configId)?.at(-1) === 5);
    expect(fixture.codes.get(configId)).toEqual([1, 3, 5]);
    expect(fixture.log.some((line) => line.includes("delivered nothing for 0.3 s"))).toBe(true);
  });

  it("refuses a name that is live, and ends a connection that is no transport stream without harm", async () => {
    const fixture = await open();
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
