// The recorder at its edges: slow consumers that are stopped, shared memory that runs out, names that somebody else
// holds. With real workers and real files.

import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, truncate, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { CLAIM_IDLE, CLAIM_STATE_MASK, REC_CLAIM_OFFSET } from "../../src/abi/recording.js";
import { SEG_SIZE } from "../../src/abi/segment.js";
import { silentLogger } from "../../src/base/logger.js";
import { ReelError } from "../../src/base/reel-error.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../src/catalog/segment-report.js";
import { Finisher } from "../../src/recording/finishing/finisher.js";
import type { Recording } from "../../src/recording/lifecycle/recording.js";
import { Naming } from "../../src/recording/naming/naming.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import type { Gap } from "../../src/stream/gap.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { Pools } from "../../src/worker/pools.js";
import { ASC, AVCC, AVCC_OTHER, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const FRAME_90K = 3600;
let root: string;
let recorder: Recorder | undefined;
/** What the recorder has warned of. */
const warnings: string[] = [];

beforeEach(async () => {
  warnings.length = 0;
  root = await mkdtemp(join(tmpdir(), "reel-test-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await recorder?.close();
  recorder = undefined;
  await rm(root, { recursive: true, force: true });
  // Whatever has failed: every name that was reserved has been given back.
  expect(warnings.filter((line) => line.startsWith("names are still reserved"))).toEqual([]);
});

async function open(options: RecorderOptions = {}): Promise<Recorder> {
  recorder = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    workers: 1,
    logger: { ...silentLogger, warn: (_context, line) => warnings.push(line) },
    ...options,
  });
  return recorder;
}

function writeVideo(stream: InStream, from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    const isIdr = i % 25 === 0;
    stream.writeFrame(TRACK_VIDEO, accessUnit([nalUnit(isIdr ? NAL_IDR : NAL_SLICE, 400, i)]), i * FRAME_90K, 0, isIdr);
  }
}

const names = async (): Promise<string[]> => (await readdir(join(root, "media"))).sort();

