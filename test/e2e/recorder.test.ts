// The recorder as a library: names, cuts, options and the ledger, with real workers and real files.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { ReelError } from "../../src/base/reel-error.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import type { Gap } from "../../src/stream/gap.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { collect } from "../support/collect.js";
import { feed, readClip } from "../support/feed.js";
import { ffprobe } from "../support/ffprobe.js";
import { probeWithFfmpeg8 } from "../support/peers.js";
import { SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { ASC, AVCC_OTHER, accessUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
let root: string;
let recorder: Recorder | undefined;
let closed: ClosedSegmentReport[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-test-"));
});
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
  await rm(root, { recursive: true, force: true });
});

async function open(options: RecorderOptions = {}): Promise<Recorder> {
  closed = [];
  recorder = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    workers: 1,
    ...options,
  });
  recorder.on("segmentClosed", (report) => closed.push(report));
  return recorder;
}

/** Ends a stream and waits for the last of its recordings. */
async function end(reel: Recorder, name: string): Promise<void> {
  const gone = once(reel, "inStreamClosed");
  reel.streams.get(name)?.end("test");
  await gone;
}

const names = async (): Promise<string[]> =>
  (await readdir(join(root, "media"), { recursive: true })).filter((name) => /\.\w+$/.test(name)).sort();

