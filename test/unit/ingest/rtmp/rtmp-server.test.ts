// The RTMP server on real sockets: ffmpeg and our own publisher send, what arrives is compared with what ffprobe or the
// FLV file says of the clip; time limits and take-over by a clock of the test.

import { readFile } from "node:fs/promises";
import net from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { PublishRefused, parseRtmpUrl, publishFlv, RtmpPublisher } from "../../../../src/ingest/rtmp/publish-client.js";
import type { RtmpServerOptions } from "../../../../src/ingest/rtmp/rtmp-server.js";
import { parseFlvFile } from "../../../../src/media/flv/flv-tag.js";
import { makeClip } from "../../../support/clip.js";
import { ffprobe } from "../../../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../../../support/publisher.js";
import { obsOpening, plainHandshake } from "../../../support/rtmp-bytes.js";
import {
  type Collector,
  type RingSizes,
  type SeenFrame,
  type ServerRig,
  startRtmpRig,
} from "../../../support/rtmp-rig.js";
import { until } from "../../../support/until.js";

const rigs: ServerRig[] = [];
const sockets: net.Socket[] = [];

/** Of the tests that run. */
let ingestWorkers = 0;

async function start(options: Partial<RtmpServerOptions> = {}, ring: RingSizes = {}): Promise<ServerRig> {
  const rig = await startRtmpRig(options, ring, ingestWorkers);
  rigs.push(rig);
  return rig;
}

async function connect(
  rig: ServerRig,
  bytes: Uint8Array,
): Promise<{ socket: net.Socket; received: () => string; closed: Promise<void> }> {
  const socket = net.connect(rig.port, "127.0.0.1");
  sockets.push(socket);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.write(bytes);
  return { socket, received: () => Buffer.concat(chunks).toString("latin1"), closed };
}

/** Frames of one track as a judge counts them: times from the track's first. */
function summary(frames: readonly SeenFrame[], zero90k: number): object[] {
  return frames.map(({ dts90k, pts90k, sizeBytes, hash, isKey }) => ({
    dts: Math.round((dts90k - zero90k) / 90),
    pts: Math.round((pts90k - zero90k) / 90),
    sizeBytes,
    hash,
    isKey,
  }));
}

async function expectFramesOf(path: string, frames: SeenFrame[]): Promise<void> {
  const probe = await ffprobe(path, { hash: true });
  const seen = {
    video: frames.filter((frame) => frame.track === "video"),
    audio: frames.filter((frame) => frame.track === "audio"),
  };
  const zero = Math.min(...frames.map((frame) => frame.dts90k));
  const probedZero = Math.min(...probe.tracks.flatMap((track) => track.packets.map((packet) => packet.dts90k)));
  for (const track of probe.tracks) {
    const kind = track.kind as "video" | "audio";
    const expected = track.packets.map((packet) => ({
      dts: Math.round((packet.dts90k - probedZero) / 90),
      pts: Math.round((packet.pts90k - probedZero) / 90),
      sizeBytes: packet.sizeBytes,
      hash: packet.hash,
      isKey: packet.isKey,
    }));
    expect(summary(seen[kind], zero)).toEqual(expected);
  }
}

afterEach(async () => {
  await stopPublishers();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const rig of rigs.splice(0)) {
    await rig.server.close();
    await rig.workers?.close();
    rig.stop();
    expect(rig.arena.stats().blocks, "blocks left in the arena").toBe(0);
    expect(rig.registry.list()).toEqual([]);
  }
});

