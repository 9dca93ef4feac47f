// A clip over three files and a gap, and of a file that grows, judged by ffprobe and FFmpeg 8: the pictures and sounds
// of the files, at the times at which they were, from exactly where it was asked for.

import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VolumeTurns } from "../../src/base/volume-turns.js";
import type { CatalogSegment } from "../../src/catalog/catalog-segment.js";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { ClipMaker } from "../../src/playback/clip/clip.js";
import { MovieStore } from "../../src/playback/movie/movie-store.js";
import { PlayedFiles } from "../../src/playback/played-files.js";
import { TsStore } from "../../src/playback/ts/ts-store.js";
import type { ReelServer } from "../../src/server/server.js";
import { makeClip } from "../support/clip.js";
import { ffprobe, type ProbedPacket } from "../support/ffprobe.js";
import { startHttpServer } from "../support/http-server.js";
import { publishLooped } from "../support/looped-publisher.js";
import { readMp4 } from "../support/mp4-reader.js";
import { probeWithFfmpeg8 } from "../support/peers.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const FRAME_MS = 40;
let server: ReelServer;
let base: string;
let files: CatalogSegment[];
const live: { isOver: boolean; ended?: Promise<unknown> } = { isOver: false };

/** Publishes until that is over. */
async function publish(name: string, isOver: () => boolean): Promise<unknown> {
  const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 4, video: { bFrames: 2 } })))];
  return publishLooped(`rtmp://${server.addresses.rtmp}/live/${name}`, tags, isOver);
}

/** Publishes until so many files are there that have ended. */
async function publishUntil(name: string, finished: number): Promise<void> {
  let isOver = false;
  const publishing = publish(name, () => isOver);
  const ended = async () => (await server.recorder.catalog.query({ stream: name, state: "finished" })).segments.length;
  await Promise.race([until(`${finished} files`, async () => (await ended()) >= finished, 60_000), publishing]);
  isOver = true;
  await publishing;
}

beforeAll(async () => {
  server = await startHttpServer(path("."), { listeners: { rtmp: "127.0.0.1:0" } });
  base = `http://${server.addresses.http}`;
  await server.recorder.record({ localStreamName: "cam", pathToFile: "cam", type: "mp4", chunkLength: 2 });
  await publishUntil("cam", 2); // and a third that ends with its source
  await until("the end of the first run", () => server.recorder.outStreams().length === 0);
  const finished = async () => (await server.recorder.catalog.query({ stream: "cam", state: "finished" })).segments;
  const before = await until("three files", async () => {
    const found = await finished();
    return found.length >= 3 ? found.length : undefined;
  });
  const gapBegan = Date.now();
  await until("a gap of two seconds", () => Date.now() - gapBegan > 2000);
  // What grows has some seconds by the time it is asked for.
  await server.recorder.record({ localStreamName: "live", pathToFile: "live", type: "mp4", keepAlive: false });
  live.ended = publish("live", () => live.isOver);
  await publishUntil("cam", before + 1);
  files = await until("all files", async () => {
    const { segments } = await server.recorder.catalog.query({ stream: "cam" });
    return segments.every(({ state }) => state === "finished") ? segments : undefined;
  });
}, 120_000);
afterAll(async () => {
  live.isOver = true;
  await live.ended;
  await server.close();
});

/** The last file of the first run, and the first of the second. */
function aroundGap(): { third: CatalogSegment; next: CatalogSegment } {
  const at = files.findIndex(({ outStreamId }) => outStreamId !== files[0]?.outStreamId);
  return { third: files[at - 1] as CatalogSegment, next: files[at] as CatalogSegment };
}

