// Recordings that begin with what their stream has spilled to disk: every frame once, in every container, over cuts and
// stops, and with a gap that is told where the disk has lost something.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, mkdtemp, open as openFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReelError } from "../../../../src/base/reel-error.js";
import type { ClosedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { Replay } from "../../../../src/recording/past/replay.js";
import { Recorder } from "../../../../src/recording/recorder.js";
import type { RecorderOptions } from "../../../../src/recording/recorder-options.js";
import type { KeptPast } from "../../../../src/stream/past.js";
import { LoopedSource } from "../../../support/looped-source.js";
import { picturesOf, sentPictures } from "../../../support/sent-pictures.js";
import { until } from "../../../support/until.js";

const MIB = 1024 * 1024;
const TYPES = ["mp4", "ts", "flv"] as const;
let root: string;
let recorder: Recorder;
let closed: ClosedSegmentReport[];
let short: { name: string; kept: KeptPast }[];

async function open(options: RecorderOptions = {}): Promise<void> {
  recorder = await Recorder.open({
    ...{ mediaFolders: [join(root, "media")], stateFolder: join(root, "state"), workers: 1 },
    ...{ preRecordSeconds: 60, preRecordMib: 1, preRecordSpillMib: 64, preRecordSpillFolder: join(root, "spill") },
    ...options,
  });
  recorder.on("segmentClosed", (report) => closed.push(report));
  recorder.on("pastShort", (name, kept) => short.push({ name, kept }));
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-spill-"));
  [closed, short] = [[], []];
});
afterEach(async () => {
  await recorder.close();
  await rm(root, { recursive: true, force: true });
});

/** A second at a time, so that the disk gets its turn. */
async function write(source: LoopedSource, fromMs: number, toMs: number): Promise<void> {
  for (let upToMs = fromMs; upToMs < toMs; ) {
    upToMs = Math.min(toMs, upToMs + 1000);
    await source.writeUpTo(upToMs);
    await new Promise(setImmediate);
  }
}

/** Beginnings of the pictures of all files, in order. */
function recorded(type: (typeof TYPES)[number]): string[] {
  const own = closed.filter(({ container }) => container === type).sort((a, b) => (a.path < b.path ? -1 : 1));
  return own.flatMap(({ path }) => picturesOf(path, type)).map(beginningOf);
}

const sent = (source: LoopedSource, fromMs: number, toMs: number): string[] =>
  sentPictures(source, fromMs, toMs).map(beginningOf);

const beginningOf = (picture: string): string => picture.slice(0, 32);

const memoryOf = (source: LoopedSource): number => source.stream.past?.keptBytes ?? -1;
const diskOf = (source: LoopedSource): number => source.stream.past?.spilledBytes ?? -1;