describe.each([0, 1])("with %i ingest workers", (workers) => {
  beforeAll(() => {
    ingestWorkers = workers;
  });

  describe("ffmpeg publishes", () => {
    it.each([false, true])(
      "a clip with B-frames and audio: every frame arrives as ffprobe sees it (plain reads: %s)",
      async (plainReads) => {
        const rig = await start({ plainReads });
        const clip = await makeClip({ seconds: 2, video: { bFrames: 2 } });
        const publisher = publishWithFfmpeg({ url: rig.url("cam1"), input: clip });
        expect(await publisher.exited).toMatchObject({ code: 0 });
        await until("the stream ends", () => rig.collectors[0]?.endReason);
        await expectFramesOf(clip, rig.only.frames);
        expect(rig.only.gaps).toEqual([]);
        const { source } = rig.only.inStream;
        expect(source).toMatchObject({ type: "INR", farIp: "127.0.0.1", nearPort: rig.port });
        expect(source.tcUrl).toContain("/live");
      },
    );

    it.each([
      ["video only", { audio: false as const }],
      ["audio only, 44.1 kHz, mono", { video: false as const, audio: { sampleRate: 44100, channels: 1 as const } }],
    ])("%s, as fast as it can", async (_name, spec) => {
      const rig = await start();
      const clip = await makeClip({ seconds: 2, ...spec });
      await publishWithFfmpeg({ url: rig.url("cam1"), input: clip, realtime: false }).exited;
      await until("the stream ends", () => rig.collectors[0]?.endReason);
      await expectFramesOf(clip, rig.only.frames);
    });

    it("and is killed: the stream ends with every frame that arrived", async () => {
      const rig = await start();
      const clip = await makeClip({ seconds: 2 });
      const publisher = publishWithFfmpeg({ url: rig.url("cam1"), input: clip, loops: -1 });
      await until("frames", () => (rig.collectors[0]?.frames.length ?? 0) > 20);
      await publisher.kill();
      await until("the stream ends", () => rig.collectors[0]?.endReason);
    });
  });

  describe("our own publisher", () => {
    it.each([false, true])("sends the demo clip; every frame arrives (plain reads: %s)", async (plainReads) => {
      const rig = await start({ plainReads });
      const path = new URL("../../../../assets/clip.flv", import.meta.url).pathname;
      const tags = [...parseFlvFile(await readFile(path))];
      const publisher = await RtmpPublisher.open(rig.url("cam1"));
      await publishFlv(publisher, tags);
      await publisher.close();
      await until("the stream ends", () => rig.collectors[0]?.endReason);
      await expectFramesOf(path, rig.only.frames);
    });

    it("comes again at once, sixty times: every session is accepted, its frames whole and in order", async () => {
      const rig = await start();
      const tags = [...parseFlvFile(await readFile(new URL("../../../../assets/clip.flv", import.meta.url).pathname))];
      const endings: Promise<void>[] = [];
      for (let session = 0; session < 60; session++) {
        const publisher = await RtmpPublisher.open(rig.url("cam1"));
        for (const tag of tags.slice(0, 40)) publisher.send(tag);
        // Its goodbye is on the way, or waits unread, when the next one asks for the name.
        endings.push(publisher.close());
      }
      await Promise.all(endings);
      await until("every stream to end", () => rig.collectors.every(({ endReason }) => endReason !== undefined));
      expect(rig.collectors).toHaveLength(60);
      const [first] = rig.collectors;
      expect(first?.frames.length).toBeGreaterThan(30);
      for (const { frames } of rig.collectors)
        expect(frames.map(({ hash }) => hash)).toEqual(first?.frames.map(({ hash }) => hash));
    });

    it("is told why it may not publish", async () => {
      const rig = await start({ publishKeys: { cam1: "secret", "*": "any" } });
      for (const name of ["cam1", "cam1?key=wrong", "cam1?key=any", "cam2?key=secret", "cam2"]) {
        await expect(RtmpPublisher.open(rig.url(name))).rejects.toThrow(PublishRefused);
        await expect(RtmpPublisher.open(rig.url(name))).rejects.toMatchObject({ code: "NetStream.Publish.Denied" });
      }
      for (const name of ["cam1?key=secret", "cam2?key=any"]) (await RtmpPublisher.open(rig.url(name))).destroy();
      await until(
        "both streams end",
        () => rig.collectors.length === 2 && rig.collectors.every((collector) => collector.endReason),
      );
    });

    it("that is refused is named in the log, with the reason and without its key", async () => {
      const rig = await start({ publishKeys: { cam1: "secret" } });
      const refused = (): object[] =>
        rig.logger.lines.flatMap(({ level, context, message }) =>
          message.startsWith("RTMP publisher refused") ? [{ level, ...context, message }] : [],
        );
      const from = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
      await expect(RtmpPublisher.open(rig.url("cam1?key=wrong"))).rejects.toThrow(PublishRefused);
      await expect(RtmpPublisher.open({ ...parseRtmpUrl(rig.url("x")), streamKey: "" })).rejects.toThrow(
        "the stream name is empty",
      );
      await expect(RtmpPublisher.open(rig.url("a=b"))).rejects.toMatchObject({ code: "NetStream.Publish.BadName" });
      const first = await RtmpPublisher.open(rig.url("cam1?key=secret"));
      expect(refused()).toEqual([
        {
          level: "warn",
          from,
          app: "live",
          stream: "cam1",
          message: "RTMP publisher refused: This stream name needs its publish key: append ?key=... to it.",
        },
        expect.objectContaining({ stream: "", message: expect.stringContaining("the stream name is empty") }),
        expect.objectContaining({ stream: "a=b", message: expect.stringContaining("1 to 255 bytes and no spaces") }),
      ]);
      for (let i = 0; i < 30; i++)
        await expect(RtmpPublisher.open(rig.url("cam1?key=wrong"))).rejects.toThrow(PublishRefused);
      expect(refused().length).toBe(20);
      rig.clock.nowMs += 1000;
      await expect(RtmpPublisher.open(rig.url("cam1?key=wrong"))).rejects.toThrow(PublishRefused);
      expect(refused()[20]).toMatchObject({ suppressed: 13 });
      expect(JSON.stringify(rig.logger.lines)).not.toMatch(/wrong|secret/);
      await first.close();
    });

    it("understands RTMP URLs", () => {
      expect(parseRtmpUrl("rtmp://h/live/cam1")).toEqual({ host: "h", port: 1935, app: "live", streamKey: "cam1" });
      expect(parseRtmpUrl("rtmp://[::1]:1936/a/b/cam1?key=x/y")).toEqual({
        host: "::1",
        port: 1936,
        app: "a/b",
        streamKey: "cam1?key=x/y",
      });
      for (const url of ["http://h/live/cam1", "rtmp://h/cam1", "rtmp://h/live/"])
        expect(() => parseRtmpUrl(url)).toThrow("RTMP URL");
    });

    it("loses nothing where the consumer stalls and the source is held back", async () => {
      const rig = await start({}, { ringBytes: 65536, maxRingBytes: 65536 });
      rig.stallNew = true;
      const path = new URL("../../../../assets/clip.flv", import.meta.url).pathname;
      const tags = [...parseFlvFile(await readFile(path))];
      const publisher = await RtmpPublisher.open(rig.url("cam1"));
      const sending = (async () => {
        for (let lap = 0; lap < 5; lap++) await publishFlv(publisher, tags, { offsetMs: lap * 4267 });
        await publisher.close();
      })();
      await until("the source is held back", () => rig.collectors[0]?.inStream.isHeldBack);
      // What was read of it and waits is not what others are read into.
      rig.stallNew = false;
      const other = await RtmpPublisher.open(rig.url("cam2"));
      await publishFlv(other, tags);
      await other.close();
      await until("the other one ends", () => rig.collectors[1]?.endReason);
      rig.clock.nowMs += 60_000;
      expect(rig.server.connectionCount).toBe(1);
      const held = rig.collectors[0] as Collector;
      held.isStalled = false;
      await sending;
      await until("the stream ends", () => held.endReason);
      expect(held.of("video")).toHaveLength(5 * 128);
      expect(held.of("audio")).toHaveLength(5 * 200);
      expect(new Set(held.frames.map((frame) => frame.hash)).size).toBeLessThanOrEqual(328);
      expect(held.gaps.filter((gap) => gap.cause !== "heldBack")).toEqual([]);
    });
  });

  describe("a name that is live", () => {
    it("is refused to a second publisher, until the first has been silent for 3 s", async () => {
      const rig = await start();
      const first = await connect(rig, obsOpening("live", "cam1"));
      await until("the first publishes", () => rig.registry.get("cam1"));
      rig.clock.nowMs += 2999;
      await expect(RtmpPublisher.open(rig.url("cam1"))).rejects.toMatchObject({ code: "NetStream.Publish.BadName" });
      rig.clock.nowMs += 1;
      const second = await RtmpPublisher.open(rig.url("cam1"));
      await first.closed;
      expect(rig.collectors.map((collector) => collector.endReason)).toEqual([
        "silent; another publisher took over the name",
        undefined,
      ]);
      second.destroy();
    });

    it("goes at once to a publisher that shows the same key", async () => {
      const rig = await start();
      const first = await connect(rig, obsOpening("live", "cam1?key=a"));
      await until("the first publishes", () => rig.registry.get("cam1"));
      await expect(RtmpPublisher.open(rig.url("cam1"))).rejects.toMatchObject({ code: "NetStream.Publish.BadName" });
      await expect(RtmpPublisher.open(rig.url("cam1?key=b"))).rejects.toMatchObject({
        code: "NetStream.Publish.BadName",
      });
      const second = await RtmpPublisher.open(rig.url("cam1?key=a"));
      await first.closed;
      expect(rig.collectors[0]?.endReason).toBe("another publisher showed the same key");
      second.destroy();
    });
  });

  describe("time and number", () => {
    it("end half a handshake, a silent publisher and a connection that publishes nothing", async () => {
      const rig = await start({ sweepIntervalMs: 5 });
      const half = await connect(rig, plainHandshake().subarray(0, 1000));
      await until("it is accepted", () => rig.server.connectionCount === 1);
      rig.clock.nowMs += 9_999;
      const idle = await connect(rig, plainHandshake());
      const silent = await connect(rig, obsOpening("live", "cam1"));
      await until("the stream", () => rig.registry.get("cam1"));
      expect(rig.server.connectionCount).toBe(3);
      rig.clock.nowMs += 1;
      await half.closed;
      expect(rig.server.connectionCount).toBe(2);
      rig.clock.nowMs += 30_000;
      await Promise.all([idle.closed, silent.closed]);
      expect(rig.only.endReason).toBe("silent for too long");
    });

    it("refuse connections above the limit, and go on below it", async () => {
      const rig = await start({ maxConnections: 2 });
      const [first] = [await connect(rig, plainHandshake()), await connect(rig, plainHandshake())];
      await until("two connections", () => rig.server.connectionCount === 2);
      await (await connect(rig, plainHandshake())).closed;
      first?.socket.destroy();
      await until("one connection", () => rig.server.connectionCount === 1);
      (await RtmpPublisher.open(rig.url("cam1"))).destroy();
    });

    it("close() ends every connection and frees the port", async () => {
      const rig = await start();
      const { closed } = await connect(rig, obsOpening("live", "cam1"));
      await until("the stream", () => rig.registry.get("cam1"));
      await rig.server.close();
      await closed;
      expect(rig.only.endReason).toBe("the server is shutting down");
      await rig.server.listen({ host: "127.0.0.1", port: rig.port });
    });
  });

  describe("garbage", () => {
    it("ends its own connection and no other", async () => {
      const rig = await start();
      const path = new URL("../../../../assets/clip.flv", import.meta.url).pathname;
      const tags = [...parseFlvFile(await readFile(path))];
      const publisher = await RtmpPublisher.open(rig.url("good"));
      const sending = publishFlv(publisher, tags);
      const garbage = [
        "GET / HTTP/1.1\r\n\r\n",
        Buffer.from("1603010200010001fc0303", "hex"),
        Buffer.alloc(5000, 3),
        Buffer.concat([plainHandshake(), Buffer.alloc(3000, 0xff)]),
      ];
      const attackers = await Promise.all(garbage.map((bytes) => connect(rig, Buffer.from(bytes))));
      await Promise.all(attackers.slice(0, 2).map((attacker) => attacker.closed));
      await sending;
      await publisher.close();
      await until("the good stream ends", () => rig.only.endReason);
      expect(rig.only.frames).toHaveLength(328);
      expect(rig.logger.lines.filter((line) => line.level === "warn")).toEqual([]);
    });
  });
});
