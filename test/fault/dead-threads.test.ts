// Drain threads that die at any moment: what they had taken is in every file once, descriptors are closed or gone on
// with, and the recordings go on on other threads.

import { once } from "node:events";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { silentLogger } from "../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import type { ContainerName } from "../../src/container/table.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { Gap } from "../../src/stream/gap.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { effort, seed } from "../support/effort.js";
import { SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { mulberry32 } from "../support/random.js";
import { ASC, AVCC, accessUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const satisfies readonly ContainerName[];
const FRAME_90K = 3600;
const GOP = 25;
const WORKERS = 2;
/** Sound comes 0.32 s behind the pictures: every cut waits for it, and takes it from behind the cursor. */
const LAG_FRAMES = 8;
/**
 * Where threads die faster than they write, a source without a clock would fill any ring and be held back. It waits
 * for the drains here, at an eighth of what a ring may hold: some hundred segments that are yet to be written.
 */
const MAX_HELD_BYTES = 8 << 20;
/** How long a busy machine may take for a step. */
const BUSY_MS = 120_000;

let root: string;
let recorder: Recorder | undefined;
/** Threads of the drain pool that have loaded: the pool makes them first, and replaces those that die. */
let threads: Set<Worker>;
let made = 0;

function onWorker(worker: Worker): void {
  const isFinish = made++ === WORKERS;
  if (isFinish) return;
  worker.once("message", () => threads.add(worker));
  worker.once("exit", () => threads.delete(worker));
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-test-"));
  threads = new Set();
  made = 0;
  process.on("worker", onWorker);
});
afterEach(async () => {
  process.off("worker", onWorker);
  await recorder?.close();
  recorder = undefined;
  await rm(root, { recursive: true, force: true });
});

async function openMediaFiles(): Promise<string[]> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((link) => link.startsWith(join(root, "media")));
}

async function writePicture(stream: InStream, i: number): Promise<void> {
  const isIdr = i % GOP === 0;
  const picture = accessUnit([slice(isIdr ? SLICE_I : SLICE_P, i, isIdr, 1500 + (i % 7) * 300)]);
  while (!stream.writeFrame(TRACK_VIDEO, picture, i * FRAME_90K, 0, isIdr)) await once(stream, "room");
}

async function writeSound(stream: InStream, i: number): Promise<void> {
  const sound = new Uint8Array(200 + (i % 5)).fill(0x21);
  while (!stream.writeFrame(TRACK_AUDIO, sound, i * FRAME_90K, 0, true)) await once(stream, "room");
}

async function write(stream: InStream, from: number, count: number, lag = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    await writePicture(stream, i);
    if (i >= lag) await writeSound(stream, i - lag);
  }
}

function writtenBytes(reel: Recorder): number {
  return reel.collect().find(({ name }) => name === "reel_recorded_bytes_total")?.value ?? 0;
}

