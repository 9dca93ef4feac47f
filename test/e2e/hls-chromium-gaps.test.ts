// hls.js in headless Chromium over everything that makes a list discontinuous: a picture size and a sample rate that
// change, pictures and sound that are missing inside a file, a source that comes back. What the browser has decoded is
// what was sent, picture by picture at its time, with every byte of sound.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import type { FoundSegment } from "../../src/catalog/catalog-segment.js";
import type { ContainerName } from "../../src/container/table.js";
import type { ReelServer } from "../../src/server/server.js";
import { openChromium } from "../support/chromium.js";
import { makeClip } from "../support/clip.js";
import { isTorture } from "../support/effort.js";
import { type ClipFrames, feed, readClip } from "../support/feed.js";
import { startHttpServer } from "../support/http-server.js";
import { type Decoded, PlayerPage, type PlayerReport } from "../support/player-page.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const SECONDS = 2;
const FRAME_MS = 40;
const ADTS_HEADER_SIZE = 7;
/** A picture, and what the sound of a file is longer than its pictures. */
const MAX_JOINT_MS = 2 * FRAME_MS + 20;
/** Media between these is missing in the middle of a file. */
const HOLE_MS = { from: 1000, to: 2000 };
let server: ReelServer;
/** In the order of their files. */
let sent: readonly ClipFrames[];

beforeAll(async () => {
  server = await startHttpServer(path(""));
  const seconds = SECONDS;
  const clips = [
    await makeClip({ seconds, video: { bFrames: 2 } }),
    await makeClip({ seconds, video: { bFrames: 2, width: 480, height: 270 } }),
    await makeClip({ seconds, video: { bFrames: 2 }, audio: { sampleRate: 44100, channels: 1 } }),
  ];
  const [small, large, mono] = (await Promise.all(clips.map(readClip))) as [ClipFrames, ClipFrames, ClipFrames];
  sent = [small, large, holed(mono)];
}, 60_000);
afterAll(() => server.close());

/** Three seconds of which the middle one never came. */
function holed(clip: ClipFrames): ClipFrames {
  const later = clip.frames
    .filter(({ dtsMs }) => dtsMs >= HOLE_MS.from)
    .map((frame) => ({ ...frame, dtsMs: frame.dtsMs + HOLE_MS.to - HOLE_MS.from }));
  return { ...clip, frames: [...clip.frames.filter(({ dtsMs }) => dtsMs < HOLE_MS.from), ...later] };
}

/** Three files: another picture size without a gap, then a source that comes back with other sound. */
async function record(name: ContainerName): Promise<FoundSegment[]> {
  const finished = (count: number): Promise<FoundSegment[]> =>
    until(`${count} files of ${name}`, async () => {
      const { segments } = await server.recorder.catalog.query({ stream: name, state: "finished" });
      return segments.length === count && segments;
    });
  await server.recorder.record({ localStreamName: name, pathToFile: name, type: name });
  const [small, large, back] = sent as [ClipFrames, ClipFrames, ClipFrames];
  const stream = server.recorder.streams.open(name);
  await feed(stream, small);
  await feed(stream, large, SECONDS * 1000 + FRAME_MS);
  stream.end("test");
  await finished(2);
  const again = server.recorder.streams.open(name);
  // At the pace of its clock: a list is whole when its end has passed.
  const begunMs = Date.now();
  for (let fromMs = 0; fromMs < SECONDS * 1000 + HOLE_MS.to; fromMs += 200) {
    await until("its time", () => Date.now() - begunMs > fromMs);
    await feed(again, { ...back, frames: back.frames.filter(({ dtsMs }) => dtsMs >= fromMs && dtsMs < fromMs + 200) });
  }
  again.end("test");
  return finished(3);
}

/** Presentation times of the pictures behind the first one, in order. */
function pictureTimes({ frames }: ClipFrames): number[] {
  const times = frames.filter(({ track }) => track === TRACK_VIDEO).map(({ dtsMs, ctsMs }) => dtsMs + ctsMs);
  const first = Math.min(...times);
  return times.map((ms) => ms - first).sort((a, b) => a - b);
}

/** As Chromium counts sound: each frame with an ADTS header. */
function soundBytes({ frames }: ClipFrames): number {
  const sounds = frames.filter(({ track }) => track !== TRACK_VIDEO);
  return sounds.reduce((sum, { payload }) => sum + payload.byteLength + ADTS_HEADER_SIZE, 0);
}

function reported(page: PlayerPage, what: string): Promise<PlayerReport> {
  return until(
    `the player says ${what}`,
    () => {
      const fatal = page.reports.find((report) => report.what === "fatal");
      if (fatal) throw new Error(`the player gave up: ${fatal.error}`);
      return page.reports.find((report) => report.what === what);
    },
    60_000,
  );
}

/** Plays a list in a browser of its own for as long as `body` looks. */
async function playing(list: string, hash: string, body: (page: PlayerPage) => Promise<void>): Promise<void> {
  const page = await PlayerPage.start(`http://${server.addresses.http}`, list);
  const browser = await openChromium(`${page.url}${hash}`);
  try {
    await body(page);
  } finally {
    await browser.close();
    await page.close();
  }
}

