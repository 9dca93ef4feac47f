// Clips and thumbnails of MPEG-TS, growing and finished, beside those of MP4 of the same source: the same pictures at
// the same times, judged by ffprobe and FFmpeg 8; and thumbnails where there is no ffmpeg.

import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerName } from "../../src/container/table.js";
import type { ReelServer } from "../../src/server/server.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { makeClip } from "../support/clip.js";
import { type ClipFrames, feed, readClip } from "../support/feed.js";
import { ffprobe } from "../support/ffprobe.js";
import { startHttpServer } from "../support/http-server.js";
import { probeWithFfmpeg8 } from "../support/peers.js";
import { runProgram } from "../support/run-program.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const SECONDS = 10;
const TYPES = ["ts", "mp4"] as const;
let server: ReelServer;
let clip: ClipFrames;
let base: string;
const streams = new Map<ContainerName, InStream>();

async function startOf(type: ContainerName): Promise<number> {
  return (await server.recorder.catalog.query({ stream: type })).segments[0]?.startedMs ?? 0;
}

/** A clip of a stream between two moments, in milliseconds of its file. */
async function clipOf(name: string, type: ContainerName, fromMs: number, toMs: number): Promise<string> {
  const start = await startOf(type);
  const answer = await fetch(`${base}/api/clip?stream=${type}&from=${start + fromMs}&to=${start + toMs}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect([answer.status, Number(answer.headers.get("content-length"))]).toEqual([200, bytes.byteLength]);
  writeFileSync(path(name), bytes);
  return path(name);
}

function thumbnail(type: string, atMs: number, more = ""): Promise<Response> {
  return fetch(`${base}/api/thumbnail?stream=${type}&at=${atMs}${more}`);
}

beforeAll(async () => {
  server = await startHttpServer(path(""));
  base = `http://${server.addresses.http}`;
  clip = await readClip(await makeClip({ seconds: SECONDS, video: { bFrames: 2 } }));
  for (const type of TYPES) {
    await server.recorder.record({ localStreamName: type, pathToFile: type, type, keepAlive: false });
    const stream = server.recorder.streams.open(type);
    streams.set(type, stream);
    await feed(stream, clip);
    await until(`seven seconds of ${type}`, async () => {
      const answer = await thumbnail(type, (await startOf(type)) + 8000);
      return (
        answer.status === 200 &&
        Date.parse(answer.headers.get("reel-picture-time") ?? "") > (await startOf(type)) + 7500
      );
    });
  }
}, 60_000);
afterAll(() => server.close());

describe("while they grow", () => {
  it("a clip of MPEG-TS has the pictures and sounds of that of MP4, at its times", async () => {
    const own = await clipOf("own.mp4", "ts", 2500, 6500);
    const other = await clipOf("other.mp4", "mp4", 2500, 6500);
    const probes = await Promise.all([own, other].map((file) => ffprobe(file)));
    for (const kind of ["video", "audio"] as const) {
      const [times, wanted] = probes.map((probe) => (probe[kind]?.packets ?? []).map(({ pts90k }) => pts90k));
      expect(times?.length).toBeGreaterThan(100);
      expect(times?.length).toBe(wanted?.length);
      for (const [i, at] of (times ?? []).entries())
        expect(Math.abs(at - (wanted?.[i] ?? 0)), `${kind} ${i}`).toBeLessThan(90);
    }
    expect(probes[0]?.durationMs).toBe(4000);
    const [ownTracks = [], otherTracks = []] = await probeWithFfmpeg8(own, other);
    expect(ownTracks.map(({ codec, decodedHash }) => [codec, decodedHash])).toEqual(
      otherTracks.map(({ codec, decodedHash }) => [codec, decodedHash]),
    );
    expect(ownTracks[1]?.packets.map(({ hash }) => hash)).toEqual(otherTracks[1]?.packets.map(({ hash }) => hash));
  });

  it.each(TYPES)("a thumbnail of %s is the picture that can be decoded nearest to the moment", async (type) => {
    const start = await startOf(type);
    const shown: string[] = [];
    for (const [at, wanted] of [
      [3400, 3],
      [3600, 4],
    ] as const) {
      const answer = await thumbnail(type, start + at);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
      const time = Date.parse(answer.headers.get("reel-picture-time") ?? "");
      expect(Math.abs(time - start - wanted * 1000)).toBeLessThan(50);
      shown.push(path(`${type}-${wanted}.jpg`));
      writeFileSync(shown.at(-1) ?? "", Buffer.from(await answer.arrayBuffer()));
    }
    // It is that picture (ffmpeg counts from the first one): its likeness to the source's is high, and to that of the
    // other second low.
    const source = await clipOf("whole.mp4", type, -1000, 20_000);
    const likeness = async (file: string, second: number): Promise<number> => {
      const filter = `[0:v]trim=start=${second - 0.01},setpts=PTS-STARTPTS[a];[1:v]scale=out_range=tv,format=yuv420p,setpts=PTS-STARTPTS[b];[a][b]ssim`;
      const { stderr } = await runProgram("ffmpeg", [
        "-nostdin",
        "-i",
        source,
        "-i",
        file,
        "-lavfi",
        filter,
        "-frames:v",
        "1",
        "-f",
        "null",
        "-",
      ]);
      return Number(/All:([\d.]+)/.exec(stderr)?.[1]);
    };
    expect(await likeness(shown[0] ?? "", 3)).toBeGreaterThan(0.93);
    expect(await likeness(shown[0] ?? "", 5)).toBeLessThan(0.9);
  });
});

