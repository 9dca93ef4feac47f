// Streams without regular IDRs, recorded: intra refresh is cut at recovery points over RTMP and over MPEG-TS alike, and
// a recording that can begin nowhere says so.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { RtmpServer } from "../../src/ingest/rtmp/rtmp-server.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { ffprobe } from "../support/ffprobe.js";
import { SLICE_P, slice } from "../support/pictures.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { PullFixture } from "../support/pull-fixture.js";
import { runProgram } from "../support/run-program.js";
import { AVCC, accessUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const FRAMES_PER_SECOND = 25;
const KEYINT = 60;
const SECONDS = 26;
const CHUNK_SECONDS = 4;
/** What is late by media time need not be late by the clock on the wall. */
const SPEED = 4;
const SEND_MS = 25;

// Each has a fixture of its own: they run side by side.
const fixtures = new Set<PullFixture>();
afterAll(async () => {
  await stopPublishers();
  for (const fixture of fixtures) await fixture.close();
});

async function open(): Promise<PullFixture> {
  const fixture = await PullFixture.open();
  fixtures.add(fixture);
  return fixture;
}

/** One IDR at the front, then columns of intra blocks that pass over the picture in every `KEYINT` frames. */
async function intraRefreshClip(fixture: PullFixture, format: "flv" | "ts"): Promise<string> {
  const path = join(fixture.folder, `intra-refresh.${format}`);
  const source = `testsrc2=size=160x96:rate=${FRAMES_PER_SECOND}:duration=${SECONDS}`;
  const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-threads", "1", "-pix_fmt", "yuv420p"];
  const refresh = ["-x264-params", `intra-refresh=1:keyint=${KEYINT}`];
  await runProgram("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", source, ...codec, ...refresh],
    ...["-f", format === "ts" ? "mpegts" : "flv", path],
  ]);
  return path;
}

/** Seconds of the closed files, in order; each is sound. */
async function durations(fixture: PullFixture): Promise<number[]> {
  const found: number[] = [];
  for (const { path } of fixture.closed) {
    const report = await verifyFile(path);
    expect(report.defects, path).toEqual([]);
    found.push(((await ffprobe(path)).video?.packets.length ?? 0) / FRAMES_PER_SECOND);
  }
  return found;
}