/** What the browser makes of a whole list. */
async function decodedOf(list: string): Promise<Decoded> {
  let decoded: Decoded | undefined;
  await playing(list, "#paused", async (page) => {
    await reported(page, "all");
    page.run(`walk(${isTorture ? FRAME_MS / 1000 : 0})`);
    ({ decoded } = await reported(page, "walked"));
  });
  if (!decoded) throw new Error("the player does not say what it has decoded");
  return decoded;
}

/** Every picture at its time in its file, and no hole between files: the player has no time without a file. */
function expectTimes(shown: readonly number[], wanted: readonly (readonly number[])[]): void {
  const times = shown.map((seconds) => seconds * 1000);
  let lastMs = times[0] ?? Number.NaN;
  for (const own of wanted) {
    const firstMs = times[0] ?? Number.NaN;
    expect(firstMs - lastMs).toBeLessThan(MAX_JOINT_MS);
    const count = times.findIndex((ms, i) => i > 0 && ms - firstMs > (own.at(-1) ?? 0) + FRAME_MS / 4);
    const found = times.splice(0, count === -1 ? times.length : count);
    // At a hole the browser shows one of its two edges, and hls.js may give the other one its place.
    const isEdge = (ms: number): boolean => ms >= HOLE_MS.from - FRAME_MS && ms <= HOLE_MS.to && isHoled;
    const isHoled = !own.includes(HOLE_MS.from);
    const seen = found.map((ms) => Math.round(ms - firstMs)).filter((ms) => !isEdge(ms));
    expect(seen).toEqual(own.filter((ms) => !isEdge(ms)));
    lastMs = found.at(-1) ?? firstMs;
  }
  expect(times).toEqual([]);
}

/** Another sound and other pictures, where files begin anywhere: between them lies a file of sound alone. */
async function recordSoundBetween(name: string): Promise<FoundSegment[]> {
  const [before, behind] = (await Promise.all(
    [{}, { video: { width: 480, height: 270 }, audio: { sampleRate: 44100, channels: 1 as const } }].map(
      async (changed) => readClip(await makeClip({ seconds: 1, ...changed })),
    ),
  )) as [ClipFrames, ClipFrames];
  const files = (count: number): Promise<FoundSegment[]> =>
    until(`${count} files of ${name}`, async () => {
      const { segments } = await server.recorder.catalog.query({ stream: name });
      return segments.length >= count && segments;
    });
  await server.recorder.record({ localStreamName: name, pathToFile: name, type: "mp4", waitForIDR: false });
  const stream = server.recorder.streams.open(name);
  await feed(stream, before);
  const isEarly = ({ track, dtsMs }: ClipFrames["frames"][number]) => track !== TRACK_VIDEO && dtsMs < 300;
  await feed(stream, { ...behind, video: undefined, frames: behind.frames.filter(isEarly) }, 1040);
  await files(2);
  await until("the sound is written", () =>
    server.recorder.outStreams().every(({ config, lagMs }) => config.localStreamName !== name || lagMs === 0),
  );
  await feed(stream, { ...behind, audio: undefined, frames: behind.frames.filter((frame) => !isEarly(frame)) }, 1040);
  stream.end("test");
  return until("the files are finished", async () => {
    const all = await files(3);
    return all.every(({ state }) => state === "finished") && all;
  });
}

/** MPEG-TS takes as long again. */
const TYPES: readonly ContainerName[] = isTorture ? ["mp4", "ts"] : ["mp4"];

// Most of their time is media time, so they share it.
describe.concurrent("a discontinuous list", () => {
  it("plays over a file of sound alone between files with pictures", { timeout: 90_000 }, async () => {
    const segments = await recordSoundBetween("between");
    expect(segments.map(({ tracks }) => tracks.map(({ kind }) => kind).join("+"))).toEqual([
      "video+audio",
      "audio",
      "video+audio",
    ]);
    await playing(`/hls/between/index.m3u8?from=0&to=${segments.at(-1)?.stoppedMs}`, "", async (page) => {
      await reported(page, "ended");
      const times = page.reports.filter(({ what }) => what === "time").map(({ time }) => time);
      expect(Math.max(...times)).toBeGreaterThan(1.8);
    });
  });

  it.each(TYPES)("shows what was sent, over changes and gaps: %s", { timeout: 150_000 }, async (type) => {
    const segments = await record(type);
    const query = new URLSearchParams({ from: "0", to: String(segments.at(-1)?.stoppedMs), type });
    const { shown, pictures, audioBytes, parts } = await decodedOf(`/hls/${type}/index.m3u8?${query}`);
    const wanted = sent.map(pictureTimes);
    const sound = sent.reduce((sum, clip) => sum + soundBytes(clip), 0);
    expect(pictures).toBe(wanted.flat().length);
    // hls.js makes a movie of MPEG-TS, where the sound of one file may end above that of the next.
    if (type === "mp4") expect(audioBytes).toBe(sound);
    else expect(audioBytes / sound).toBeCloseTo(1, 1);
    if (isTorture) expectTimes(shown, wanted);
    expect(segments.map((_, file) => parts.find((part) => part.file === file)?.wallMs)).toEqual(
      segments.map(({ startedMs }) => startedMs),
    );
  });
});