describe("a thumbnail", () => {
  it("is made once, no larger than asked for, and never larger than the picture", async () => {
    const start = await startOf("mp4");
    const [first, second] = await Promise.all([thumbnail("mp4", start), thumbnail("mp4", start)]);
    expect(Buffer.from(await first.arrayBuffer()).equals(Buffer.from(await second.arrayBuffer()))).toBe(true);
    for (const [width, wanted] of [
      [160, 160],
      [3840, 320],
    ]) {
      const answer = await thumbnail("mp4", start, `&width=${width}`);
      writeFileSync(path("sized.jpg"), Buffer.from(await answer.arrayBuffer()));
      expect((await ffprobe(path("sized.jpg"))).video?.width).toBe(wanted);
    }
  });

  it("needs ffmpeg: without it the answer says so", async () => {
    mkdirSync(path("empty"));
    const { PATH } = process.env;
    process.env.PATH = path("empty");
    try {
      const answer = await thumbnail("ts", await startOf("ts"), "&width=99");
      expect([answer.status, await answer.text()]).toEqual([
        501,
        expect.stringContaining("ffmpeg, which is not installed"),
      ]);
    } finally {
      process.env.PATH = PATH;
    }
  });

  it.each([
    ["", 400],
    ["stream=..", 400],
    ["stream=a%00b", 400],
    ["stream=nobody", 404],
    ["stream=ts&at=x", 400],
    ["stream=ts&at=-1", 400],
    ["stream=ts&at=99999999999999999999", 400],
    ["stream=ts&at=0", 404],
    ["stream=ts&width=0", 400],
    ["stream=ts&width=1e3", 400],
    ["stream=ts&width=3841", 400],
    ["stream=ts&width=320,format=rgb24", 400],
  ])("of %s is %i", async (query, status) =>
    expect((await fetch(`${base}/api/thumbnail?${query}`)).status).toBe(status),
  );
});

describe("when they are finished", () => {
  it("a clip has the same, up to the end", async () => {
    for (const type of TYPES) streams.get(type)?.end("test");
    await until("their ends", async () =>
      (
        await Promise.all(TYPES.map((type) => server.recorder.catalog.query({ stream: type, state: "finished" })))
      ).every(({ segments }) => segments.length === 1),
    );
    const own = await clipOf("all.mp4", "ts", -1000, 20_000);
    const [[video, sound] = []] = await probeWithFfmpeg8(own);
    const sent = (track: number): number => clip.frames.filter((frame) => frame.track === track).length;
    expect([video?.decodedFrames, sound?.packets.length]).toEqual([sent(0), sent(1)]);
    const first = Math.min(...(video?.packets ?? []).map(({ pts90k }) => pts90k / 90));
    expect(Math.abs(first - 1000)).toBeLessThan(50);
    const spans = (await (await fetch(`${base}/list?path=ts`)).json()) as { url: string }[];
    expect(spans).toHaveLength(1);
    expect((await fetch(spans[0]?.url ?? "", { method: "HEAD" })).status).toBe(200);
  });
});