describe("a past that is larger than its memory", () => {
  it("goes to the disk, and a recording begins there with every frame, once", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 50_500);
    expect(memoryOf(source)).toBeLessThanOrEqual(MIB);
    expect(diskOf(source)).toBeGreaterThan(3 * MIB);
    expect(source.stream.past?.keptSeconds).toBeGreaterThan(50);
    for (const type of TYPES)
      await recorder.record({ localStreamName: "cam", pathToFile: type, type, from: 40, chunkLength: 15 });
    await write(source, 50_500, 60_000);
    await until("all read the stream's own ring", () => recorder.outStreams().every(({ lagMs }) => lagMs < 1000));
    await write(source, 60_000, 64_000);
    source.stream.end("test");
    await until("all files are closed", () => recorder.outStreams().length === 0);
    // The last pictures are those at 50 480 ms: 40 s before them the newest point is that at 10 000 ms.
    for (const type of TYPES) expect(recorded(type), type).toEqual(sent(source, 10_000, 64_000));
    for (const { path, gaps } of closed) expect(gaps, path).toEqual([]);
    expect(closed.length).toBe(TYPES.length * 4);
    expect(short).toEqual([]);
  });

  it("is read to the place where a stop came, and to the end of a stream that ends meanwhile", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    const [stopped] = await Promise.all(
      TYPES.slice(0, 2).map((type) => recorder.record({ localStreamName: "cam", pathToFile: type, type, from: 20 })),
    );
    recorder.removeConfig(stopped?.config.configId ?? -1);
    await source.writeUpTo(31_000);
    source.stream.end("test");
    await until("both files are closed", () => recorder.outStreams().length === 0);
    expect(recorded("mp4")).toEqual(sent(source, 10_000, 30_500));
    expect(recorded("ts")).toEqual(sent(source, 10_000, 31_000));
    expect(closed.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  it("takes a place that is waited for from the ring to the disk", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await source.writeUpTo(5000);
    expect(diskOf(source)).toBe(0);
    const started = recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 5 });
    await source.writeUpTo(30_000);
    expect(memoryOf(source)).toBeLessThanOrEqual(MIB);
    await started;
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("ts")).toEqual(sent(source, 0, 30_000));
    expect(closed.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  it("stays while it is read, however long ago it was", async () => {
    await open({ preRecordSeconds: 20 });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    await recorder.record({ localStreamName: "cam", pathToFile: "flv", type: "flv", from: 20 });
    await source.writeUpTo(75_000);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("flv")).toEqual(sent(source, 10_000, 75_000));
    expect(closed.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  it("that is given up while it is read is a gap of all that is missing", async () => {
    await open({ preRecordSpillMib: 3 });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    let missing = 0;
    recorder.on("gap", ({ cause, frames }) => {
      expect(cause).toBe("lag");
      missing += frames;
    });
    await recorder.record({ localStreamName: "cam", pathToFile: "mp4", type: "mp4", from: 20 });
    await source.writeUpTo(100_000);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    const [file] = closed;
    const taken = (file?.videoFrames ?? 0) + (file?.audioFrames ?? 0);
    expect([missing > 0, taken > 500]).toEqual([true, true]);
    expect(taken + missing).toBe(source.framesBetween(10_000, 100_000).length);
  });

  it("keeps what fits on the disk, and tells once that this is less than it should be", async () => {
    await open({ preRecordSpillMib: 2 });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 50_500);
    expect(memoryOf(source)).toBeLessThanOrEqual(MIB);
    expect(diskOf(source)).toBeLessThanOrEqual(2 * MIB);
    expect(source.stream.past?.keptSeconds).toBeGreaterThan(20);
    expect(short.map(({ name }) => name)).toEqual(["cam"]);
    await expect(recorder.record({ localStreamName: "cam", pathToFile: "x", from: 45 })).rejects.toMatchObject({
      code: "limit",
    });
  });

  it("is what memory holds where the disk cannot be used, and no recording suffers for it", async () => {
    writeFileSync(join(root, "spill"), "a file");
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts" });
    await write(source, 0, 40_500);
    expect(memoryOf(source)).toBeLessThanOrEqual(MIB);
    expect(diskOf(source)).toBe(0);
    expect(short.map(({ name }) => name)).toEqual(["cam"]);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("ts")).toEqual(sent(source, 0, 40_500));
    expect(closed.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  it("leaves no name on the disk, and removes one that a crash has left", async () => {
    const spill = join(root, "spill");
    mkdirSync(spill);
    writeFileSync(join(spill, "past-0.spill"), "");
    writeFileSync(join(spill, "another's"), "");
    await open();
    await write(new LoopedSource(recorder.streams.open("cam")), 0, 30_000);
    await until("the crash's name is gone", () => readdirSync(spill).length === 1);
    expect(readdirSync(spill)).toEqual(["another's"]);
    rmSync(join(spill, "another's"));
  });

  it("gives its blocks back when the stream ends", async () => {
    await open();
    const used = (): number => recorder.collect().find(({ name }) => name === "reel_past_spilled_bytes")?.value ?? -1;
    for (const name of ["a", "b"]) {
      const source = new LoopedSource(recorder.streams.open(name));
      await write(source, 0, 30_000);
      expect(used()).toBeGreaterThan(MIB);
      source.stream.end("test");
      await until("the disk holds nothing", () => used() === 0);
    }
  });

  it("that gives way behind a stop is a gap up to the stop, and not beyond", async () => {
    await open({ preRecordSpillMib: 3 });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    let missing = 0;
    recorder.on("gap", ({ frames }) => {
      missing += frames;
    });
    const stopped = await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    recorder.removeConfig(stopped.config.configId);
    await source.writeUpTo(100_000);
    await until("it has ended", () => recorder.outStreams().length === 0);
    const taken = closed.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0);
    expect(missing).toBeGreaterThan(0);
    expect(taken + missing).toBe(source.framesBetween(10_000, 30_500).length);
  });

  it("on a disk that does not answer is a gap, and neither a recording nor the end waits for it", async () => {
    await open({ scheduler: { giveUpMs: 300 } });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    await until("all is written", () => diskOf(source) > MIB);
    const file = await openFile(join(root, "any"), "w");
    const hangs = vi.spyOn(Object.getPrototypeOf(file) as FileHandle, "read");
    await file.close();
    let letGo: (() => void) | undefined;
    hangs.mockImplementation(() => new Promise((_resolve, reject) => (letGo = () => reject(new Error("gone")))));
    let missing = 0;
    recorder.on("gap", ({ frames }) => {
      missing += frames;
    });
    await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    await until("a read hangs", () => letGo !== undefined);
    await until("the recording has come to the ring", () => source.stream.cursorCount === 1);
    await source.writeUpTo(33_000);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    hangs.mockRestore();
    letGo?.();
    const [one] = closed;
    const taken = (one?.videoFrames ?? 0) + (one?.audioFrames ?? 0);
    expect([missing > 0, taken > 50]).toEqual([true, true]);
    expect(taken + missing).toBe(source.framesBetween(10_000, 33_000).length);
  });

  it("counts what a recording reads of it as memory, until it is read", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    const readBytes = (): number =>
      (recorder.collect().find(({ name }) => name === "reel_past_kept_bytes")?.value ?? -1) - memoryOf(source);
    expect(readBytes()).toBe(0);
    await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    await until("a stretch is read", () => readBytes() >= 256 * 1024);
    await until("all is read", () => readBytes() === 0);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("ts")).toEqual(sent(source, 10_000, 30_500));
  });

  it("is left for the stream's ring while frames go on coming", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    let upToMs = 30_500;
    const end = performance.now() + 10_000;
    // Twenty times as fast as live.
    while (source.stream.cursorCount === 0 && performance.now() < end) {
      upToMs += 40;
      await source.writeUpTo(upToMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(source.stream.cursorCount).toBe(1);
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("ts")).toEqual(sent(source, 10_000, upToMs));
  });

  it("is left for the stream's ring, though a frame comes each time more is taken", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    let upToMs = 30_500;
    let isWriting = false;
    const feed = Replay.prototype.feed;
    const spy = vi.spyOn(Replay.prototype, "feed").mockImplementation(function (this: Replay) {
      if (!isWriting) {
        isWriting = true;
        // Whole pictures: each call finds one more.
        upToMs += 40;
        void source.writeUpTo(upToMs);
        isWriting = false;
      }
      feed.call(this);
    });
    await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    await until("it reads the stream's own ring", () => source.stream.cursorCount === 1);
    spy.mockRestore();
    source.stream.end("test");
    await until("the file is closed", () => recorder.outStreams().length === 0);
    expect(recorded("ts")).toEqual(sent(source, 10_000, upToMs));
    expect(closed.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  it("is not held by a recording for which there was no memory", async () => {
    await open();
    const source = new LoopedSource(recorder.streams.open("cam"));
    await write(source, 0, 30_500);
    const allocate = recorder.arena.allocate.bind(recorder.arena);
    const spy = vi.spyOn(recorder.arena, "allocate").mockImplementation((bytes, zero) => {
      if (bytes === 2 * source.stream.ring.capacity || bytes === MIB) throw new ReelError("arenaFull", "no memory");
      return allocate(bytes, zero);
    });
    const { config } = await recorder.record({ localStreamName: "cam", pathToFile: "ts", type: "ts", from: 20 });
    spy.mockRestore();
    recorder.removeConfig(config.configId);
    expect(recorder.outStreams()).toEqual([]);
    source.stream.end("test");
    const used = (): number => recorder.collect().find(({ name }) => name === "reel_past_spilled_bytes")?.value ?? -1;
    await until("the disk holds nothing", () => used() === 0);
  });
});
