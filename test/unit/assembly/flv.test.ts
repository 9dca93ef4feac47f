// FLV, Adobe's specification 10.1, Annex E: what test/support/flv-reader.ts holds for every file, the head that is
// patched at close, and the edges by name.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { type FlvFile, readFlv } from "../../support/flv-reader.js";
import { BUILDS, KernelRun, type KernelRunOptions, type TestFrame } from "../../support/kernel-harness.js";
import { expectFrames } from "../../support/oracle.js";
import { ASC, AVCC, accessUnit, makeAv, makeMedia, NAL_IDR, NAL_SLICE, nalUnit } from "../../support/test-media.js";

const SECOND = 90_000;
const MS = 90;

describe.each(BUILDS)("FLV, %s build", (build) => {
  const start = (options: Partial<KernelRunOptions> = {}): KernelRun =>
    new KernelRun({ container: "flv", build, ...options });

  const recordOne = (run: KernelRun, frames: readonly TestFrame[]): { file: FlvFile; bytes: Buffer } => {
    for (const frame of frames) run.push(frame);
    const segments = run.finish();
    expect(segments).toHaveLength(1);
    const bytes = segments[0]?.files[0] ?? Buffer.alloc(0);
    const file = readFlv(bytes);
    expect(file.errors).toEqual([]);
    return { file, bytes };
  };

  /** A picture every `stepMs`, each a random access point. */
  const pictures = (run: KernelRun, count: number, stepMs: number): TestFrame[] => {
    const config = run.addConfig("h264", AVCC);
    return Array.from({ length: count }, (_, i) => ({
      track: TRACK_VIDEO,
      config,
      dts90k: i * stepMs * MS,
      isRandomAccess: true,
      payload: accessUnit([nalUnit(NAL_IDR, 40, i)]),
    }));
  };

  it("describes the stream when it is closed", () => {
    const run = start();
    const { file, bytes } = recordOne(run, makeAv(run, 4000));
    const { keyframes, ...metadata } = file.metadata;
    expect(metadata).toMatchObject({
      duration: 4.010666666666666,
      filesize: bytes.byteLength,
      lasttimestamp: 3.989,
      lastkeyframetimestamp: 3,
      width: 320,
      height: 180,
      framerate: 25,
      videocodecid: 7,
      audiocodecid: 10,
      audiosamplerate: 48_000,
      audiosamplesize: 16,
      stereo: true,
      hasVideo: true,
      hasAudio: true,
      hasKeyframes: true,
    });
    const keys = file.frames.filter((frame) => frame.track === "video" && frame.isKey);
    expect(keyframes).toEqual({ filepositions: keys.map((frame) => frame.position), times: [0, 1, 2, 3] });
    expect([file.hasAudio, file.hasVideo]).toEqual([true, true]);
    expect(file.avcC.map((config) => Buffer.from(config.bytes))).toEqual([Buffer.from(AVCC)]);
    expect(file.audioSpecificConfig.map((config) => Buffer.from(config.bytes))).toEqual([Buffer.from(ASC)]);
  });

  it("can be read while it grows", () => {
    const run = start();
    const frames = makeAv(run, 1000);
    const parts: Buffer[] = [];
    const seen = run.kernel.closeSegment;
    // Without the close: what a reader of the growing file, or of one whose server was killed, finds.
    (run as { kernel: typeof run.kernel }).kernel = { ...run.kernel, closeBound: () => 0, closeSegment: seen };
    for (const frame of frames) run.push(frame);
    for (const segment of run.finish()) parts.push(segment.files[0] ?? Buffer.alloc(0));
    const file = readFlv(Buffer.concat(parts));
    expect(file.errors).toEqual([]);
    expect(file.metadata).toMatchObject({ duration: 0, filesize: 0, width: 320, hasKeyframes: false });
    expect(file.metadata).not.toHaveProperty("framerate");
    expect(file.frames).toHaveLength(frames.length);
  });

  it("keeps whole milliseconds of the source exactly, whatever they are", () => {
    const run = start();
    const config = run.addConfig("h264", AVCC);
    const times = [0, 33, 67, 100, 133, 134, 200, 1001, 1002];
    const frames = times.map((ms, i) => ({
      track: TRACK_VIDEO,
      config,
      dts90k: 123_456_789 * MS + ms * MS,
      ctsOffset90k: (i % 4) * 33 * MS,
      isRandomAccess: i === 0,
      payload: accessUnit([nalUnit(i === 0 ? NAL_IDR : NAL_SLICE, 30, i)]),
    }));
    const { file } = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.timestampMs)).toEqual(times);
    expect(file.frames.map((frame) => frame.compositionMs)).toEqual(times.map((_, i) => (i % 4) * 33));
  });

  it("rounds other clocks to the nearest millisecond, PTS and DTS each", () => {
    const run = start();
    const frames = makeMedia({ durationMs: 2000, video: { config: run.addConfig("h264", AVCC) } }).map((frame, i) => ({
      ...frame,
      dts90k: i * 3003,
      ctsOffset90k: Math.round((frame.ctsOffset90k ?? 0) / 3600) * 3003,
    }));
    const { file } = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.timestampMs)).toEqual(frames.map((frame) => Math.round(frame.dts90k / 90)));
    expect(file.frames.map((frame) => frame.timestampMs + frame.compositionMs)).toEqual(
      frames.map((frame) => Math.round((frame.dts90k + frame.ctsOffset90k) / 90)),
    );
  });

  it("crosses 2^24 and 2^31 milliseconds", () => {
    for (const edge of [2 ** 24, 2 ** 31]) {
      const run = start();
      const frames = pictures(run, 8, 40).map((frame, i) =>
        i === 0 ? frame : { ...frame, dts90k: (edge - 4 * 40 + i * 40) * MS },
      );
      const { file } = recordOne(run, frames);
      expect(file.frames.map((frame) => frame.timestampMs)).toEqual(frames.map((frame) => frame.dts90k / MS));
    }
  });

  it("wraps at 2^32 milliseconds", () => {
    const run = start();
    const frames = [...Array(5).keys()].map((i) => ({
      ...(pictures(run, 1, 40)[0] as TestFrame),
      dts90k: i === 0 ? 0 : (i * 2 ** 30 + i) * MS,
    }));
    const config = frames[0]?.config ?? 0;
    const { file } = recordOne(
      run,
      frames.map((frame) => ({ ...frame, config })),
    );
    expect(file.frames.map((frame) => frame.timestampMs)).toEqual([0, 2 ** 30 + 1, 2 ** 31 + 2, 3 * 2 ** 30 + 3, 4]);
  });

  it("writes a negative composition offset, and bounds one that 24 bits cannot hold", () => {
    const run = start();
    const offsets = [0, -80 * MS, 80 * MS, -(2 ** 31), 2 ** 31 - 1];
    const frames = pictures(run, offsets.length, 100).map((frame, i) => ({ ...frame, ctsOffset90k: offsets[i] ?? 0 }));
    const { file } = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.compositionMs)).toEqual([0, -80, 80, -(2 ** 23 - 1), 2 ** 23 - 1]);
  });

  it("says four-byte lengths whatever the source's configuration says", () => {
    const run = start();
    const short = AVCC.map((byte, i) => (i === 4 ? 0xfd : byte));
    const { file } = recordOne(run, makeMedia({ durationMs: 200, video: { config: run.addConfig("h264", short) } }));
    expect(file.avcC[0]?.bytes[4]).toBe(0xff);
  });

  it("leaves out access units without a whole NAL unit, and empty audio", () => {
    const run = start();
    const audio = run.addConfig("aac", ASC);
    const frames = pictures(run, 3, 40);
    if (frames[1]) frames[1].payload = new Uint8Array(0);
    const { file } = recordOne(run, [
      ...frames,
      { track: TRACK_AUDIO, config: audio, dts90k: 200 * MS, payload: new Uint8Array(0) },
    ]);
    expect(file.frames.map((frame) => frame.timestampMs)).toEqual([0, 80]);
    expect([file.hasAudio, file.hasVideo]).toEqual([false, true]);
  });

  it("takes a track that joins late into the head at close", () => {
    const run = start();
    const config = run.addConfig("h264", AVCC);
    const late = run.addConfig("aac", ASC, false);
    const frames = [
      ...makeMedia({ durationMs: 1000, video: { config } }),
      ...makeMedia({
        durationMs: 1000,
        start90k: SECOND,
        video: { config },
        audio: { config: late, delay90k: 20 * MS },
      }),
    ];
    for (const frame of frames) {
      run.push(frame);
      run.drainAll();
    }
    const segments = run.finish();
    const file = readFlv(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect([file.hasAudio, file.metadata.hasAudio, file.metadata.audiosamplerate]).toEqual([true, true, 48_000]);
    expect(file.audioSpecificConfig.map((entry) => entry.timestampMs)).toEqual([1020]);
    expectFrames("flv", frames, segments);
  });

  it("describes audio alone", () => {
    const run = start({ hasVideo: false });
    const { file } = recordOne(run, makeMedia({ durationMs: 1000, audio: { config: run.addConfig("aac", ASC) } }));
    expect([file.hasAudio, file.hasVideo]).toEqual([true, false]);
    expect(file.metadata).toMatchObject({ hasVideo: false, hasKeyframes: false });
    expect(file.metadata).not.toHaveProperty("width");
    expect(file.metadata).not.toHaveProperty("keyframes");
  });

  it("has a head of one size, whatever the table holds, and a table that covers all of a long segment", () => {
    const sizes = new Set<number>();
    for (const count of [1, 2, 3, 255, 256, 257, 512, 513, 3000]) {
      const run = start();
      const { file } = recordOne(run, pictures(run, count, 2000));
      sizes.add(file.metadataBytes);
      if (count === 1) {
        expect(file.metadata).not.toHaveProperty("keyframes");
        continue;
      }
      const { filepositions, times } = file.metadata.keyframes as { filepositions: number[]; times: number[] };
      const at = new Map(file.frames.map((frame) => [frame.position, frame.timestampMs]));
      expect(filepositions.map((position) => at.get(position))).toEqual(times.map((time) => time * 1000));
      expect(times.length).toBe(Math.ceil(count / 2 ** Math.max(0, Math.ceil(Math.log2(count / 256)))));
      const steps = new Set(times.slice(1).map((time, i) => time - (times[i] ?? 0)));
      expect(steps.size).toBe(1);
      expect(times[0]).toBe(0);
    }
    expect(sizes.size).toBe(1);
  });
});
