// HLS of an MP4 that grows and of the same file when it is finished, judged by ffprobe and FFmpeg 8: the frames and
// times of the source, the same parts before and after, a list that only gets longer.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import type { FoundSegment } from "../../src/catalog/catalog-segment.js";
import { TIME_OFFSET_SECONDS } from "../../src/playback/movie/fragments.js";
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
const SECONDS = 21;
let server: ReelServer;
let clip: ClipFrames;
let stream: InStream;
let base: string;

async function record(name: string, chunkLength = 0): Promise<InStream> {
  await server.recorder.record({ localStreamName: name, pathToFile: name, type: "mp4", chunkLength, keepAlive: false });
  return server.recorder.streams.open(name);
}

/** Waits for a list of at least so many seconds. */
function listOf(name: string, seconds: number): Promise<Listed> {
  return until(`${seconds} s of ${name}`, async () => {
    // There is none in the first moment.
    const listed = await readPlaylist(listUrl(name)).catch(() => undefined);
    return listed && listed.parts.reduce((sum, part) => sum + part.seconds, 0) >= seconds ? listed : undefined;
  });
}

function listUrl(name: string, query = "from=0"): string {
  return `${base}/hls/${encodeURIComponent(name)}/index.m3u8?${query}`;
}

beforeAll(async () => {
  server = await startHttpServer(path(""));
  base = `http://${server.addresses.http}`;
  clip = await readClip(await makeClip({ seconds: SECONDS, video: { bFrames: 2 } }));
  stream = await record("cam");
  await feed(stream, clip);
}, 60_000);
afterAll(() => server.close());

/** Presentation times of the source's pictures, from the first one shown, in order. */
function sentTimes(): number[] {
  const times = clip.frames.filter(({ track }) => track === TRACK_VIDEO).map(({ dtsMs, ctsMs }) => dtsMs + ctsMs);
  const first = Math.min(...times, ...clip.frames.map(({ dtsMs, ctsMs }) => dtsMs + ctsMs));
  return times.map((ms) => ms - first).sort((a, b) => a - b);
}

async function shownTimes(file: string): Promise<number[]> {
  const { video } = await ffprobe(file);
  return (video?.packets ?? []).map(({ pts90k }) => pts90k / 90 - TIME_OFFSET_SECONDS * 1000).sort((a, b) => a - b);
}