describe("drain threads that die", () => {
  it(`at random lose nothing and double nothing (seed ${seed})`, { timeout: effort(60_000, 1_200_000) }, async () => {
    const random = mulberry32(seed);
    /** In the middle of a batch. */
    let deaths = 0;
    const kills = effort(15, 1500);
    const reel = await Recorder.open({
      mediaFolders: [join(root, "media")],
      stateFolder: join(root, "state"),
      workers: WORKERS,
      logger: {
        ...silentLogger,
        warn: (_, text) => {
          if (text.startsWith("a drain thread has died")) deaths++;
        },
      },
      scheduler: { tickMs: 5, maxAgeMs: 10, spareThreads: 0 },
    });
    recorder = reel;
    const closed: ClosedSegmentReport[] = [];
    const gaps: Gap[] = [];
    const failures: string[] = [];
    reel.on("segmentClosed", (report) => closed.push(report));
    reel.on("segmentFailed", (report) => failures.push(report.error));
    reel.on("gap", (gap) => gaps.push(gap));
    const streams = ["a", "b"].map((name) => reel.streams.open(name));
    for (const stream of streams) {
      for (const type of CONTAINERS)
        await reel.record({
          localStreamName: stream.name,
          pathToFile: stream.name,
          type,
          chunkLength: 1,
          keepAlive: false,
        });
      stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    }
    let isKilling = true;
    let killed = 0;
    const kill = async (): Promise<void> => {
      for (let written = 0; killed < kills; killed++) {
        await delay(random() * 60);
        // A batch that meets twenty deaths in a row is given up: on a busy machine threads would die faster than start.
        const isWritten = (): number | undefined => {
          const now = writtenBytes(reel);
          return now > written ? now : undefined;
        };
        written = await until("a batch is written", isWritten, BUSY_MS);
        const loaded = (): Worker[] | undefined => (threads.size > 0 ? [...threads] : undefined);
        const all = await until("a thread to kill", loaded, BUSY_MS);
        await all[Math.floor(random() * all.length)]?.terminate();
      }
    };
    let frames = 0;
    const feed = async (): Promise<void> => {
      while (isKilling) {
        await Promise.all(streams.map((stream) => write(stream, frames, 5, LAG_FRAMES)));
        frames += 5;
        await delay(random() * 20);
        const keepsUp = (): boolean => streams.every(({ ring }) => ring.heldBytes < MAX_HELD_BYTES);
        await until("the drains keep up", keepsUp, BUSY_MS);
      }
    };
    const killing = kill().finally(() => {
      isKilling = false;
    });
    await Promise.all([killing, feed()]);
    for (const stream of streams) {
      for (let i = frames - LAG_FRAMES; i < frames; i++) await writeSound(stream, i);
      const gone = once(reel, "inStreamClosed");
      stream.end("test");
      await gone;
    }
    await until("the last file is final", () => (reel.outStreams().length === 0 ? true : undefined), BUSY_MS);
    expect(killed).toBe(kills);
    expect(deaths).toBeGreaterThan(0);
    expect(failures).toEqual([]);
    // The lock of a thread that died in the kernel keeps the ring from growing until that is seen: the source waits.
    expect(gaps.filter(({ cause }) => cause !== "heldBack")).toEqual([]);
    for (const stream of streams)
      for (const type of CONTAINERS) {
        const own = closed.filter((report) => report.container === type && report.localStreamName === stream.name);
        const sum = (count: (report: ClosedSegmentReport) => number): number =>
          own.reduce((total, report) => total + count(report), 0);
        const what = `${stream.name}.${type}`;
        expect([sum(({ videoFrames }) => videoFrames), sum(({ audioFrames }) => audioFrames)], what).toEqual([
          frames,
          frames,
        ]);
        let found = 0;
        for (const { path } of own) {
          const report = await verifyFile(path);
          expect(report.defects, path).toEqual([]);
          const video = report.tracks.find(({ kind }) => kind === "video");
          found += video?.frames ?? 0;
          // Pictures are 40 ms apart: as many as there is time for.
          expect(Math.round(((video?.lastPtsMs ?? 0) - (video?.firstPtsMs ?? 0)) / 40) + 1, path).toBe(video?.frames);
        }
        expect(found, what).toBe(frames);
      }
    expect(await openMediaFiles()).toEqual([]);
    const files = (await readdir(join(root, "media"))).sort();
    expect(files).toEqual(closed.map(({ path }) => path.slice(join(root, "media").length + 1)).sort());
  });

  it("without work are replaced, and nobody else notices", async () => {
    const reel = await Recorder.open({
      mediaFolders: [join(root, "media")],
      stateFolder: join(root, "state"),
      workers: WORKERS,
    });
    recorder = reel;
    const [first] = await until("the threads", () => (threads.size === WORKERS ? [...threads] : undefined));
    // What an uncaught error in a thread is to its pool, and then its end.
    first?.emit("error", new Error("out of memory"));
    await first?.terminate();
    await until("another thread", () => (threads.size === WORKERS ? true : undefined));
    const stream = reel.streams.open("a");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    await reel.record({ localStreamName: "a", pathToFile: "a", type: "ts", keepAlive: false });
    await write(stream, 0, 50);
    const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
    stream.end("test");
    expect((await closed)[0]).toMatchObject({ videoFrames: 50, audioFrames: 50 });
  });
});
