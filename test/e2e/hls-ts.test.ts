// HLS of MPEG-TS that grows and of the same file when it is finished: byte ranges, judged by ffprobe and FFmpeg 8 part
// by part and as a list: the frames and times of the source over cuts, a gap, a changed configuration.

import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import type { ContainerName } from "../../src/container/table.js";
import type { ReelServer } from "../../src/server/server.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { makeClip } from "../support/clip.js";
import { type ClipFrames, feed, readClip } from "../support/feed.js";
import { ffprobe } from "../support/ffprobe.js";
import { download, type Listed, readPlaylist, saveMovie } from "../support/hls.js";
import { startHttpServer } from "../support/http-server.js";
import { probeWithFfmpeg8 } from "../support/peers.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const SECONDS = 14;
const FRAMES = SECONDS * 25;
const PACKET_BYTES = 188;
let server: ReelServer;
let clip: ClipFrames;
let stream: InStream;
let base: string;

async function record(name: string, chunkLength = 0, type: ContainerName = "ts"): Promise<InStream> {
  await server.recorder.record({ localStreamName: name, pathToFile: name, type, chunkLength, keepAlive: false });
  return server.recorder.streams.open(name);
}

function listUrl(name: string, query = "from=0"): string {
  return `${base}/hls/${name}/index.m3u8?${query}`;
}

function secondsOf({ parts }: Listed): number {
  return parts.reduce((sum, part) => sum + part.seconds, 0);
}

function listOf(name: string, seconds: number): Promise<Listed> {
  return until(`${seconds} s of ${name}`, async () => {
    const listed = await readPlaylist(listUrl(name)).catch(() => undefined);
    return listed && secondsOf(listed) >= seconds ? listed : undefined;
  });
}

/** Presentation times of the pictures sent, from the first one, in order. */
function sentTimes(): number[] {
  const times = clip.frames.filter(({ track }) => track === TRACK_VIDEO).map(({ dtsMs, ctsMs }) => dtsMs + ctsMs);
  return times.map((ms) => ms - Math.min(...times)).sort((a, b) => a - b);
}

beforeAll(async () => {
  server = await startHttpServer(path(""));
  base = `http://${server.addresses.http}`;
  clip = await readClip(await makeClip({ seconds: SECONDS, video: { bFrames: 2 } }));
  stream = await record("cam");
  await feed(stream, clip);
}, 60_000);
afterAll(() => server.close());