describe("HLS of an MP4", () => {
  it("plays while it grows, and has the same parts when it is finished", async () => {
    const growing = await listOf("cam", SECONDS - 2);
    expect([growing.type, growing.isComplete, growing.mediaSequence]).toEqual(["EVENT", false, 0]);
    // Short ones first, so that a player begins early; each begins where a GOP does.
    expect(growing.parts.slice(0, 8).map(({ seconds }) => seconds.toFixed(1))).toEqual(new Array(8).fill("1.0"));
    expect(growing.parts.slice(8).map(({ seconds }) => seconds)).toEqual([4, 4, 4]);
    expect(growing.parts.map(({ isDiscontinuous }) => isDiscontinuous)).toEqual(new Array(11).fill(false));
    await saveMovie(path("growing.mp4"), growing.parts);
    const shown = await shownTimes(path("growing.mp4"));
    expect(shown.length).toBe(20 * 25);
    const sent = sentTimes();
    for (const [i, ms] of shown.entries()) expect(Math.abs(ms - (sent[i] ?? 0)), `picture ${i}`).toBeLessThan(1);

    stream.end("test");
    const final = await listOf("cam", SECONDS - 0.1);
    expect(final.parts.slice(0, 11)).toEqual(growing.parts);
    await saveMovie(path("final.mp4"), final.parts);
    const whole = await ffprobe(path("final.mp4"), { hash: true });
    const frames = (track: number) => clip.frames.filter((frame) => frame.track === track).length;
    expect([whole.video?.packets.length, whole.audio?.packets.length]).toEqual([frames(0), frames(1)]);
    for (const [i, ms] of (await shownTimes(path("final.mp4"))).entries())
      expect(Math.abs(ms - (sent[i] ?? 0)), `picture ${i}`).toBeLessThan(1);
    // What was played while it grew is what the file has.
    const early = await ffprobe(path("growing.mp4"), { hash: true });
    const told = (packets: { hash: string; pts90k: number }[] = []) =>
      packets.map(({ hash, pts90k }) => `${hash} ${pts90k}`);
    expect(told(whole.video?.packets).slice(0, shown.length)).toEqual(told(early.video?.packets));
    const sounds = early.audio?.packets.map(({ hash }) => hash) ?? [];
    expect(whole.audio?.packets.slice(0, sounds.length).map(({ hash }) => hash)).toEqual(sounds);
  });

  it("is decoded by FFmpeg 8 without a complaint, to the pictures of the file itself", async () => {
    const { segments } = await server.recorder.catalog.query({ stream: "cam" });
    const [played = [], file = []] = await probeWithFfmpeg8(path("final.mp4"), segments[0]?.path ?? "");
    const video = (tracks: typeof played) => tracks.find(({ kind }) => kind === "video");
    expect(video(played)?.decodedFrames).toBe(SECONDS * 25);
    expect(video(played)?.decodedHash).toBe(video(file)?.decodedHash);
    const times = (tracks: typeof played) =>
      tracks.find(({ kind }) => kind === "audio")?.packets.map(({ hash, pts90k }) => ({ hash, ms: pts90k / 90 })) ?? [];
    const [sound, wanted] = [times(played), times(file)];
    expect(sound.map(({ hash }) => hash)).toEqual(wanted.map(({ hash }) => hash));
    for (const [i, { ms }] of sound.entries())
      expect(Math.abs(ms - TIME_OFFSET_SECONDS * 1000 - (wanted[i]?.ms ?? 0))).toBeLessThan(1);
  });

  it("goes on over files: each is a discontinuity with the wall time of its beginning", async () => {
    const cut = await record("cuts", 6);
    await feed(cut, clip);
    cut.end("test");
    const listed = await listOf("cuts", SECONDS - 0.1);
    const { segments } = await server.recorder.catalog.query({ stream: "cuts" });
    const begins = listed.parts.filter(({ wallMs }) => wallMs !== undefined);
    expect(begins.map(({ wallMs }) => wallMs)).toEqual(segments.map(({ startedMs }) => startedMs));
    expect(begins.map(({ isDiscontinuous }) => isDiscontinuous)).toEqual([false, true, true, true]);
    let pictures = 0;
    for (const [i, begin] of begins.entries()) {
      const parts = listed.parts.filter(({ mapUrl }) => mapUrl === begin.mapUrl);
      await saveMovie(path(`cut${i}.mp4`), parts);
      pictures += (await ffprobe(path(`cut${i}.mp4`))).video?.packets.length ?? 0;
    }
    expect(pictures).toBe(SECONDS * 25);
  });

  it("has the rest where a file cannot be read, and gives the numbers of deleted ones to nobody", async () => {
    const holed = await record("holes", 6);
    await feed(holed, clip);
    holed.end("test");
    const [first, second, third, fourth] = await until("its files", async () => {
      const { segments } = await server.recorder.catalog.query({ stream: "holes", state: "finished" });
      return segments.length === 4 ? (segments as [FoundSegment, FoundSegment, FoundSegment, FoundSegment]) : undefined;
    });
    // Its index says that it is larger than anybody reads.
    const bytes = readFileSync(second.path);
    bytes.writeUInt32BE(65 * 2 ** 20, bytes.indexOf("moov") - 4);
    writeFileSync(second.path, bytes);
    const list = await readPlaylist(listUrl("holes"));
    const filesIn = ({ parts }: Listed) => [...new Set(parts.map(({ url }) => Number(url.split("/").at(-2))))];
    const numbered = ({ mediaSequence, parts }: Listed) => parts.map(({ url }, i) => `${mediaSequence + i} ${url}`);
    const without = (...gone: FoundSegment[]) =>
      numbered(list).filter((part) => !gone.some(({ id }) => part.includes(`/${id}/`)));
    expect([filesIn(list), list.type, list.mediaSequence]).toEqual([[first.id, third.id, fourth.id], "EVENT", 0]);
    await server.recorder.catalog.delete(first);
    const shorter = await readPlaylist(listUrl("holes"));
    expect([filesIn(shorter), shorter.type]).toEqual([[third.id, fourth.id], undefined]);
    expect(numbered(shorter)).toEqual(without(first));
    expect([shorter.text.includes("#EXT-X-DISCONTINUITY-SEQUENCE:0"), shorter.parts[0]?.isDiscontinuous]).toEqual([
      true,
      true,
    ]);
    await server.recorder.catalog.delete(third);
    const last = await readPlaylist(listUrl("holes"));
    expect(numbered(last)).toEqual(without(first, third));
    expect(last.text).toContain("#EXT-X-DISCONTINUITY-SEQUENCE:1");
    const sliding = await readPlaylist(listUrl("holes", "from=0&window=1"));
    expect(numbered(sliding)).toEqual(without().slice(-1));
    await server.recorder.catalog.delete(fourth);
    expect((await fetch(listUrl("holes"))).status).toBe(413);
  });

  it("goes on with its numbers over a restart of the server, also where files are deleted in between", async () => {
    const start = () => startHttpServer(path("restarted"));
    const first = await start();
    await first.recorder.record({ localStreamName: "r", pathToFile: "r", type: "mp4", chunkLength: 6 });
    const source = first.recorder.streams.open("r");
    await feed(source, clip);
    source.end("test");
    await until("its files", async () => {
      const { segments } = await first.recorder.catalog.query({ stream: "r", state: "finished" });
      return segments.length === 4;
    });
    const listOfRun = ({ addresses }: ReelServer) => readPlaylist(`http://${addresses.http}/hls/r/index.m3u8?from=0`);
    const before = await listOfRun(first);
    await until("it is saved", () => existsSync(path("restarted/state/hls-lists.json")));
    await first.close();
    const second = await start();
    try {
      const oldest = await second.recorder.catalog.query({ stream: "r", limit: 1 });
      await second.recorder.catalog.delete(oldest.segments[0] as FoundSegment);
      const after = await listOfRun(second);
      const names = ({ parts }: Listed) => parts.map(({ url }) => url.split("/").slice(-2).join("/"));
      expect(after.mediaSequence).toBeGreaterThan(0);
      expect(names(after)).toEqual(names(before).slice(after.mediaSequence));
      expect(after.text).toContain("#EXT-X-DISCONTINUITY-SEQUENCE:0");
    } finally {
      await second.close();
    }
  });

  it("of sound alone has the same parts too, and slides where a window is asked for", async () => {
    const sound = await record("sound");
    await feed(sound, { ...clip, video: undefined, frames: clip.frames.filter(({ track }) => track !== TRACK_VIDEO) });
    const growing = await listOf("sound", SECONDS - 5);
    sound.end("test");
    const final = await listOf("sound", SECONDS - 0.1);
    expect(final.parts.slice(0, growing.parts.length).map(({ url }) => url)).toEqual(
      growing.parts.map(({ url }) => url),
    );
    await saveMovie(path("sound.mp4"), final.parts);
    const sent = clip.frames.filter(({ track }) => track !== TRACK_VIDEO).length;
    expect((await ffprobe(path("sound.mp4"))).audio?.packets.length).toBe(sent);
    const sliding = await readPlaylist(listUrl("sound", "from=0&window=7"));
    expect(sliding.type).toBeUndefined();
    expect(sliding.mediaSequence).toBe(final.parts.length - sliding.parts.length);
    expect(sliding.parts).toEqual(
      final.parts.slice(-sliding.parts.length).map((part, i) => ({
        ...part,
        wallMs: i === 0 ? sliding.parts[0]?.wallMs : part.wallMs,
      })),
    );
  });

  it("without `from` leads to a list that begins at one time", async () => {
    const text = (await download(`${base}/hls/cam/index.m3u8`)).toString();
    const { segments } = await server.recorder.catalog.query({ stream: "cam" });
    const past = await readPlaylist(listUrl("cam", `from=0&to=${(segments[0]?.startedMs ?? 0) + 1}`));
    expect([past.type, past.isComplete, past.parts.length]).toEqual(["VOD", true, 1]);
    const [, uri = ""] = /^(index\.m3u8\?from=\d+)$/m.exec(text) ?? [];
    expect((await readPlaylist(new URL(uri, `${base}/hls/cam/`).href)).parts.length).toBeGreaterThan(10);
  });

  it.each([
    ["/hls/nobody/index.m3u8?from=0", 404],
    ["/hls/cam/index.m3u8?from=x", 400],
    ["/hls/cam/index.m3u8?from=0&window=0", 400],
    ["/hls/a%20b/index.m3u8?from=0", 400],
    ["/hls/cam/0/init.mp4", 404],
    ["/hls/cam/1/0.mp4", 404],
    ["/hls/cam/1/99999.m4s", 404],
    ["/hls/cam/1/99999999999.m4s", 404],
    ["/hls/cuts/1/0.m4s", 404],
    ["/hls/..%2f..%2fetc/1/0.m4s", 400],
  ])("%s is %i", async (target, status) => expect((await fetch(`${base}${target}`)).status).toBe(status));
});