describe("the embedded recorder", () => {
  it("runs the example: five seconds of silence become an MP4", async () => {
    const example = resolve(import.meta.dirname, "../../examples/embed.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [example, root]);
    expect(stdout).toContain("235 frames, 5.01 s");
    expect((await ffprobe(join(root, "silence.mp4"))).audio?.packets.length).toBe(235);
  });

  it("records every track of a stream with three languages", async () => {
    const reel = await open();
    const gaps: Gap[] = [];
    reel.on("gap", (gap) => gaps.push(gap));
    for (const type of CONTAINERS)
      await reel.record({ localStreamName: "cam", pathToFile: "x", type, chunkLength: 2, keepAlive: false });
    const stream = reel.streams.open("cam");
    const clip = await readClip(await makeClip({ seconds: 4, video: { gopFrames: 50 } }));
    const audios = ["eng", "deu", "fra"].map((language) => stream.addTrack({ kind: "audio", language }));
    const video = stream.addTrack({ kind: "video" });
    expect([...audios, video]).toEqual([0, 1, 2, 3]);
    for (const audio of audios) stream.setDecoderConfig(audio, "aac", clip.audio as Uint8Array);
    stream.setDecoderConfig(video, "h264", clip.video as Uint8Array);
    for (const frame of clip.frames)
      for (const track of frame.track === TRACK_VIDEO ? [video] : audios)
        while (!stream.writeFrame(track, frame.payload, frame.dtsMs * 90, frame.ctsMs * 90, frame.isKey))
          await once(stream, "room");
    await end(reel, "cam");
    await until("all segments are final", () => closed.length === 6);
    const sent = (track: number): number => clip.frames.filter((frame) => frame.track === track).length;
    for (const type of CONTAINERS) {
      const reports = closed.filter((report) => report.path.endsWith(`.${type}`));
      const sum = (count: (report: ClosedSegmentReport) => number): number =>
        reports.reduce((total, report) => total + count(report), 0);
      expect(
        sum((report) => report.videoFrames),
        type,
      ).toBe(sent(TRACK_VIDEO));
      expect(
        sum((report) => report.audioFrames),
        type,
      ).toBe(sent(TRACK_AUDIO) * 3);
      let found = 0;
      for (const tracks of await probeWithFfmpeg8(...reports.map(({ path }) => path))) {
        expect(tracks.map((track) => track.kind).sort()).toEqual(["audio", "audio", "audio", "video"]);
        found += tracks.reduce((total, track) => total + track.packets.length, 0);
      }
      for (const report of reports)
        expect(report.tracks.map((track) => track.kind)).toEqual(["audio", "audio", "audio", "video"]);
      expect(found, type).toBe(sent(TRACK_VIDEO) + sent(TRACK_AUDIO) * 3);
    }
    expect(gaps).toEqual([]);
  });

  it.each([
    ["AAC-LD", [0xb9, 0x90, 0, 0]],
    ["AAC-ELD", [0xf8, 0xe6, 0x40, 0]],
  ])(
    "records %s in all containers, in MPEG-TS as LATM, since ADTS headers have no number for it",
    async (_name, config) => {
      const reel = await open();
      const gaps: Gap[] = [];
      reel.on("gap", (gap) => gaps.push(gap));
      for (const type of CONTAINERS)
        await reel.record({ localStreamName: "cam", pathToFile: "x", type, keepAlive: false });
      const stream = reel.streams.open("cam");
      const clip = await readClip(await makeClip({ seconds: 1 }));
      stream.setDecoderConfig(TRACK_AUDIO, "aac", Uint8Array.from(config));
      stream.setDecoderConfig(TRACK_VIDEO, "h264", clip.video as Uint8Array);
      for (const { track, payload, dtsMs, ctsMs, isKey } of clip.frames)
        while (!stream.writeFrame(track, payload, dtsMs * 90, ctsMs * 90, isKey)) await once(stream, "room");
      await end(reel, "cam");
      await until("all segments are final", () => closed.length === 3);
      const kinds = (type: string): string[] =>
        closed
          .find((report) => report.path.endsWith(type))
          ?.tracks.map(({ kind }) => kind)
          .sort() ?? [];
      for (const type of CONTAINERS) expect(kinds(type), type).toEqual(["audio", "video"]);
      expect(gaps).toEqual([]);
      const sent = clip.frames.filter(({ track }) => track === TRACK_AUDIO).length;
      const { tracks, defects } = await verifyFile(join(root, "media", "x.ts"));
      expect([tracks.find(({ kind }) => kind === "audio")?.frames, defects]).toEqual([sent, []]);
    },
  );

  it("reserves for a chunk what its length asks for, also behind segments of two pictures", async () => {
    const reel = await open();
    const clip = await readClip(await makeClip({ seconds: 1, audio: false }));
    const two = clip.frames.slice(0, 2);
    // Each cut waits for other tracks: the lengths are tried side by side.
    const recordChunks = async (chunkLength: number): Promise<void> => {
      const name = `cam${chunkLength}`;
      const closedOf = (): ClosedSegmentReport[] => closed.filter((report) => report.localStreamName === name);
      await reel.record({ localStreamName: name, pathToFile: name, chunkLength, keepAlive: false });
      const stream = reel.streams.open(name);
      stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC); // its tracks are settled
      for (const [i, config] of [clip.video, AVCC_OTHER, clip.video].entries()) {
        stream.setDecoderConfig(TRACK_VIDEO, "h264", config as Uint8Array);
        for (const [n, { payload, isKey }] of two.entries())
          stream.writeFrame(TRACK_VIDEO, payload, (2 * i + n) * 40 * 90, 0, isKey);
        // The next one is opened when it is known what the index of this one took.
        if (i > 0) await until("the segment before is final", () => closedOf().length === i);
      }
      const mdat = join(root, "media", `${name}_part0002.mp4.mdat`);
      const { size } = await until("the third is open", () => stat(mdat).catch(() => undefined));
      const guess = Math.min(chunkLength * 1100, 128 * 1024 * 1024);
      expect(size, name).toBeGreaterThan(guess);
      expect(size, name).toBeLessThan(guess + 256 * 1024);
      stream.end("test");
      await until("the last segment is final", () => closedOf().length === 3);
      expect(
        closedOf().map((report) => report.videoFrames),
        name,
      ).toEqual([2, 2, 2]);
    };
    await Promise.all([999_999, 86_400, 3600].map(recordChunks));
  });

  it.each(["mp4", "ts"] as const)(
    "hands over with every frame of a second video track that comes ahead of the first (%s)",
    async (type) => {
      const reel = await open({ scheduler: { tickMs: 10, maxAgeMs: 20 } });
      const gaps: Gap[] = [];
      reel.on("gap", (gap) => gaps.push(gap));
      await reel.record({ localStreamName: "cam", pathToFile: "x", type });
      const stream = reel.streams.open("cam");
      const tracks = [stream.addTrack({ kind: "video" }), stream.addTrack({ kind: "video" })] as const;
      for (const track of tracks) stream.setDecoderConfig(track, "h264", AVCC_OTHER);
      stream.settle();
      const write = (track: number, i: number): void => {
        const picture = accessUnit([slice(i % 25 === 0 ? SLICE_I : SLICE_P, i, i % 25 === 0, 400)]);
        expect(stream.writeFrame(track, picture, i * 3600, 0, i % 25 === 0)).toBe(true);
      };
      write(tracks[0], 0);
      for (let i = 0; i < 4; i++) write(tracks[1], i);
      const opened = once(reel, "segmentOpened");
      const writeBoth = (from: number, to: number): void => {
        for (let i = from; i < to; i++) {
          write(tracks[1], i + 3);
          write(tracks[0], i);
        }
      };
      writeBoth(1, 10);
      await opened;
      const created = once(reel, "outStreamCreated");
      const [first] = reel.outStreams();
      expect(reel.stopOutStream(first?.id ?? 0, false)).toBe(true);
      writeBoth(10, 60);
      await created;
      for (let i = 60; i < 63; i++) write(tracks[0], i);
      await end(reel, "cam");
      expect(gaps).toEqual([]);
      const found = [];
      for (const { path, videoFrames } of closed.sort((a, b) => (a.path < b.path ? -1 : 1)))
        found.push([videoFrames, ...(await verifyFile(path)).tracks.map(({ frames }) => frames)]);
      expect(found).toEqual([
        [50, 25, 25],
        [76, 38, 38],
      ]);
    },
  );

  it("gives every one of twenty simultaneous recordings of one path its own name", async () => {
    const reel = await open();
    const stream = reel.streams.open("cam");
    const entries = await Promise.all(
      Array.from({ length: 20 }, () =>
        reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts", keepAlive: false }),
      ),
    );
    expect(new Set(entries.map((entry) => entry.computedPathToFile)).size).toBe(20);
    await feed(stream, await readClip(await makeClip({ seconds: 1 })));
    await end(reel, "cam");
    expect((await names()).length).toBe(20);
  });

  it("refuses a second overwriting recording of a path that is being written", async () => {
    const reel = await open();
    reel.streams.open("cam");
    await reel.record({ localStreamName: "cam", pathToFile: "x", overwrite: true });
    await expect(reel.record({ localStreamName: "cam", pathToFile: "x", overwrite: true })).rejects.toMatchObject({
      code: "targetBusy",
    });
  });

  it("writes nothing through a symbolic link that leads out of the media folder", async () => {
    const reel = await open();
    await symlink("/tmp", join(root, "media", "out"));
    await writeFile(join(root, "elsewhere"), "untouched");
    await symlink(join(root, "elsewhere"), join(root, "media", "file.ts"));
    for (const options of [{ pathToFile: "out/x" }, { pathToFile: "file", type: "ts" as const, overwrite: true }]) {
      const error = await reel.record({ localStreamName: "cam", ...options }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ReelError);
      expect(error).toMatchObject({ code: "badPath" });
    }
    expect(reel.configs()).toEqual([]);
  });

  it.each(CONTAINERS)("cuts %s where the decoder configuration changes, and not where it is repeated", async (type) => {
    const reel = await open();
    const clip = await readClip(await makeClip({ seconds: 2 }));
    const stream = reel.streams.open("cam");
    await reel.record({ localStreamName: "cam", pathToFile: "cam", type, overwrite: true });
    await feed(stream, clip);
    await feed(stream, clip, 2000); // the same parameter sets again
    await feed(stream, { ...clip, video: AVCC_OTHER }, 4000);
    await end(reel, "cam");
    expect(await names()).toEqual([`cam.${type}`, `cam_0001.${type}`]);
    const frames = closed
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map((report) => [report.videoFrames, report.audioFrames]);
    const video = clip.frames.filter((frame) => frame.track === 0).length;
    expect(frames.map(([count]) => count)).toEqual([2 * video, video]);
    expect(frames.reduce((sum, [, count]) => sum + (count ?? 0), 0)).toBe(
      3 * clip.frames.filter((frame) => frame.track === 1).length,
    );
  });

  it.each(CONTAINERS)("records %s without audio where hasAudio is 0", async (type) => {
    const reel = await open();
    const clip = await readClip(await makeClip({ seconds: 1 }));
    await reel.record({ localStreamName: "cam", pathToFile: "cam", type, hasAudio: false });
    await feed(reel.streams.open("cam"), clip);
    await end(reel, "cam");
    const found = await ffprobe(join(root, "media", `cam.${type}`));
    expect(found.tracks.map((track) => track.kind)).toEqual(["video"]);
    expect(found.video?.packets.length).toBe(clip.frames.filter((frame) => frame.track === 0).length);
  });

  it("names files by local date and time where dateFolderStructure is 1, each chunk its own", async () => {
    const reel = await open();
    const clip = await readClip(await makeClip({ seconds: 2, video: { gopFrames: 25 } }));
    await reel.record({
      localStreamName: "cam",
      pathToFile: "days",
      type: "ts",
      dateFolderStructure: true,
      chunkLength: 1,
    });
    await feed(reel.streams.open("cam"), clip);
    await end(reel, "cam");
    const found = await names();
    expect(found.length).toBe(2);
    for (const name of found) expect(name).toMatch(/^days\/cam\/(\d{8})\/cam-\1-\d{6}(_0001)?\.ts$/);
  });

  it("names dated files of a stream with a slash in its name by the last part of it", async () => {
    const reel = await open();
    await reel.record({ localStreamName: "live/cam", pathToFile: "days", type: "ts", dateFolderStructure: true });
    await feed(reel.streams.open("live/cam"), await readClip(await makeClip({ seconds: 1 })));
    await end(reel, "live/cam");
    expect(await names()).toEqual([expect.stringMatching(/^days\/live\/cam\/(\d{8})\/cam-\1-\d{6}\.ts$/)]);
  });

  it("brings its record configs back with their ids, and lists what was closed since a sequence", async () => {
    const first = await open();
    const kept = await first.record({
      localStreamName: "cam",
      pathToFile: "cam",
      type: "flv",
      variables: { _site: "north" },
    });
    await first.record({ localStreamName: "other", pathToFile: "other", keepAlive: false });
    const clip = await readClip(await makeClip({ seconds: 1 }));
    await feed(first.streams.open("cam"), clip);
    await end(first, "cam");
    const sequence = closed[0]?.sequence ?? 0;
    await first.close();
    const second = await open();
    expect(second.configs().map((entry) => entry.config)).toEqual([kept.config]);
    await feed(second.streams.open("cam"), clip);
    await end(second, "cam");
    expect(await names()).toEqual(["cam.flv", "cam_0001.flv"]);
    const since = await second.closedSince(sequence);
    expect((await collect(since.entries)).map((entry) => entry.path)).toEqual([join(root, "media", "cam_0001.flv")]);
    expect((await second.record({ localStreamName: "new", pathToFile: "new" })).config.configId).toBeGreaterThan(
      kept.config.configId + 1,
    );
  });

  it("refuses a state folder that another recorder holds", async () => {
    await open();
    await expect(
      Recorder.open({ mediaFolders: [join(root, "media")], stateFolder: join(root, "state") }),
    ).rejects.toMatchObject({ code: "locked" });
  });

  it("gives back every block of the arena", async () => {
    const reel = await open({ durability: "interval", syncIntervalMs: 100 });
    const clip = await readClip(await makeClip({ seconds: 2 }));
    for (let round = 0; round < 3; round++) {
      for (const type of CONTAINERS)
        await reel.record({
          localStreamName: "cam",
          pathToFile: `cam${round}`,
          type,
          keepAlive: false,
          chunkLength: 1,
        });
      await feed(reel.streams.open("cam"), clip);
      await end(reel, "cam");
    }
    await reel.close();
    expect(reel.arena.stats()).toMatchObject({ blocks: 0, usedBytes: 0 });
    expect(closed.length).toBe(3 * 3 * 2);
  });
});
