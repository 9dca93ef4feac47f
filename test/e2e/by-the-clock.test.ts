// Recordings by the clock: cuts at the full hour also where the clocks change, schedules, durations, cuts by size and
// by command. The clock is the test's, media runs with it, and every frame is in exactly one file.

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import type { RecordOptions } from "../../src/recording/record-config.js";
import { Recorder } from "../../src/recording/recorder.js";
import { LoopedSource } from "../support/looped-source.js";
import { readMp4 } from "../support/mp4-reader.js";
import { expectedFrame, readFrames } from "../support/oracle.js";
import { until } from "../support/until.js";

const TYPES = ["mp4", "ts", "flv"] as const;
const STEP_MS = 500;
let root = "";
let recorder: Recorder;
let closed: ClosedSegmentReport[] = [];
/** Paths, in the order of their beginnings: a file may be final before the one in front of it. */
let opened: string[] = [];
/** Of the wall clock, from where a test wants it. */
let aheadMs = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-clock-"));
  closed = [];
  opened = [];
});
afterEach(async () => {
  await recorder?.close();
  await rm(root, { recursive: true, force: true });
});

/** At that wall time, which goes on only as `play` says. */
async function open(at: string): Promise<void> {
  let stepMs = 0;
  const zeroMs = Date.parse(at);
  aheadMs = 0;
  const clock = { wallMs: () => zeroMs + aheadMs, monotonicMs: () => performance.now() + stepMs };
  // So that nobody waits for drains.
  const scheduler = { maxAgeMs: 100, tickMs: 20 };
  recorder = await Recorder.open({
    ...{ mediaFolders: [join(root, "media")], stateFolder: join(root, "state"), clock, scheduler },
  });
  recorder.on("segmentOpened", ({ path }) => opened.push(path));
  recorder.on("segmentClosed", (report) => closed.push(report));
  advance = (ms) => {
    aheadMs += ms;
    stepMs += ms;
  };
}
let advance: (ms: number) => void = () => {};

/** Media and the clock go on together, and what comes is drained. */
async function play(source: LoopedSource, toMs: number): Promise<void> {
  for (let atMs = aheadMs + STEP_MS; atMs <= toMs; atMs += STEP_MS) {
    advance(STEP_MS);
    await source.writeUpTo(atMs);
    const isDrained = (): boolean => recorder.outStreams().every(({ isStopped, lagMs }) => isStopped || lagMs < 450);
    await until("it is drained", isDrained);
  }
}

async function end(source: LoopedSource, files: number): Promise<ClosedSegmentReport[]> {
  source.stream.end("test");
  await until("all files are closed", () => closed.length >= files && recorder.outStreams().length === 0);
  return closed.sort((a, b) => opened.indexOf(a.path) - opened.indexOf(b.path));
}

function contentOf(path: string, type: (typeof TYPES)[number]): string[] {
  const bytes = readFileSync(path);
  if (type !== "mp4")
    return readFrames(type, bytes).flatMap(({ track, content }) => (track === "video" ? [content] : []));
  const samples = readMp4(path).video?.samples ?? [];
  return samples.map(({ offset, sizeBytes }) => bytes.subarray(offset + 4, offset + sizeBytes).toString("hex"));
}

function picturesOf(source: LoopedSource, fromMs: number, toMs: number): string[] {
  return source
    .framesBetween(fromMs, toMs)
    .flatMap((frame) => (frame.track === TRACK_VIDEO ? [expectedFrame("ts", frame, 0).content] : []));
}

/** Every picture once, in the order in which it came. */
function expectWhole(source: LoopedSource, reports: readonly ClosedSegmentReport[], toMs: number): void {
  for (const type of TYPES) {
    const own = reports.filter(({ container }) => container === type);
    if (own.length === 0) continue;
    expect(
      own.flatMap(({ path }) => contentOf(path, type)),
      type,
    ).toEqual(picturesOf(source, 0, toMs));
    const audio = source.framesBetween(0, toMs).filter(({ track }) => track !== TRACK_VIDEO).length;
    expect(
      own.reduce((sum, { audioFrames }) => sum + audioFrames, 0),
      type,
    ).toBe(audio);
    expect(
      own.flatMap(({ gaps }) => gaps),
      type,
    ).toEqual([]);
  }
}

const seconds = (reports: readonly ClosedSegmentReport[]): number[] =>
  reports.map(({ durationMs }) => Math.round(durationMs / 1000));

function wish(type: (typeof TYPES)[number], more: Partial<RecordOptions>): RecordOptions {
  return { localStreamName: "cam", pathToFile: type, type, ...more };
}