async function clipOf(name: string, from: number, to: number, stream = "cam"): Promise<string> {
  const answer = await fetch(`${base}/api/clip?stream=${stream}&from=${from}&to=${to}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect([answer.status, Number(answer.headers.get("content-length"))]).toEqual([200, bytes.byteLength]);
  await writeFile(path(name), bytes);
  return path(name);
}

/** Packets of all files in the order of decoding. */
async function packetsOf(kind: "video" | "audio"): Promise<ProbedPacket[][]> {
  return Promise.all(files.map(async (file) => (await ffprobe(file.path, { hash: true }))[kind]?.packets ?? []));
}

describe("a clip", () => {
  it("has its index in front, begins exactly at `from`, and holds the files' pictures over cuts and the gap", async () => {
    const [first] = files;
    const { third, next: second } = aroundGap();
    const from = (first?.startedMs ?? 0) + 1500;
    const to = second.startedMs + 1500;
    const clip = await clipOf("clip.mp4", from, to);
    expect(readMp4(clip).topLevel).toEqual(["ftyp", "moov", "mdat"]);
    // One description of each track over all files, though each says bit rates of its own.
    const bytes = await readFile(clip);
    const index = bytes.toString("latin1", 0, bytes.indexOf("mdat"));
    expect(["avc1", "mp4a"].map((type) => index.split(type).length - 1)).toEqual([1, 1]);
    const probe = await ffprobe(clip, { hash: true });
    const sent = await packetsOf("video");
    const all = sent.flat();
    const shown = probe.video?.packets ?? [];
    const start = all.findIndex(({ hash }) => hash === shown[0]?.hash);
    // The random access point at or before `from`: a GOP is a second.
    expect(shown[0]?.isKey).toBe(true);
    expect(shown.map(({ hash }) => hash)).toEqual(all.slice(start, start + shown.length).map(({ hash }) => hash));
    const times = shown.map(({ pts90k }) => pts90k / 90).sort((a, b) => a - b);
    expect(times[0]).toBeLessThanOrEqual(0);
    expect(times[0]).toBeGreaterThan(-1000 - FRAME_MS);
    // Picture by picture at the file's own distances, joined to one frame at cuts of the running stream.
    const source = sent.flatMap((packets, file) => packets.map(({ pts90k }) => ({ file, ms: pts90k / 90 })));
    const placed = shown.map(({ pts90k }, i) => ({ ...(source[start + i] as (typeof source)[0]), at: pts90k / 90 }));
    placed.sort((a, b) => a.at - b.at);
    let missing = 0;
    for (const [i, picture] of placed.slice(1).entries()) {
      const before = placed[i] as typeof picture;
      const distance = picture.at - before.at;
      if (picture.file === before.file) expect(Math.abs(distance - (picture.ms - before.ms)), `${i}`).toBeLessThan(2);
      else if (files[picture.file]?.outStreamId === files[before.file]?.outStreamId)
        // Of B-frames the last pictures of a file may be shown late.
        expect(Math.abs(distance - FRAME_MS), `cut ${i}`).toBeLessThan(3 * FRAME_MS);
      else missing += distance;
    }
    const gapMs = second.startedMs - (third.startedMs + third.durationMs);
    expect(gapMs).toBeGreaterThan(1000);
    expect(Math.abs(missing - gapMs)).toBeLessThan(1000);
    // ffprobe lets a movie begin with a whole picture.
    expect(Math.abs((placed[0]?.at ?? 0) + 1500 - (placed[0]?.ms ?? 0))).toBeLessThan(FRAME_MS);
    expect(Math.abs(probe.durationMs - (to - from))).toBeLessThan(FRAME_MS);

    const sounds = (await packetsOf("audio")).flat().map(({ hash }) => hash);
    const heard = probe.audio?.packets.map(({ hash }) => hash) ?? [];
    const soundStart = sounds.indexOf(heard[0] ?? "");
    expect(heard).toEqual(sounds.slice(soundStart, soundStart + heard.length));
    expect(heard.length).toBeGreaterThan(150);
  });

  it("is decoded by FFmpeg 8 without a complaint", async () => {
    const [tracks = []] = await probeWithFfmpeg8(path("clip.mp4"));
    expect(tracks.map(({ kind, codec }) => [kind, codec])).toEqual([
      ["video", "h264"],
      ["audio", "aac"],
    ]);
    const probed = await ffprobe(path("clip.mp4"));
    expect(tracks[0]?.packets.length).toBe(probed.video?.packets.length);
    expect(tracks[0]?.decodedFrames).toBeGreaterThan(100);
  });

  it("begins with nothing where `from` lies in a gap", async () => {
    const { third, next } = aroundGap();
    const gapStart = third.startedMs + third.durationMs + 100;
    const from = Math.round(Math.min(gapStart, next.startedMs - 1000));
    const clip = await clipOf("gap.mp4", from, next.startedMs + 1000);
    const { video, durationMs } = await ffprobe(clip);
    const first = Math.min(...(video?.packets ?? []).map(({ pts90k }) => pts90k / 90));
    expect(Math.abs(first - (next.startedMs - from))).toBeLessThan(200);
    expect(durationMs).toBeGreaterThan(next.startedMs - from);
  });

  it("has no gap where a file was opened late", async () => {
    const { catalog, mediaFolders, clock } = server.recorder;
    const media = { catalog, mediaFolders, volumes: new VolumeTurns(mediaFolders), played: new PlayedFiles(clock) };
    const stores = { movies: new MovieStore(media), streams: new TsStore(media) };
    const [first, second] = files as [CatalogSegment, CatalogSegment];
    expect(second.outStreamId).toBe(first.outStreamId);
    const indexOf = async (lateMs: number): Promise<Buffer> => {
      const startedMs = first.startedMs + first.durationMs + lateMs;
      // What it holds came in time, and so did its end, or right behind its opening.
      const stoppedMs = Math.max(startedMs, first.startedMs + first.durationMs + second.durationMs);
      const maker = new ClipMaker(stores, first.startedMs, first.startedMs + 60_000);
      const { head } = await maker.make([first, { ...second, startedMs, stoppedMs }]);
      await maker.close();
      return head;
    };
    expect(second.durationMs).toBeGreaterThan(1900);
    expect((await indexOf(1900)).equals(await indexOf(0))).toBe(true);
  });

  it("takes what grows as far as it is", async () => {
    const clip = await until("a clip of two seconds", async () => {
      const answer = await fetch(`${base}/api/clip?stream=live&from=0&to=${Date.now() + 60_000}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 404) return undefined;
      expect(answer.status).toBe(200);
      await writeFile(path("live.mp4"), bytes);
      return ((await ffprobe(path("live.mp4"))).video?.packets.length ?? 0) > 50 ? path("live.mp4") : undefined;
    });
    expect((await probeWithFfmpeg8(clip))[0]?.[0]?.decodedFrames).toBeGreaterThan(25);
    expect(server.recorder.outStreams().length).toBe(1);
  });

  it.each([
    ["", 400],
    ["stream=cam", 400],
    ["stream=cam&from=1", 400],
    ["stream=cam&from=2&to=1", 400],
    ["stream=cam&from=1&to=2&format=avi", 400],
    ["stream=..&from=1&to=2", 400],
    ["stream=nobody&from=1&to=2", 404],
    ["stream=cam&from=1&to=2", 404],
    ["stream=cam&from=1&to=99999999999999999", 400],
  ])("of %s is %i", async (query, status) => expect((await fetch(`${base}/api/clip?${query}`)).status).toBe(status));
});

describe("/list", () => {
  it("names spans as MediaMTX does, each with a clip of it", async () => {
    const answer = await fetch(`${base}/list?path=cam`);
    const spans = (await answer.json()) as { start: string; duration: number; url: string }[];
    expect(spans[0]?.start).toBe(new Date(files[0]?.startedMs ?? 0).toISOString());
    expect(spans.length).toBeGreaterThan(0);
    const total = spans.reduce((sum, { duration }) => sum + duration, 0);
    const recorded = files.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
    expect(Math.abs(total - recorded)).toBeLessThan(files.length);
    for (const { url } of spans) expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    const from = new Date((files[0]?.startedMs ?? 0) + 1000).toISOString();
    const cut = (await (await fetch(`${base}/list?path=cam&start=${from}`)).json()) as { start: string }[];
    expect(cut[0]?.start).toBe(from);
    for (const [query, status] of [
      ["", 400],
      ["path=nobody", 404],
      ["path=cam&start=x", 400],
    ] as const)
      expect([query, (await fetch(`${base}/list?${query}`)).status]).toEqual([query, status]);
  });
});
