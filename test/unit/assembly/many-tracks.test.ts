// Streams with more than one track of a kind, in any order of numbers: two videos and three audios. Nothing of a file
// may depend on which number a track has, only on its kind.

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SEG_UNSUPPORTED_OFFSET } from "../../../src/abi/segment.js";
import { STATUS_CUT, STATUS_STOPPED } from "../../../src/abi/status.js";
import { finishMp4 } from "../../../src/container/mp4/finish.js";
import { readFlv } from "../../support/flv-reader.js";
import { BUILDS, KernelRun, type KernelRunOptions, type TestFrame, testModule } from "../../support/kernel-harness.js";
import { recordJournal, scratchFolder } from "../../support/mp4-journal.js";
import { readMp4 } from "../../support/mp4-reader.js";
import { ASC, ASC_HE, AV1C, AVCC, AVCC_OTHER, makeMedia } from "../../support/test-media.js";
import { readTs } from "../../support/ts-reader.js";

const SECOND = 90_000;
const FIRST_PID = 0x100;
/** Audio first: the main video is track 1. */
const KINDS = ["audio", "video", "audio", "video", "audio"] as const;
const MAIN_VIDEO = 1;
const FLV_TRACKS = [
  { kind: "audio", id: 0 },
  { kind: "video", id: 0 },
  { kind: "audio", id: 1 },
  { kind: "video", id: 1 },
  { kind: "audio", id: 2 },
];
const LANGUAGES = ["eng", undefined, "deu", undefined, undefined];

/** Five tracks; the second video begins its GOPs half a second after the main one. */
function makeFive(run: KernelRun, durationMs: number): TestFrame[] {
  const frames = KINDS.flatMap((kind, track) => {
    const other = { track, language: LANGUAGES[track] };
    const config =
      kind === "video"
        ? run.addConfig("h264", track === MAIN_VIDEO ? AVCC : AVCC_OTHER, true, other)
        : run.addConfig("aac", ASC, true, other);
    const media =
      kind === "video" ? { video: { config, sizeBytes: 700 + track } } : { audio: { config, sizeBytes: 100 + track } };
    const delay90k = track === 3 ? SECOND / 2 : 0;
    return makeMedia({ durationMs, ...media }).map((frame) => ({ ...frame, track, dts90k: frame.dts90k + delay90k }));
  });
  return frames.sort((a, b) => a.dts90k - b.dts90k || a.track - b.track);
}

function countOf(frames: readonly TestFrame[]): number[] {
  return KINDS.map((_, track) => frames.filter((frame) => frame.track === track).length);
}