describe.concurrent("intra refresh", () => {
  for (const way of ["RTMP", "MPEG-TS"] as const) {
    it(`is cut over ${way}: first within 10 s and one refresh, then at every chunkLength or next recovery point`, async () => {
      const fixture = await open();
      await fixture.record("refresh", "mp4", { chunkLength: CHUNK_SECONDS });
      await (way === "RTMP" ? sendOverRtmp(fixture) : sendOverTs(fixture));
      await until("the stream ends", () => fixture.closed.length >= 4, 60_000);
      await until("all is closed", () => fixture.recorder.streams.list().length === 0, 30_000);
      const found = await durations(fixture);
      const refresh = KEYINT / FRAMES_PER_SECOND;
      expect(found.reduce((sum, seconds) => sum + seconds, 0)).toBeCloseTo(SECONDS, 1);
      expect(found[0]).toBeLessThanOrEqual(10 + refresh);
      for (const seconds of found.slice(1, -1)) {
        expect(seconds).toBeGreaterThanOrEqual(CHUNK_SECONDS - 0.02);
        expect(seconds).toBeLessThanOrEqual(CHUNK_SECONDS + refresh);
      }
    });
  }

  it("is recorded 3 s late over RTMP: the file begins with a recovery point", async () => {
    const fixture = await open();
    const { server, url } = await listen(fixture);
    const publisher = publishWithFfmpeg({ url, input: await intraRefreshClip(fixture, "flv"), speed: SPEED });
    await recordLate(fixture);
    await publisher.kill();
    await checkLateFile(fixture);
    await server.close();
  });

  it("is recorded 3 s late over MPEG-TS: the file begins with a recovery point", async () => {
    const fixture = await open();
    const bytes = readFileSync(await intraRefreshClip(fixture, "ts"));
    const server = createServer((socket) => {
      socket.on("error", () => clearInterval(sending));
      let sent = 0;
      const part = Math.ceil((bytes.byteLength * SPEED * SEND_MS) / (SECONDS * 1000));
      const sending = setInterval(() => {
        if (!socket.destroyed) socket.write(bytes.subarray(sent, sent + part));
        sent += part;
        if (sent < bytes.byteLength && !socket.destroyed) return;
        clearInterval(sending);
        socket.end();
      }, SEND_MS);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    fixture.pull(`mpegtstcp://127.0.0.1:${port}`, "refresh", { keepAlive: false });
    await recordLate(fixture);
    server.close();
    await checkLateFile(fixture);
  });

  /** Resolves when the file has begun, and has 2 s. */
  async function recordLate(fixture: PullFixture): Promise<void> {
    await until("3 s have come", () => fixture.frames("refresh") >= 3 * FRAMES_PER_SECOND, 20_000);
    let openedAt = 0;
    fixture.recorder.on("segmentOpened", () => {
      openedAt = fixture.frames("refresh");
    });
    await fixture.record("refresh", "mp4");
    const isLong = (): boolean => openedAt > 0 && fixture.frames("refresh") >= openedAt + 2 * FRAMES_PER_SECOND;
    await until("a file has begun", isLong, 30_000);
  }

  async function checkLateFile(fixture: PullFixture): Promise<void> {
    await fixture.untilClosed(1);
    const [seconds = 0] = await durations(fixture);
    expect(fixture.closed.length).toBe(1);
    expect(seconds).toBeGreaterThanOrEqual(2);
    // 10 s without an IDR, and the next recovery point.
    expect(seconds).toBeLessThanOrEqual(SECONDS - 10);
  }

  async function listen(fixture: PullFixture): Promise<{ server: RtmpServer; url: string }> {
    const { streams: registry, arena, clock } = fixture.recorder;
    const server = new RtmpServer({ registry, arena, clock, logger: silentLogger });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return { server, url: `rtmp://127.0.0.1:${port}/live/refresh` };
  }

  async function sendOverRtmp(fixture: PullFixture): Promise<void> {
    const { server, url } = await listen(fixture);
    await publishWithFfmpeg({ url, input: await intraRefreshClip(fixture, "flv"), realtime: false }).exited;
    // What it sent may still lie in the socket.
    await until("it came", () => fixture.closed.length > 0);
    await until("all of it is read", () => fixture.recorder.streams.list().length === 0);
    await server.close();
  }

  async function sendOverTs(fixture: PullFixture): Promise<void> {
    const bytes = readFileSync(await intraRefreshClip(fixture, "ts"));
    const server = createServer((socket) => socket.end(bytes)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    fixture.pull(`mpegtstcp://127.0.0.1:${port}`, "refresh", { keepAlive: false });
    await until("it came", () => fixture.frames("refresh") > 0 || fixture.closed.length > 0);
    server.close();
  }
});

describe.concurrent("a recording that waits for a random access point", () => {
  it("says so once after 5 s of media, and begins with the first one", async () => {
    const fixture = await open();
    const { recorder } = fixture;
    const events: string[] = [];
    recorder.on("recordWaiting", ({ config }) => events.push(`waiting ${config.localStreamName}`));
    recorder.on("segmentOpened", () => events.push("opened"));
    await fixture.record("plain", "mp4");
    const codes = (): number[] => recorder.configs().map((entry) => entry.status.current.code);
    const stream = recorder.streams.open("plain");
    stream.setDecoderConfig(0, "h264", AVCC);
    stream.settle();
    let frame = 0;
    const write = (isIdr: boolean): void => {
      stream.writeFrame(0, accessUnit([slice(SLICE_P, frame, isIdr)]), frame++ * 3600, 0, isIdr);
    };
    const writing = setInterval(() => {
      for (let i = 0; i < 5; i++) write(false);
    }, 20);
    await until("it is said", () => events.length > 0);
    expect([events, codes()]).toEqual([["waiting plain"], [2]]);
    clearInterval(writing);
    write(true);
    for (let i = 0; i < 30; i++) write(false);
    await until("it begins", () => events.length > 1);
    expect([events, codes()]).toEqual([["waiting plain", "opened"], [0]]);
    stream.end("the end");
    await fixture.untilClosed(1);
  });
});