describe("a recorder in trouble", () => {
  it("ends a stopping recording whose cursor a lag has moved past its end", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    const entry = await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    const opened = once(reel, "segmentOpened");
    writeVideo(stream, 0, 30);
    await opened;
    const closed = once(reel, "segmentClosed");
    const recording = reel.outStreams()[0] as Recording;
    reel.removeConfig(entry.config.configId);
    writeVideo(stream, 30, 30);
    // What the in-stream does with a slow consumer when its ring is full.
    await until("the cursor's lock", () => recording.tryLock());
    recording.jump(stream.ring.head, true);
    recording.unlock();
    await closed;
    await recording.whenEnded;
  });

  it("records what came before the end of the source where a hand-over was asked for before the first file was open", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    const recording = reel.outStreams()[0] as Recording;
    await until("its name", () => recording.segment);
    expect(reel.stopOutStream(recording.id, false)).toBe(true);
    const dispatch = recording.dispatch.bind(recording);
    recording.dispatch = (nowMs, ticket, record) => {
      const item = dispatch(nowMs, ticket, record);
      recording.dispatch = dispatch;
      // The source ends when the worker has come to the place of the hand-over and its word of that is on the way.
      process.nextTick(() => {
        const claim = (item.recording + REC_CLAIM_OFFSET) >>> 2;
        while ((Atomics.load(reel.arena.i32, claim) & CLAIM_STATE_MASK) !== CLAIM_IDLE);
        stream.end("test");
      });
      return item;
    };
    const frames: number[] = [];
    reel.on("segmentClosed", (report) => frames.push(report.videoFrames));
    const ended = once(reel, "inStreamClosed");
    writeVideo(stream, 0, 30);
    await ended;
    expect(frames).toEqual([30]);
  });

  it.each(["ts", "flv"] as const)(
    "counts access units that %s cannot hold as a loss, and not as recorded",
    async (type) => {
      const reel = await open();
      const stream = reel.streams.open("cam");
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
      stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
      await reel.record({ localStreamName: "cam", pathToFile: "x", type });
      const gaps: Gap[] = [];
      reel.on("gap", (gap) => gaps.push(gap));
      const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
      writeVideo(stream, 0, 5);
      stream.writeFrame(TRACK_VIDEO, Uint8Array.of(0, 0, 9, 0, 1), 5 * FRAME_90K, 0, false);
      stream.writeFrame(TRACK_VIDEO, new Uint8Array(0), 6 * FRAME_90K, 0, false);
      writeVideo(stream, 7, 5);
      stream.end("test");
      const [report] = await closed;
      const gap = { cause: "unusable", track: "video", dtsMs: 200, durationMs: 40, frames: 2, bytes: 5 };
      expect(gaps).toEqual([gap]);
      expect(report).toMatchObject({ videoFrames: 10, gaps: [gap], lost: { frames: 2, bytes: 5, durationMs: 40 } });
    },
  );

  describe("whose next segment cannot be opened", () => {
    /** Replaces parts, and one of them is a folder: the recording fails behind its first second. */
    async function failAtTheCut(
      keepAlive: boolean,
    ): Promise<{ reel: Recorder; stream: InStream; counts: { frames: number; lost: number } }> {
      const reel = await open();
      const stream = reel.streams.open("cam");
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
      stream.settle();
      const counts = { frames: 0, lost: 0 };
      reel.on("segmentClosed", (report) => {
        counts.frames += report.videoFrames;
      });
      reel.on("gap", (gap) => {
        counts.lost += gap.frames;
      });
      await mkdir(join(root, "media", "x_part0001.ts"));
      await reel.record({
        localStreamName: "cam",
        pathToFile: "x",
        type: "ts",
        overwrite: true,
        chunkLength: 1,
        keepAlive,
      });
      const failed = once(reel, "segmentFailed");
      writeVideo(stream, 0, 60);
      await failed;
      return { reel, stream, counts };
    }

    it("accounts for every frame until it goes on", async () => {
      const { reel, stream, counts } = await failAtTheCut(true);
      await rm(join(root, "media", "x_part0001.ts"), { recursive: true });
      await once(reel, "outStreamCreated");
      const ended = once(reel, "inStreamClosed");
      writeVideo(stream, 60, 60);
      stream.end("test");
      await ended;
      expect(counts).toEqual({ frames: 25 + 45, lost: 35 + 15 });
    });

    it("accounts for every frame where the source ends before it goes on", async () => {
      const { reel, stream, counts } = await failAtTheCut(true);
      await once(reel, "outStreamCreated");
      const ended = once(reel, "inStreamClosed");
      stream.end("test");
      await ended;
      expect(counts).toEqual({ frames: 25, lost: 35 });
    });

    it("accounts for every frame where its config is removed before it goes on", async () => {
      const { reel, stream, counts } = await failAtTheCut(true);
      writeVideo(stream, 60, 5);
      reel.removeConfig(reel.configs()[0]?.config.configId ?? 0);
      await until("the first segment is final", () => reel.outStreams().length === 0);
      expect(counts).toEqual({ frames: 25, lost: 40 });
    });

    it("accounts for every frame once where it is moved as a slow consumer before it goes on", async () => {
      const { reel, stream, counts } = await failAtTheCut(true);
      await rm(join(root, "media", "x_part0001.ts"), { recursive: true });
      await once(reel, "outStreamCreated");
      const recording = reel.outStreams().find((out) => !(out as Recording).isStopped) as Recording;
      writeVideo(stream, 60, 10);
      // What the in-stream does with a slow consumer when its ring is full.
      await until("the cursor's lock", () => recording.tryLock());
      recording.jump(stream.ring.head, true);
      recording.unlock();
      recording.onGap({ cause: "lag", track: null, dtsMs: 2400, durationMs: 400, frames: 10, bytes: 10 * 408 });
      const ended = once(reel, "inStreamClosed");
      writeVideo(stream, 70, 20);
      stream.end("test");
      await ended;
      expect(counts).toEqual({ frames: 25 + 15, lost: 50 });
    });

    it("accounts for every frame once where it is given up while its next opening hangs", async () => {
      const { reel, stream, counts } = await failAtTheCut(true);
      await rm(join(root, "media", "x_part0001.ts"), { recursive: true });
      await once(reel, "outStreamCreated");
      const second = reel.outStreams().find((out) => !(out as Recording).isStopped) as Recording;
      const dispatch = second.dispatch.bind(second);
      const givenUp = new Promise<void>((resolve) => {
        second.dispatch = (nowMs, ticket, record) => {
          const item = dispatch(nowMs, ticket, record);
          // The worker has opened and written, and its word of that comes after the recorder's patience has ended.
          process.nextTick(() => {
            const claim = (item.recording + REC_CLAIM_OFFSET) >>> 2;
            while ((Atomics.load(reel.arena.i32, claim) & CLAIM_STATE_MASK) !== CLAIM_IDLE);
            second.fail(new ReelError("stuck", "the volume does not answer"));
            resolve();
          });
          return item;
        };
      });
      writeVideo(stream, 60, 30);
      await givenUp;
      const wentOn = once(reel, "outStreamCreated");
      // The ring moves on: what stood at the cursor of the one that was given up is written over.
      for (let i = 90; i < 4000; i += 100) writeVideo(stream, i, 100);
      await wentOn;
      const ended = once(reel, "inStreamClosed");
      writeVideo(stream, 4000, 20);
      stream.end("test");
      await ended;
      const written = stream.statistics[TRACK_VIDEO]?.frames ?? 0;
      expect(counts.frames + counts.lost).toBe(written);
      expect(counts.frames).toBe(25 + 15 + 20);
    });

    it("accounts for what the ring still held where it does not go on", async () => {
      const { reel, counts } = await failAtTheCut(false);
      await until("the first segment is final", () => reel.outStreams().length === 0);
      expect(counts).toEqual({ frames: 25, lost: 35 });
    });
  });

  it("gives a name back where there is no shared memory for its segment", async () => {
    const reel = await open();
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    const allocate = reel.arena.allocate.bind(reel.arena);
    const spy = vi.spyOn(reel.arena, "allocate").mockImplementation((sizeBytes, zeroed) => {
      if (sizeBytes !== SEG_SIZE) return allocate(sizeBytes, zeroed);
      spy.mockRestore();
      throw new ReelError("arenaFull", "no room");
    });
    const failed = once(reel, "segmentFailed");
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts", overwrite: true });
    await failed;
    await once(reel, "outStreamCreated");
    expect(reel.configs()[0]?.status.current.code).toBe(0);
  });

  it("fails alone where the look for its name does not return", async () => {
    const reel = await open({ scheduler: { tickMs: 10, giveUpMs: 200 } });
    const claim = Naming.prototype.claim;
    vi.spyOn(Naming.prototype, "claim").mockImplementation(function (this: Naming, config) {
      return config.pathToFile === "dead" ? new Promise(() => undefined) : claim.call(this, config);
    });
    await reel.record({ localStreamName: "cam", pathToFile: "dead", type: "ts" });
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    const failed = once(reel, "segmentFailed") as Promise<[FailedSegmentReport]>;
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    expect(stream.cursorCount).toBe(2);
    const [report] = await failed;
    // It never got a file: none is named, its ids say whose it is, and it has not streamed.
    const entry = reel.configs().find(({ config }) => config.pathToFile === "dead");
    expect(report).toMatchObject({ code: "stuck", path: "", sequence: 0, configId: entry?.config.configId });
    expect(report.outStreamId).toBeGreaterThan(0);
    expect(entry?.status).toMatchObject({ current: { code: 5 }, previous: { code: 2 } });
    expect(stream.cursorCount).toBe(1);
  });

  it("fails alone where there is no memory for what its next frame takes", async () => {
    const reel = await open({ ringBytes: 1 << 23, scheduler: { tickMs: 10, maxAgeMs: 20, giveUpMs: 200 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts", keepAlive: false });
    const allocate = reel.arena.allocate.bind(reel.arena);
    vi.spyOn(reel.arena, "allocate").mockImplementation((sizeBytes, zeroed) => {
      if (sizeBytes > 1 << 20) throw new ReelError("arenaFull", "no room");
      return allocate(sizeBytes, zeroed);
    });
    const failed = once(reel, "segmentFailed") as Promise<[FailedSegmentReport]>;
    const lost = once(reel, "gap") as Promise<[Gap]>;
    stream.writeFrame(TRACK_VIDEO, accessUnit([nalUnit(NAL_IDR, 2 << 20)]), 0, 0, true);
    expect((await failed)[0]).toMatchObject({ code: "arenaFull" });
    expect((await lost)[0]).toMatchObject({ cause: "writeFailed", frames: 1 });
    expect(stream.cursorCount).toBe(0);
  });

  it.each(["mp4", "ts"] as const)(
    "finishes later (%s) where there is no memory for it, and leaves no descriptor",
    async (type) => {
      const reel = await open();
      const stream = reel.streams.open("cam");
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
      stream.settle();
      await reel.record({ localStreamName: "cam", pathToFile: "x", type });
      const opened = once(reel, "segmentOpened");
      writeVideo(stream, 0, 30);
      await opened;
      const recording = reel.outStreams()[0] as Recording;
      const dispatch = recording.dispatch.bind(recording);
      recording.dispatch = (nowMs, ticket, record) => {
        // The next one who asks is the finish.
        process.nextTick(() => {
          const spy = vi.spyOn(Pools.prototype, "takeOutput").mockImplementation(() => {
            spy.mockRestore();
            throw new ReelError("arenaFull", "no room");
          });
        });
        return dispatch(nowMs, ticket, record);
      };
      const failed = once(reel, "segmentFailed") as Promise<[FailedSegmentReport]>;
      const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
      stream.end("test");
      expect((await failed)[0]).toMatchObject({ code: "arenaFull" });
      expect((await closed)[0]).toMatchObject({ videoFrames: 30 });
      const targets = await Promise.all(
        (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
      );
      expect(targets.filter((path) => path.startsWith(join(root, "media")))).toEqual([]);
    },
  );

  it("keeps no ring of an ended stream for a finish, and what the finish still needs of it", async () => {
    const reel = await open({ ringBytes: 4 << 20 });
    const before = reel.arena.stats().usedBytes;
    let letFinish = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      letFinish = resolve;
    });
    const finish = Pools.prototype.finish;
    const asked = new Promise<void>((resolve) => {
      vi.spyOn(Pools.prototype, "finish").mockImplementation(async function (this: Pools, request) {
        resolve();
        await gate;
        return finish.call(this, request);
      });
    });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "flv" });
    for (let i = 0; i < 25; i++) {
      writeVideo(stream, i, 1);
      for (const at90k of [0, 1920]) stream.writeFrame(TRACK_AUDIO, new Uint8Array(20), i * FRAME_90K + at90k, 0, true);
    }
    const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
    stream.end("test");
    await asked;
    await until("the ring is given back", () => reel.arena.stats().usedBytes < before + stream.ring.capacity);
    expect(reel.outStreams().length).toBe(1);
    // Who gets the memory next writes over what was there.
    const taken = reel.arena.allocate(stream.ring.capacity, false);
    reel.arena.u8.fill(0xff, taken, taken + stream.ring.capacity);
    for (let i = 0; i < 16; i++) {
      const small = reel.arena.allocate(256, false);
      reel.arena.u8.fill(0xff, small, small + 256);
    }
    letFinish();
    const [report] = await closed;
    expect(report).toMatchObject({ videoFrames: 25, audioFrames: 50 });
    expect((await verifyFile(report.path)).defects).toEqual([]);
  });

  it.each([
    ["its journal is deleted", (path: string) => unlink(`${path}.info`), "notFound"],
    ["its journal is no journal any more", (path: string) => truncate(`${path}.info`, 1), "corrupt"],
  ])("ends a finish that cannot succeed, with one event, where %s", async (_name, spoil, code) => {
    const reel = await open();
    const failures: FailedSegmentReport[] = [];
    reel.on("segmentFailed", (report) => failures.push(report));
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "mp4" });
    const opened = once(reel, "segmentOpened");
    writeVideo(stream, 0, 30);
    await opened;
    await spoil(join(root, "media", "x.mp4"));
    stream.end("test");
    await until("the recording has ended", () => reel.outStreams().length === 0);
    expect(failures).toMatchObject([{ code, path: join(root, "media", "x.mp4") }]);
  });

  it("lists what is lost between two segments in the second", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    const makeWay = Finisher.prototype.makeWay;
    const gap: Gap = { cause: "lag", track: null, dtsMs: 1000, durationMs: 40, frames: 1, bytes: 10 };
    vi.spyOn(Finisher.prototype, "makeWay").mockImplementation(function (this: Finisher, path, type) {
      // The in-stream moves a slow consumer while it waits for its next name.
      if (path.endsWith("_part0001.ts")) (reel.outStreams()[0] as Recording).onGap(gap);
      return makeWay.call(this, path, type);
    });
    const reports: ClosedSegmentReport[] = [];
    reel.on("segmentClosed", (report) => reports.push(report));
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts", overwrite: true, chunkLength: 1 });
    const ended = once(reel, "inStreamClosed");
    writeVideo(stream, 0, 50);
    stream.end("test");
    await ended;
    const [first, second] = reports.sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(first?.gaps).toEqual([]);
    expect(second).toMatchObject({ gaps: [gap], lost: { frames: 1 } });
  });

  it("ends the recording of a stream that has not settled when its config is removed", async () => {
    const reel = await open();
    reel.streams.open("cam");
    const entry = await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    reel.removeConfig(entry.config.configId);
    await until("the recording has ended", () => reel.outStreams().length === 0);
  });

  it("takes up no config that was on its way when it was closed", async () => {
    const reel = await open();
    const pending = reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    const closed = reel.close();
    await expect(pending).rejects.toMatchObject({ code: "closed" });
    expect(reel.configs()).toEqual([]);
    await closed;
  });

  it("ends for all who close it at the same time", async () => {
    const reel = await open();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "mp4" });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    writeVideo(stream, 0, 30);
    void reel.close();
    await reel.close();
    expect(await names()).toEqual(["x.mp4"]);
  });

  it("leaves no descriptor of its ledger open where it cannot be opened", async () => {
    await expect(open({ arenaMib: 0.01 })).rejects.toThrow();
    const targets = await Promise.all(
      (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    expect(targets.filter((path) => path.startsWith(root))).toEqual([]);
  });

  it("reports what a slow consumer skipped also where the source ends before its next random access point", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    writeVideo(stream, 0, 30);
    const recording = reel.outStreams()[0] as Recording;
    await until("all is drained", () => recording.tail() === stream.ring.head);
    await until("the cursor's lock", () => recording.tryLock());
    recording.jump(stream.ring.head, true);
    recording.unlock();
    const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
    writeVideo(stream, 30, 15);
    stream.end("test");
    const [report] = await closed;
    expect(report).toMatchObject({
      videoFrames: 30,
      gaps: [{ cause: "lag", dtsMs: 1200, durationMs: 560, frames: 15 }],
      lost: { frames: 15 },
    });
  });

  it("does not write into a part that another recording holds, also with overwrite=1", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    const files: string[] = [];
    reel.on("segmentClosed", (report) => files.push(`${report.path.slice(root.length + 7)} ${report.videoFrames}`));
    await reel.record({ localStreamName: "cam", pathToFile: "x_part0000.ts", type: "ts", overwrite: true });
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts", overwrite: true, chunkLength: 600 });
    writeVideo(stream, 0, 30);
    const ended = once(reel, "inStreamClosed");
    stream.end("test");
    await ended;
    expect(files.sort()).toEqual(["x_part0000.ts 30", "x_part0000_0001.ts 30"]);
  });

  it("goes on with the next number behind a numbered file where the decoder configuration changes", async () => {
    const reel = await open();
    for (let run = 0; run < 2; run++) {
      const stream = reel.streams.open("cam");
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
      if (run === 0) await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
      writeVideo(stream, 0, 25);
      if (run === 1) {
        stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC_OTHER);
        writeVideo(stream, 25, 25);
      }
      const ended = once(reel, "inStreamClosed");
      stream.end("test");
      await ended;
    }
    expect(await names()).toEqual(["x.ts", "x_0001.ts", "x_0002.ts"]);
  });

  it.each(["mp4", "ts"] as const)(
    "opens no next part (%s) behind a symbolic link that has taken the place of its folder",
    async (type) => {
      const reel = await open();
      const stream = reel.streams.open("cam");
      stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
      stream.settle();
      const folder = join(root, "media", "cam");
      const outside = join(root, "outside");
      for (const path of [folder, outside]) await mkdir(path);
      await reel.record({ localStreamName: "cam", pathToFile: "cam/x", type, chunkLength: 1, keepAlive: false });
      const opened = once(reel, "segmentOpened");
      writeVideo(stream, 0, 20);
      await opened;
      await rename(folder, `${folder}-old`);
      await symlink(outside, folder);
      const failed = new Promise((resolve) =>
        reel.on("segmentFailed", (report) => report.code === "badPath" && resolve(report)),
      );
      writeVideo(stream, 20, 20);
      // A part that has no file yet, or is named no more: the folder of its predecessor was looked for first.
      expect([join(folder, `x_part0001.${type}`), ""]).toContain(((await failed) as { path: string }).path);
      expect(await readdir(outside)).toEqual([]);
    },
  );

  it("drops the audio in front of a hand-over's random access point where it has dropped the video", async () => {
    const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    const writeAudio = (at90k: number): boolean => stream.writeFrame(TRACK_AUDIO, new Uint8Array(20), at90k, 0, true);
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    const first = reel.outStreams()[0] as Recording;
    writeVideo(stream, 1, 3);
    await until("the video in front is dropped", () => first.tail() === stream.ring.head);
    const created = once(reel, "outStreamCreated");
    reel.stopOutStream(first.id, false);
    writeAudio(4 * FRAME_90K);
    await created;
    writeAudio(5 * FRAME_90K);
    const closed = once(reel, "segmentClosed") as Promise<[ClosedSegmentReport]>;
    writeVideo(stream, 25, 5);
    writeAudio(29 * FRAME_90K);
    stream.end("test");
    expect((await closed)[0]).toMatchObject({ videoFrames: 5, audioFrames: 1 });
  });

  it("makes no folder through a symbolic link that leads out of the media folder", async () => {
    const reel = await open();
    const outside = join(root, "outside");
    await mkdir(outside);
    await symlink(outside, join(root, "media", "link"));
    const options = { localStreamName: "cam", pathToFile: "link/days", dateFolderStructure: true };
    await expect(reel.record(options)).rejects.toMatchObject({ code: "badPath" });
    expect(await readdir(outside)).toEqual([]);
  });

  it("starts a recording later where there is no shared memory for it", async () => {
    const reel = await open({ arenaMib: 16 });
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    const taken: number[] = [];
    for (const sizeBytes of [1 << 20, 1 << 12, 64]) {
      try {
        for (;;) taken.push(reel.arena.allocate(sizeBytes, false));
      } catch (error) {
        expect(error).toMatchObject({ code: "arenaFull" });
      }
    }
    const entry = await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    expect(reel.outStreams()).toEqual([]);
    expect(entry.status.current.code).toBe(5);
    const gaps: Gap[] = [];
    reel.on("gap", (gap) => gaps.push(gap));
    writeVideo(stream, 0, 10);
    for (const pointer of taken) reel.arena.free(pointer);
    await once(reel, "outStreamCreated");
    expect(entry.computedPathToFile).toBe("x.ts");
    // What passed meanwhile is a loss like any other.
    const ended = once(reel, "inStreamClosed");
    writeVideo(stream, 25, 10);
    stream.end("test");
    await ended;
    expect(gaps).toMatchObject([{ cause: "writeFailed", frames: 10 }]);
  });

  it("announces no end of a recording whose beginning was not announced", async () => {
    const reel = await open();
    const seen: string[] = [];
    for (const name of ["outStreamCreated", "outStreamClosed", "segmentFailed", "inStreamClosed"] as const)
      reel.on(name, () => seen.push(name));
    await mkdir(join(root, "media", "gone"));
    await reel.record({ localStreamName: "cam", pathToFile: "gone/x", type: "ts", keepAlive: false });
    await rm(join(root, "media", "gone"), { recursive: true });
    const stream = reel.streams.open("cam");
    await once(reel, "segmentFailed");
    stream.end("test");
    await until("the in-stream is closed", () => seen.includes("inStreamClosed"));
    expect(seen).toEqual(["segmentFailed", "inStreamClosed"]);
  });

  it("stops the successor too where a handed-over recording is shut down for good", async () => {
    const reel = await open();
    const stream = reel.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
    writeVideo(stream, 0, 20);
    await once(reel, "segmentOpened");
    const first = reel.outStreams()[0]?.id ?? 0;
    const created = once(reel, "outStreamCreated");
    expect(reel.stopOutStream(first, false)).toBe(true);
    writeVideo(stream, 20, 20);
    // The old one is still being finished when its successor is announced, or has just been.
    await created;
    const isThere = reel.outStreams().some((out) => out.id === first);
    expect(reel.stopOutStream(first, true)).toBe(isThere);
    if (!isThere) reel.removeConfig(reel.configs()[0]?.config.configId ?? 0);
    await until("nothing is recorded any more", () => reel.outStreams().length === 0);
    expect(reel.configs()).toEqual([]);
  });
});