describe("HLS of MPEG-TS", () => {
  it("plays while it grows, and has the same parts when it is finished", async () => {
    const growing = await listOf("cam", SECONDS - 2);
    expect([growing.type, growing.isComplete, growing.mediaSequence]).toEqual(["EVENT", false, 0]);
    expect(growing.parts.map(({ mapUrl }) => mapUrl)).toEqual(new Array(growing.parts.length).fill(undefined));
    expect(growing.parts.slice(1, 8).map(({ seconds }) => seconds.toFixed(1))).toEqual(new Array(7).fill("1.0"));
    expect(growing.parts.slice(8).map(({ seconds }) => seconds)).toEqual([4]);
    stream.end("test");
    const final = await listOf("cam", SECONDS - 0.1);
    expect(final.parts.slice(0, growing.parts.length)).toEqual(growing.parts);
    // One behind the other they are the file.
    const ends = final.parts.map(({ range }) => (range?.position ?? 0) + (range?.bytes ?? 0));
    expect(final.parts.map(({ range }) => range?.position)).toEqual([0, ...ends.slice(0, -1)]);
    const { segments } = await server.recorder.catalog.query({ stream: "cam" });
    await until(
      "its size",
      async () => (await server.recorder.catalog.query({ stream: "cam" })).segments[0]?.sizeBytes,
    );
    expect(ends.at(-1)).toBe((await server.recorder.catalog.find(segments[0]?.id ?? 0))?.sizeBytes);

    // Each is whole: tables first, then a picture that can be decoded, and no packet of another part.
    for (const [i, part] of final.parts.entries()) {
      const bytes = await download(part.url, part.range);
      expect([bytes.byteLength % PACKET_BYTES, bytes.readUInt16BE(1) & 0x1fff], `part ${i}`).toEqual([0, 0]);
      writeFileSync(path(`part${i}.ts`), bytes);
    }
    for (const i of [0, 5])
      expect((await ffprobe(path(`part${i}.ts`))).video?.packets[0]?.isKey, `part ${i}`).toBe(true);
    const [tracks = []] = await probeWithFfmpeg8(path("part8.ts"));
    expect(tracks.find(({ kind }) => kind === "video")?.decodedFrames).toBe(100);
  });

  it("is a list that ffmpeg plays to the pictures and sounds of the file", async () => {
    // As it is when it is complete, half a minute later.
    const text = (await readPlaylist(listUrl("cam"))).text.replaceAll(/^(?=\d)/gm, `${base}/hls/cam/`);
    writeFileSync(path("list.m3u8"), text.includes("ENDLIST") ? text : `${text}#EXT-X-ENDLIST\n`);
    const inputArgs = ["-protocol_whitelist", "file,http,tcp"];
    const listed = await ffprobe(path("list.m3u8"), { hash: true, inputArgs });
    const { segments } = await server.recorder.catalog.query({ stream: "cam" });
    const file = await ffprobe(segments[0]?.path ?? "", { hash: true });
    for (const kind of ["video", "audio"] as const) {
      const told = (probe: typeof file) => probe[kind]?.packets.map(({ hash, pts90k }) => `${hash} ${pts90k}`);
      expect(told(listed)).toEqual(told(file));
    }
    const sent = sentTimes();
    const shown = (listed.video?.packets ?? []).map(({ pts90k }) => pts90k / 90).sort((a, b) => a - b);
    expect(shown.length).toBe(FRAMES);
    for (const [i, ms] of shown.entries())
      expect(Math.abs(ms - (shown[0] ?? 0) - (sent[i] ?? 0)), `picture ${i}`).toBeLessThan(1);
    await saveMovie(path("whole.ts"), (await readPlaylist(listUrl("cam"))).parts);
    const [[video] = []] = await probeWithFfmpeg8(path("whole.ts"));
    expect([video?.kind, video?.decodedFrames]).toEqual(["video", FRAMES]);
  });

  it("says a discontinuity and the wall time at each file, and at a jump of time inside one", async () => {
    // One cut, at 30 s; the source stood still for ten seconds before.
    const cut = await record("cuts", 30);
    await feed(cut, clip);
    await feed(cut, clip, (SECONDS + 10) * 1000);
    cut.end("test");
    const listed = await listOf("cuts", 2 * SECONDS - 0.2);
    const { segments } = await server.recorder.catalog.query({ stream: "cuts" });
    const files = [...new Set(listed.parts.map(({ url }) => url))];
    expect([files.length, segments.length]).toEqual([2, 2]);
    const firsts = files.map((url) => listed.parts.find((part) => part.url === url));
    expect(firsts.map((part) => part?.wallMs)).toEqual(segments.map(({ startedMs }) => startedMs));
    expect(firsts.map((part) => part?.isDiscontinuous)).toEqual([false, ...files.slice(1).map(() => true)]);
    // No part holds the ten seconds: they lie between two of the first file.
    expect(Math.max(...listed.parts.map(({ seconds }) => seconds))).toBeLessThan(4.5);
    const [jump] = listed.parts.filter(({ isDiscontinuous }) => isDiscontinuous);
    expect(jump?.url).toBe(files[0]);
    const jumpMs = (jump?.wallMs ?? 0) - (segments[0]?.startedMs ?? 0);
    expect(Math.abs(jumpMs - (SECONDS + 10) * 1000)).toBeLessThan(100);
    const pictures = await Promise.all(
      files.map(async (url, i) => {
        await saveMovie(
          path(`cut${i}.ts`),
          listed.parts.filter((part) => part.url === url),
        );
        return (await ffprobe(path(`cut${i}.ts`))).video?.packets.length ?? 0;
      }),
    );
    expect(pictures.reduce((sum, one) => sum + one, 0)).toBe(2 * FRAMES);
  });

  it("goes on over a change of the picture's size", async () => {
    const small = await readClip(await makeClip({ seconds: 4, video: { width: 160, height: 120 } }));
    const changing = await record("sizes");
    await feed(changing, { ...clip, frames: clip.frames.filter(({ dtsMs }) => dtsMs < 4000) });
    await feed(changing, small, 4000);
    changing.end("test");
    const listed = await listOf("sizes", 7.8);
    const files = [...new Set(listed.parts.map(({ url }) => url))];
    expect(files.length).toBe(2);
    const second = listed.parts.find(({ url }) => url === files[1]);
    expect(second?.isDiscontinuous).toBe(true);
    for (const [i, url] of files.entries()) {
      await saveMovie(
        path(`size${i}.ts`),
        listed.parts.filter((part) => part.url === url),
      );
      const { video } = await ffprobe(path(`size${i}.ts`));
      expect([video?.width, video?.packets.length]).toEqual([i === 0 ? 320 : 160, 100]);
    }
  });

  it("of sound alone has parts too, and slides where a window is asked for", async () => {
    const sound = await record("sound");
    await feed(sound, { ...clip, video: undefined, frames: clip.frames.filter(({ track }) => track !== TRACK_VIDEO) });
    sound.end("test");
    const final = await listOf("sound", SECONDS - 0.1);
    await saveMovie(path("sound.ts"), final.parts);
    const sent = clip.frames.filter(({ track }) => track !== TRACK_VIDEO).length;
    expect((await ffprobe(path("sound.ts"))).audio?.packets.length).toBe(sent);
    const sliding = await readPlaylist(listUrl("sound", "from=0&window=7"));
    expect(sliding.type).toBeUndefined();
    expect(sliding.parts.map(({ range }) => range)).toEqual(
      final.parts.slice(sliding.mediaSequence).map(({ range }) => range),
    );
    expect(secondsOf(sliding)).toBeGreaterThanOrEqual(7);
  });

  it("plays MP4 where it was recorded beside, and MPEG-TS where it is asked for", async () => {
    for (const type of ["ts", "mp4"] as const)
      await server.recorder.record({ localStreamName: "both", pathToFile: `both-${type}`, type, keepAlive: false });
    const both = server.recorder.streams.open("both");
    await feed(both, { ...clip, frames: clip.frames.filter(({ dtsMs }) => dtsMs < 3000) });
    both.end("test");
    await listOf("both", 2.8);
    const kinds = async (query: string) =>
      (await readPlaylist(listUrl("both", query))).parts.map(({ url }) => new URL(url).pathname.split(".").at(-1));
    expect([...new Set(await kinds("from=0"))]).toEqual(["m4s"]);
    expect([...new Set(await kinds("from=0&type=ts"))]).toEqual(["ts"]);
  });

  it("says of FLV what to do, and answers what is not there", async () => {
    const flv = await record("flv", 0, "flv");
    await feed(flv, { ...clip, frames: clip.frames.filter(({ dtsMs }) => dtsMs < 1000) });
    flv.end("test");
    const answer = await until("a file", async () => {
      const one = await fetch(listUrl("flv"));
      return one.status === 404 ? undefined : one;
    });
    expect([answer.status, await answer.text()]).toEqual([415, expect.stringContaining("record it as mp4 or ts")]);
    const id = (name: string) =>
      server.recorder.catalog.query({ stream: name }).then(({ segments }) => segments[0]?.id);
    for (const [target, headers, status] of [
      [`/hls/cam/${await id("both")}/media.ts`, {}, 404],
      [`/hls/flv/${await id("flv")}/media.ts`, {}, 404],
      [`/hls/cam/${await id("cam")}/0.m4s`, {}, 404],
      [`/hls/cam/${await id("cam")}/media.ts`, { range: "bytes=999999999-" }, 416],
      [`/hls/cam/${await id("cam")}/media.ts`, { range: "bytes=188-375" }, 206],
      ["/hls/cam/index.m3u8?from=0&type=flv", {}, 400],
    ] as const)
      expect([target, (await fetch(`${base}${target}`, { headers })).status]).toEqual([target, status]);
  });
});
