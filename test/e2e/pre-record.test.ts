// Recordings that begin before their command: frame-exact at the random access point, for every container, with many
// streams at once (fifty in the long run), and with the memory that the metrics tell.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { LoopedSource } from "../support/looped-source.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { picturesOf, sentPictures } from "../support/sent-pictures.js";
import { until } from "../support/until.js";

const STREAMS = effort(15, 50);
const TYPES = ["mp4", "ts", "flv"] as const;
const MIB = 1024 * 1024;
const opened: { recorder: Recorder; root: string }[] = [];

// Each has a recorder or a server of its own, and most wait for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  for (const { recorder, root } of opened) {
    await recorder.close();
    await rm(root, { recursive: true, force: true });
  }
});

async function open(options: RecorderOptions): Promise<Recorder> {
  const root = await mkdtemp(join(tmpdir(), "reel-past-"));
  const recorder = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    ...options,
  });
  opened.push({ recorder, root });
  return recorder;
}

describe.concurrent("a recording from the past", () => {
  it("of many streams begins at the random access point at or before 15 s ago", { timeout: 120_000 }, async () => {
    const recorder = await open({ preRecordSeconds: 16 });
    const closed: ClosedSegmentReport[] = [];
    recorder.on("segmentClosed", (report) => closed.push(report));
    const before = recorder.arena.stats().usedBytes;
    const sources = Array.from({ length: STREAMS }, (_, i) => new LoopedSource(recorder.streams.open(`cam${i}`)));
    // The last pictures are those at 40 480 ms: 15 s before them the newest point is that at 25 000 ms.
    for (let upToMs = 1000; upToMs <= 40_000; upToMs += 1000)
      for (const source of sources) await source.writeUpTo(upToMs);
    for (const source of sources) await source.writeUpTo(40_500);
    const metric = (name: string): number => recorder.collect().find((sample) => sample.name === name)?.value ?? -1;
    const kept = metric("reel_past_kept_bytes");
    // 16 to 17 s of some 84 KB/s of video and 9 KB/s of sound, each frame with its header.
    expect(kept / STREAMS).toBeGreaterThan(16 * 85_000);
    expect(kept / STREAMS).toBeLessThan(17 * 110_000);
    const rings = sources.reduce((sum, { stream }) => sum + stream.ring.capacity, 0);
    expect(rings, "rings are powers of two").toBeLessThanOrEqual(STREAMS * 4 * MIB);
    expect(recorder.arena.stats().usedBytes - before).toBeLessThan(rings + STREAMS * 0.1 * MIB);
    const commandMs = Date.now();
    await Promise.all(
      sources.map((_, i) =>
        recorder.record({ localStreamName: `cam${i}`, pathToFile: `cam${i}`, type: TYPES[i % 3] ?? "ts", from: 15 }),
      ),
    );
    const recordedMs = Date.now();
    for (const source of sources) await source.writeUpTo(45_000);
    for (const source of sources) source.stream.end("test");
    await until("all files are closed", () => closed.length === STREAMS);
    expect(metric("reel_past_kept_bytes")).toBe(0);
    for (const { path, gaps, startedMs, videoFrames } of closed) {
      const i = Number(/cam(\d+)\./.exec(path)?.[1]);
      const type = TYPES[i % 3] ?? "ts";
      const sent = sentPictures(sources[i] as LoopedSource, 25_000, 45_000);
      expect(videoFrames, path).toBe(sent.length);
      expect(gaps, path).toEqual([]);
      // It began when its first picture came: 15.48 s before the newest one, or a frame of sound later.
      expect(startedMs, path).toBeGreaterThanOrEqual(commandMs - 15_500);
      expect(startedMs, path).toBeLessThanOrEqual(recordedMs - 15_480);
      expect(picturesOf(path, type), path).toEqual(sent);
    }
  });

  it("beside one that runs takes nothing from it, and begins at the newest point where it is asked to", async () => {
    const recorder = await open({ preRecordStreams: { cam: 8 } });
    const closed = new Map<string, ClosedSegmentReport>();
    recorder.on("segmentClosed", (report) => closed.set(report.path, report));
    await recorder.record({ localStreamName: "cam", pathToFile: "whole", type: "ts" });
    const source = new LoopedSource(recorder.streams.open("cam"));
    for (let upToMs = 2500; upToMs <= 12_500; upToMs += 2500) {
      await source.writeUpTo(upToMs);
      await until("it is in the file", () => recorder.outStreams().every(({ lagMs }) => lagMs < 400));
    }
    await recorder.record({ localStreamName: "cam", pathToFile: "past", type: "flv", from: 8 });
    await recorder.record({ localStreamName: "cam", pathToFile: "newest", type: "mp4", from: "lastRandomAccessPoint" });
    await source.writeUpTo(15_000);
    source.stream.end("test");
    await until("all files are closed", () => closed.size === 3);
    for (const [name, fromMs] of [
      ["whole.ts", 0],
      ["past.flv", 4000],
      ["newest.mp4", 12_000],
    ] as const) {
      const path = join(recorder.mediaFolders[0] ?? "", name);
      expect(closed.get(path)?.gaps, name).toEqual([]);
      const type = TYPES.find((container) => name.endsWith(container)) ?? "ts";
      expect(picturesOf(path, type), name).toEqual(sentPictures(source, fromMs, 15_000));
    }
  });

  it("is refused where so much is not kept, or nothing", async () => {
    const recorder = await open({ preRecordStreams: { cam: 5 } });
    const record = (localStreamName: string, from: number) =>
      recorder.record({ localStreamName, pathToFile: localStreamName, from });
    await new LoopedSource(recorder.streams.open("cam")).writeUpTo(10_000);
    await new LoopedSource(recorder.streams.open("other")).writeUpTo(10_000);
    await expect(record("cam", 6)).rejects.toThrow("cam keeps 5 s of its past (preRecord.seconds)");
    await expect(record("other", 1)).rejects.toThrow(
      "other keeps nothing of its past: set preRecord.seconds in reel.json",
    );
    expect(recorder.configs()).toEqual([]);
    // One that is yet to come begins with its first frame anyway.
    await record("later", 60);
    expect(recorder.configs().length).toBe(1);
  });

  it("that a client begins on inStreamCreated has the first picture, however late the command comes", async () => {
    const clip = await makeClip({ seconds: 6, video: { gopFrames: 25 } });
    const server = await ReelProcess.start({ config: { preRecord: { seconds: 30 } } });
    const control = await Control.connect(server);
    const publisher = publishWithFfmpeg({ url: server.rtmpUrl("cam"), input: clip });
    await control.wait("inStreamCreated");
    // A client that takes its time: more than a group of pictures has come by then.
    await until("two groups of pictures have come", async () => {
      const { data } = await control.send("getStreamInfo localStreamName=cam");
      return ((data as { video?: { packetsCount: number } } | null)?.video?.packetsCount ?? 0) > 50;
    });
    await control.succeed("record localStreamName=cam pathToFile=cam type=mp4 from=-30");
    await publisher.exited;
    await control.wait("recordChunkClosed");
    const [sent, found] = await Promise.all(
      [clip, server.file("cam.mp4")].map((path) => ffprobe(path, { hash: true })),
    );
    const hashes = (file: typeof sent): (string | undefined)[] => file?.video?.packets.map(({ hash }) => hash) ?? [];
    expect(hashes(found)).toEqual(hashes(sent));
  });

  it("by command, of a publisher: its pictures are those of the publisher from that point on", async () => {
    // Long enough for the commands on a machine that is busy.
    const seconds = 10;
    const clip = await makeClip({ seconds, video: { gopFrames: 25 } });
    const server = await ReelProcess.start({ config: { preRecord: { seconds: 5, maximumMib: 64 } } });
    const control = await Control.connect(server);
    const publisher = publishWithFfmpeg({ url: server.rtmpUrl("cam"), input: clip });
    const pictures = async (): Promise<number> => {
      const { data } = await control.send("getStreamInfo localStreamName=cam");
      return (data as { video?: { packetsCount: number } } | null)?.video?.packetsCount ?? 0;
    };
    await until("there is a past", async () => (await pictures()) >= 5 * 25);
    for (const [wrong, description] of [
      ["from=15", /Parameter from is invalid. It is a number of seconds such as -15, or lastRandomAccessPoint/],
      ["from=-6", /^Unable to record stream. cam keeps 5 s of its past/],
    ] as const)
      expect(await control.send(`record localStreamName=cam pathToFile=cam ${wrong}`)).toMatchObject({
        status: "FAIL",
        description: expect.stringMatching(description),
      });
    const before = await pictures();
    for (const type of TYPES)
      expect(await control.succeed(`record localStreamName=cam pathToFile=cam type=${type} from=-3`)).toMatchObject({
        from: -3,
      });
    const after = await pictures();
    await publisher.exited;
    await control.wait("recordChunkClosed", TYPES.length);
    expect(control.of("recordGap")).toEqual([]);
    const sent = (await ffprobe(clip, { hash: true })).video?.packets ?? [];
    for (const type of TYPES) {
      const found = (await ffprobe(server.file(`cam.${type}`), { hash: type !== "ts" })).video?.packets ?? [];
      const first = sent.length - found.length;
      expect(sent[first]?.isKey, type).toBe(true);
      // At or before three seconds in front of the newest picture, which came between the two looks.
      expect(first, type).toBeGreaterThan(before - 1 - 3 * 25 - 25);
      expect(first, type).toBeLessThanOrEqual(after - 3 * 25);
      if (type !== "ts") expect(found.map(({ hash }) => hash)).toEqual(sent.slice(first).map(({ hash }) => hash));
    }
  });
});