describe("an aligned recording", () => {
  it("is cut at the first random access point at or after the full hour, with every frame in one file", async () => {
    await open("2026-11-27T11:59:56.500Z");
    for (const type of TYPES) await recorder.record(wish(type, { alignTo: 3600, zone: "Asia/Tokyo" }));
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 8000);
    const reports = await end(source, 6);
    expectWhole(source, reports, 8000);
    for (const type of TYPES) {
      const own = reports.filter(({ container }) => container === type);
      // It is 12:00 when 3.5 s have come; the next random access point is at 4 s.
      expect(seconds(own), type).toEqual([4, 4]);
      expect(own.map(({ path }) => basename(path))).toEqual([`${type}_part0000.${type}`, `${type}_part0001.${type}`]);
      const [first, second] = own as [ClosedSegmentReport, ClosedSegmentReport];
      expect(first.alignOffsetMs).toBeUndefined();
      // Frames of half a second come at once, and some wait to be drained.
      expect(second.alignOffsetMs, type).toBeGreaterThanOrEqual(0);
      expect(second.alignOffsetMs, type).toBeLessThanOrEqual(1500);
      expect(second.startedMs).toBeCloseTo(Date.parse("2026-11-27T12:00:00Z") + (second.alignOffsetMs ?? 0), 1);
    }
  });

  it.each([
    ["back", "2026-10-25T00:59:57.500Z", ["0259+0200", "0200+0100"]],
    ["forward", "2026-03-29T00:59:57.500Z", ["0159+0100", "0300+0200"]],
  ])("is cut by local time where the clocks go %s, and named by it", async (_how, at, names) => {
    await open(at);
    for (const type of TYPES)
      await recorder.record(wish(type, { alignTo: 3600, zone: "Europe/Berlin", pathToFile: "{stream}/%H%M%z" }));
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 6000);
    const reports = await end(source, 6);
    expectWhole(source, reports, 6000);
    for (const type of TYPES) {
      const own = reports.filter(({ container }) => container === type);
      expect(seconds(own), type).toEqual([3, 3]);
      expect(own.map(({ path }) => basename(path))).toEqual(names.map((name) => `${name}.${type}`));
    }
  });
});

describe("a schedule", () => {
  it("records in its windows, each frame of them once, and nothing of what lies between", async () => {
    await open("2026-11-27T06:59:58.000Z");
    const schedule = "Fri@08:00-08:01,09:00-09:01@Europe/Berlin";
    const { config } = await recorder.record(wish("ts", { schedule }));
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 1500);
    expect(recorder.outStreams()).toEqual([]);
    expect(recorder.configs()[0]?.status.current.code).toBe(2);
    advance(500);
    await until("it records", () => recorder.outStreams().length === 1);
    await play(source, 5000);
    advance(60_000);
    await until("it has ended", () => closed.length === 1 && recorder.outStreams().length === 0);
    expect(recorder.configs().map(({ config: { configId } }) => configId)).toEqual([config.configId]);
    await source.writeUpTo(7000);
    advance(3_600_000 - 60_000);
    await until("it records again", () => recorder.outStreams().length === 1);
    await source.writeUpTo(9000);
    const reports = await end(source, 2);
    // What came between the windows is no gap. Both begin at a random access point.
    expect(reports.flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(reports.map(({ path }) => contentOf(path, "ts"))).toEqual([
      picturesOf(source, 2000, 5000),
      picturesOf(source, 7000, 9000),
    ]);
  });
});

describe("a duration", () => {
  it("ends the recording and its config, later where the command is repeated", async () => {
    await open("2026-11-27T12:00:00.000Z");
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 1000);
    const motion = wish("ts", { duration: 60 });
    const { config } = await recorder.record(motion);
    await play(source, 4000);
    advance(40_000);
    expect((await recorder.record(motion)).config.configId).toBe(config.configId);
    expect((await recorder.record(wish("flv", { duration: 60 }))).config.configId).not.toBe(config.configId);
    advance(40_000);
    await source.writeUpTo(8000);
    await until("both have it", () => recorder.outStreams().every(({ lagMs }) => lagMs < 450));
    expect(recorder.configs().length).toBe(2);
    advance(21_000);
    await until("both have ended", () => recorder.configs().length === 0 && closed.length === 2);
    expect(source.stream.ended).toBe(false);
    expect(closed.map(({ durationMs }) => durationMs > 2000)).toEqual([true, true]);
  });
});

describe("a file", () => {
  it("ends at the first random access point behind so many bytes, wherever drains fall", async () => {
    await open("2026-11-27T12:00:00.000Z");
    for (const type of TYPES) await recorder.record(wish(type, { maxBytes: 150_000 }));
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 4000);
    await source.writeUpTo(10_000);
    const reports = await end(source, 9);
    expectWhole(source, reports, 10_000);
    const own = (type: string): number[] => seconds(reports.filter(({ container }) => container === type));
    expect(own("ts").length).toBeGreaterThan(3);
    expect(own("flv")).toEqual(own("ts"));
    expect(own("mp4")).toEqual(own("ts"));
    for (const { sizeBytes, container } of reports.slice(0, -3)) expect(sizeBytes, container).toBeGreaterThan(150_000);
  });

  it("is cut now by command, at the next random access point, of all recordings of a stream", async () => {
    await open("2026-11-27T12:00:00.000Z");
    for (const type of TYPES) await recorder.record(wish(type, {}));
    const source = new LoopedSource(recorder.streams.open("cam"));
    await play(source, 1500);
    expect(recorder.outStreams().map(({ id }) => recorder.cutOutStream(id))).toEqual([true, true, true]);
    await play(source, 4000);
    const reports = await end(source, 6);
    expectWhole(source, reports, 4000);
    expect(reports.map(({ path }) => basename(path)).sort()).toEqual(
      TYPES.flatMap((type) => [`${type}.${type}`, `${type}_0001.${type}`]).sort(),
    );
    for (const type of TYPES) expect(seconds(reports.filter((r) => r.container === type)), type).toEqual([2, 2]);
    expect(recorder.cutOutStream(99)).toBe(false);
  });
});