describe.each(BUILDS)("two videos and three audios, %s build", (build) => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());
  const record = (options: Partial<KernelRunOptions>, durationMs = 3000) => {
    const run = new KernelRun({ build, container: "ts", ...options });
    const frames = makeFive(run, durationMs);
    for (const frame of frames) run.push(frame);
    return { run, frames, segments: run.finish() };
  };

  it("have a PID each in MPEG-TS, with their languages", () => {
    const { frames, segments } = record({ container: "ts" });
    const file = readTs(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(file.programs[0]).toMatchObject({
      pcrPid: FIRST_PID + MAIN_VIDEO,
      streams: KINDS.map((kind, track) => ({ pid: FIRST_PID + track, type: kind === "video" ? 0x1b : 0x0f })),
    });
    expect(file.programs[0]?.streams.map((stream) => stream.language)).toEqual(LANGUAGES);
    expect(KINDS.map((_, track) => file.frames.filter((frame) => frame.pid === FIRST_PID + track).length)).toEqual(
      countOf(frames),
    );
    for (const [track, kind] of KINDS.entries()) {
      if (kind !== "audio") continue;
      const read = file.frames.filter((frame) => frame.pid === FIRST_PID + track);
      expect(read.map((frame) => Buffer.concat(frame.units).toString("hex"))).toEqual(
        frames.filter((frame) => frame.track === track).map((frame) => Buffer.from(frame.payload).toString("hex")),
      );
    }
  });

  it("arrive in time in MPEG-TS though one of them falls behind: the clock waits for the slowest", () => {
    const run = new KernelRun({ build, container: "ts" });
    // The last audio comes 0.5 s late at first and 1.2 s in the end, which is more than the clock's lead.
    const arrival = ({ track, dts90k }: TestFrame) =>
      track === 4 ? dts90k + Math.min(1.2 * SECOND, SECOND / 2 + dts90k * 0.3) : dts90k;
    const frames = makeFive(run, 5000).sort((a, b) => arrival(a) - arrival(b) || a.track - b.track);
    for (const frame of frames) run.push(frame);
    const file = readTs(run.finish()[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(file.frames).toHaveLength(frames.length);
  });

  it.each(["ts", "mp4"] as const)("are cut in %s at the main video's random access points alone", (container) => {
    const { segments } = record({ container, chunkLength90k: SECOND }, 4000);
    // The second video has its random access points at 0.5 s, 1.5 s, …, where nothing may be cut.
    expect(segments.map((segment) => segment.zero90k / SECOND)).toEqual([0, 1, 2, 3]);
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_CUT, STATUS_CUT, STATUS_CUT, STATUS_STOPPED]);
  });

  it("begin and are cut in MPEG-TS at the first video that it carries", () => {
    const run = new KernelRun({ build, container: "ts", chunkLength90k: SECOND });
    const av1 = run.addConfig("av1", AV1C, true, { track: 0 });
    const h264 = run.addConfig("h264", AVCC, true, { track: 2 });
    const other = makeMedia({ durationMs: 4000, start90k: SECOND / 2, video: { config: h264 } });
    const foreign = makeMedia({ durationMs: 4500, video: { config: av1 } });
    const frames = [...foreign, ...other.map((frame) => ({ ...frame, track: 2 }))];
    for (const frame of frames.sort((a, b) => a.dts90k - b.dts90k || a.track - b.track)) run.push(frame);
    const segments = run.finish();
    expect(segments.map((segment) => segment.zero90k / SECOND)).toEqual([0, 1.5, 2.5, 3.5]);
    for (const { files } of segments) {
      const file = readTs(files[0] ?? Buffer.alloc(0));
      expect(file.errors).toEqual([]);
      expect(file.programs[0]).toMatchObject({ pcrPid: FIRST_PID + 2, streams: [{ pid: FIRST_PID + 2, type: 0x1b }] });
      expect(file.frames[0]).toMatchObject({ pid: FIRST_PID + 2, isRandomAccess: true });
    }
  });

  it("leave out every audio track where no audio is wanted", () => {
    const { frames, segments } = record({ container: "ts", hasAudio: false });
    const counts = countOf(frames);
    expect(segments[0]?.tracks.map((track) => track.frames)).toEqual([0, counts[1], 0, counts[3], 0]);
    expect(readTs(segments[0]?.files[0] ?? Buffer.alloc(0)).programs[0]?.streams.map(({ pid }) => pid)).toEqual([
      FIRST_PID + 1,
      FIRST_PID + 3,
    ]);
  });

  it("have a trak each in MP4, of one kind alternatives to each other", () => {
    const finalPath = join(folder.path, "five.mp4");
    const frames = recordJournal({ build, finalPath }, (run) => makeFive(run, 3000));
    const result = finishMp4(finalPath, { module: testModule(build), durability: "none" });
    const counts = countOf(frames);
    const file = readMp4(finalPath);
    expect(file.tracks.map((track) => track.kind)).toEqual(KINDS);
    expect(file.tracks.map((track) => track.isEnabled)).toEqual([true, true, false, false, false]);
    // The videos are alternatives to each other, and the audios are.
    expect(new Set(file.tracks.map((track) => track.alternateGroup)).size).toBe(2);
    expect(file.tracks.map((track) => track.samples.length)).toEqual(counts);
    expect(file.tracks.map((track) => track.language)).toEqual(LANGUAGES.map((language) => language ?? "und"));
    expect(result.videoFrames).toBe((counts[1] ?? 0) + (counts[3] ?? 0));
    expect(result.audioFrames).toBe((counts[0] ?? 0) + (counts[2] ?? 0) + (counts[4] ?? 0));
    for (const [track, read] of file.tracks.entries()) {
      const sent = frames.filter((frame) => frame.track === track);
      expect(read.samples.map((sample) => sample.sizeBytes)).toEqual(sent.map((frame) => frame.payload.byteLength));
    }
  });

  it("have a number each among those of their kind in FLV, the first of a kind as FLV always had it", () => {
    const { run, frames, segments } = record({ container: "flv" });
    const file = readFlv(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    for (const [track, { kind, id }] of FLV_TRACKS.entries()) {
      const sent = frames.filter((frame) => frame.track === track);
      const read = file.frames.filter((frame) => frame.track === kind && frame.trackId === id);
      expect(
        read.map(({ timestampMs, compositionMs, isKey, payload }) => [timestampMs, compositionMs, isKey, payload]),
      ).toEqual(
        sent.map(({ dts90k, ctsOffset90k = 0, isRandomAccess = false, payload }) => {
          const pts = Math.round((dts90k + ctsOffset90k) / 90);
          const dts = Math.round(dts90k / 90);
          return [dts, pts - dts, isRandomAccess || kind === "audio", Buffer.from(payload)];
        }),
      );
    }
    expect(file.further.map(({ track, trackId, fourCc }) => `${track} ${trackId} ${fourCc}`).sort()).toEqual([
      ...["audio 1 mp4a", "audio 2 mp4a", "video 1 avc1"],
    ]);
    expect(file.further.find(({ track }) => track === "video")?.bytes).toEqual(Buffer.from(AVCC_OTHER));
    // The table of keyframes is that of the first video.
    const keys = file.frames.filter(({ track, trackId, isKey }) => track === "video" && trackId === 0 && isKey);
    expect(file.metadata.keyframes).toMatchObject({ filepositions: keys.map(({ position }) => position) });
    expect(run.arena.view.getUint32((segments[0]?.pointer ?? 0) + SEG_UNSUPPORTED_OFFSET, true)).toBe(0);
  });

  it("keep their numbers in FLV when another joins late", () => {
    const run = new KernelRun({ build, container: "flv" });
    const main = run.addConfig("h264", AVCC, true, { track: 3 });
    const early = run.addConfig("aac", ASC, true, { track: 2 });
    const late = run.addConfig("aac", ASC, false, { track: 1 });
    const take = (track: number, frames: TestFrame[]) => frames.map((frame) => ({ ...frame, track }));
    const before = [
      ...take(3, makeMedia({ durationMs: 1000, video: { config: main } })),
      ...take(2, makeMedia({ durationMs: 2000, audio: { config: early } })),
    ];
    const behind = take(1, makeMedia({ durationMs: 1000, start90k: SECOND, audio: { config: late } }));
    for (const frame of before.sort((a, b) => a.dts90k - b.dts90k)) run.push(frame);
    run.drainAll();
    for (const frame of behind) run.push({ ...frame, dts90k: frame.dts90k + SECOND });
    const file = readFlv(run.finish()[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(file.further).toEqual([expect.objectContaining({ track: "audio", trackId: 1, timestampMs: 2000 })]);
    expect(file.frames.filter(({ trackId }) => trackId === 1)).toHaveLength(behind.length);
  });

  it("take audio that joins late as one more track", () => {
    const run = new KernelRun({ build, container: "ts" });
    const frames = makeFive(run, 2000);
    const config = run.addConfig("aac", ASC_HE, false, { track: 7 });
    const late = makeMedia({ durationMs: 1000, start90k: SECOND, audio: { config, frame90k: 3840 } });
    for (const frame of frames.filter((sent) => sent.dts90k < SECOND)) run.push(frame);
    run.drainAll();
    const rest = [...frames.filter((sent) => sent.dts90k >= SECOND), ...late.map((frame) => ({ ...frame, track: 7 }))];
    for (const frame of rest.sort((a, b) => a.dts90k - b.dts90k)) run.push(frame);
    const [segment] = run.finish();
    const file = readTs(segment?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(file.programs.at(-1)).toMatchObject({ version: 1, pcrPid: FIRST_PID + MAIN_VIDEO });
    expect(file.frames.filter((frame) => frame.pid === FIRST_PID + 7)).toHaveLength(late.length);
  });
});
