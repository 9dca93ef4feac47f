// MPEG-TS, ISO/IEC 13818-1: what test/support/ts-reader.ts holds for every file (packets, counters, sections, clock),
// and the edges by name.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { BUILDS, KernelRun, type KernelRunOptions, type TestFrame } from "../../support/kernel-harness.js";
import { expectFrames } from "../../support/oracle.js";
import {
  ASC,
  ASC_HE,
  AVCC,
  accessUnit,
  makeAv,
  makeMedia,
  NAL_AUD,
  NAL_IDR,
  NAL_PPS,
  NAL_SEI,
  NAL_SLICE,
  NAL_SPS,
  nalUnit,
} from "../../support/test-media.js";
import { readTs, type TsFile } from "../../support/ts-reader.js";

const SECOND = 90_000;
const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;

describe.each(BUILDS)("MPEG-TS, %s build", (build) => {
  const start = (options: Partial<KernelRunOptions> = {}): KernelRun =>
    new KernelRun({ container: "ts", build, ...options });

  /** Records frames into one segment and reads it. */
  const recordOne = (run: KernelRun, frames: readonly TestFrame[]): TsFile => {
    for (const frame of frames) run.push(frame);
    const segments = run.finish();
    expect(segments).toHaveLength(1);
    const file = readTs(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    return file;
  };
  const typesOf = (file: TsFile, index = 0): number[] =>
    (file.frames[index]?.units ?? []).map((unit) => (unit[0] ?? 0) & 31);
  const video = (run: KernelRun, nals: readonly Uint8Array[], isRandomAccess = true): TestFrame => ({
    track: TRACK_VIDEO,
    config: run.addConfig("h264", AVCC),
    dts90k: 0,
    isRandomAccess,
    payload: accessUnit(nals),
  });

  it("begins with PAT, PMT and a PCR, and lets the media begin at one second", () => {
    const run = start();
    const file = recordOne(run, makeAv(run, 1000));
    expect(file.programs[0]).toEqual({
      packet: 1,
      version: 0,
      pcrPid: VIDEO_PID,
      streams: [
        { pid: VIDEO_PID, type: 0x1b },
        { pid: AUDIO_PID, type: 0x0f },
      ],
    });
    expect(file.pcrs[0]).toMatchObject({ packet: 2, value: 0.3 * SECOND });
    expect(file.frames[0]).toMatchObject({ dts: SECOND, packet: 2 });
  });

  it("carries the PCR about every 40 ms in the pictures themselves", () => {
    for (const frameMs of [20, 33, 40]) {
      const run = start();
      const frames = makeMedia({
        durationMs: 4000,
        video: { config: run.addConfig("h264", AVCC), frameMs },
        audio: { config: run.addConfig("aac", ASC) },
      });
      const file = recordOne(run, frames);
      const starts = new Set(file.frames.map((frame) => frame.packet));
      expect(file.pcrs.every((pcr) => starts.has(pcr.packet))).toBe(true);
      expect(4000 / file.pcrs.length).toBeGreaterThan(32);
      expect(4000 / file.pcrs.length).toBeLessThan(45);
    }
  });

  it("fills the way to a picture that is far ahead with PCRs and tables", () => {
    for (const frameMs of [150, 500, 1000, 3000, 9900]) {
      const run = start();
      const file = recordOne(
        run,
        makeMedia({ durationMs: 30_000, video: { config: run.addConfig("h264", AVCC), frameMs, gopFrames: 100 } }),
      );
      expect(file.pcrs.some((pcr) => pcr.isDiscontinuity)).toBe(false);
      expect(file.programs.length).toBeGreaterThan(50);
    }
  });

  it("lets the clock jump, and says so, over a pause of an hour", () => {
    const run = start({ capacityBytes: 60_000 });
    const frames = makeAv(run, 4000).map((frame) =>
      frame.dts90k >= 2 * SECOND ? { ...frame, dts90k: frame.dts90k + 3600 * SECOND } : frame,
    );
    const file = recordOne(run, frames);
    expect(file.pcrs.filter((pcr) => pcr.isDiscontinuity)).toHaveLength(1);
    expect(file.packets).toBeLessThan(2000);
  });

  it("holds the clock back for the track that is behind", () => {
    const run = start();
    // The audio comes 1.5 s after the video of the same time, once both run.
    const frames = makeAv(run, 8000)
      .map((frame) => ({
        frame,
        place: frame.dts90k + (frame.track === TRACK_AUDIO ? Math.min(frame.dts90k / 2, 1.5 * SECOND) : 0),
      }))
      .sort((a, b) => a.place - b.place)
      .map((entry) => entry.frame);
    recordOne(run, frames);
  });

  it("goes on with the clock where a track has ended", () => {
    const run = start();
    const frames = makeAv(run, 8000).filter((frame) => frame.track === TRACK_VIDEO || frame.dts90k < SECOND);
    const file = recordOne(run, frames);
    expect(file.pcrs.at(-1)?.value).toBeGreaterThan(6 * SECOND);
  });

  it("crosses 2^33 with PCR, DTS and PTS", () => {
    const run = start();
    const long = 2 ** 33 - 2 * SECOND;
    // A segment that is 26.5 hours old; the pause in front is a jump of the clock.
    const frames = makeAv(run, 4000).map((frame) =>
      frame.dts90k >= 0.5 * SECOND ? { ...frame, dts90k: frame.dts90k + long } : frame,
    );
    for (const frame of frames) run.push(frame);
    const segments = run.finish();
    const file = readTs(segments[0]?.files[0] ?? Buffer.alloc(0));
    // Half the clock's range is ambiguous to a reader that unwraps; what it says about the jump itself does not count
    // here.
    expect(file.errors.filter((error) => !/before DTS|DTS .* before|is not after/.test(error))).toEqual([]);
    const expected = frames.map((frame) => (frame.dts90k + SECOND) % 2 ** 33);
    expect(file.frames.map((frame) => ((frame.dts % 2 ** 33) + 2 ** 33) % 2 ** 33)).toEqual(expected);
    const pcrs = file.pcrs.map((pcr) => ((pcr.value % 2 ** 33) + 2 ** 33) % 2 ** 33);
    expect(pcrs.some((pcr) => pcr > 2 ** 33 - SECOND)).toBe(true);
    expect(pcrs.at(-1)).toBeLessThan(3 * SECOND);
  });

  it("writes a PTS alone where it equals the DTS, and both where they differ", () => {
    const run = start();
    const frames = makeAv(run, 1000);
    const file = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.hasDts)).toEqual(frames.map((frame) => (frame.ctsOffset90k ?? 0) !== 0));
  });

  it("shows a picture with a negative composition offset when it is decoded", () => {
    const run = start();
    const frames = makeMedia({ durationMs: 400, video: { config: run.addConfig("h264", AVCC) } }).map((frame, i) =>
      i === 4 ? { ...frame, ctsOffset90k: -7200 } : frame,
    );
    const file = recordOne(run, frames);
    expect(file.frames[4]).toMatchObject({ pts: SECOND + 4 * 3600, dts: SECOND + 4 * 3600 });
  });

  it("gives an IDR the parameter sets of the configuration in front", () => {
    const run = start();
    const file = recordOne(run, [video(run, [nalUnit(NAL_SEI, 20), nalUnit(NAL_IDR, 300)])]);
    expect(typesOf(file)).toEqual([NAL_SPS, NAL_PPS, NAL_SEI, NAL_IDR]);
  });

  it("doubles neither parameter sets nor delimiters that the access unit brings", () => {
    const run = start();
    const file = recordOne(run, [
      video(run, [nalUnit(NAL_AUD, 2), nalUnit(NAL_SPS, 26), nalUnit(NAL_PPS, 6), nalUnit(NAL_IDR, 300)]),
    ]);
    expect(typesOf(file)).toEqual([NAL_SPS, NAL_PPS, NAL_IDR]);
  });

  it("leaves empty NAL units and delimiters in the middle out", () => {
    const run = start();
    const file = recordOne(run, [
      video(run, [nalUnit(NAL_IDR, 100), new Uint8Array(0), nalUnit(NAL_AUD, 2), nalUnit(NAL_SLICE, 100)]),
    ]);
    expect(typesOf(file)).toEqual([NAL_SPS, NAL_PPS, NAL_IDR, NAL_SLICE]);
  });

  it("stuffs every number of bytes, one among them", () => {
    const run = start();
    const config = run.addConfig("aac", ASC);
    const frames = Array.from({ length: 600 }, (_, i) => ({
      track: TRACK_AUDIO,
      config,
      dts90k: i * 1920,
      payload: new Uint8Array(1 + i).fill(i % 251),
    }));
    const file = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.units[0]?.byteLength)).toEqual(
      frames.map((frame) => frame.payload.byteLength),
    );
  });

  it("stuffs pictures of every length, with and without a PCR", () => {
    const run = start();
    const config = run.addConfig("h264", AVCC);
    const frames = Array.from({ length: 600 }, (_, i) => ({
      track: TRACK_VIDEO,
      config,
      dts90k: i * 1500,
      ctsOffset90k: (i % 3) * 1500,
      isRandomAccess: i % 50 === 0,
      payload: accessUnit([nalUnit(i % 50 === 0 ? NAL_IDR : NAL_SLICE, 1 + i, i)]),
    }));
    const file = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.units.at(-1)?.byteLength)).toEqual(frames.map((_, i) => 1 + i));
  });

  it("says the length of a PES packet as long as it can be said", () => {
    // PES header after the length field, delimiter, start code.
    const overhead = 8 + 6 + 4;
    for (const size of [0xffff - overhead, 0xffff - overhead + 1, 300_000]) {
      const run = start({ ringBytes: 1 << 20 });
      const config = run.addConfig("h264", AVCC);
      const frames = [NAL_IDR, NAL_SLICE].map((type, i) => ({
        track: TRACK_VIDEO,
        config,
        dts90k: i * 3600,
        isRandomAccess: i === 0,
        payload: accessUnit([nalUnit(type, i === 0 ? 500 : size)]),
      }));
      const file = recordOne(run, frames);
      expect(file.frames[1]?.units[0]?.byteLength).toBe(size);
    }
  });

  it("describes HE-AAC by its core", () => {
    const run = start({ hasVideo: false });
    const file = recordOne(
      run,
      makeMedia({ durationMs: 1000, audio: { config: run.addConfig("aac", ASC_HE), frame90k: 3840 } }),
    );
    expect(file.frames[0]?.adts).toEqual({ profile: 1, rateIndex: 6, channelConfiguration: 2 });
  });

  it("takes the nearest rate for one that is written out", () => {
    const run = start({ hasVideo: false });
    // AAC-LC, sampling_frequency_index 15: 44 000 Hz, mono.
    const bits = `00010${"1111"}${(44_000).toString(2).padStart(24, "0")}0001000`;
    const bytes = Uint8Array.from({ length: bits.length / 8 }, (_, i) =>
      Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2),
    );
    const file = recordOne(run, makeMedia({ durationMs: 1000, audio: { config: run.addConfig("aac", bytes) } }));
    expect(file.frames[0]?.adts).toEqual({ profile: 1, rateIndex: 4, channelConfiguration: 1 });
  });

  it("carries the PCR on the audio where there is no video", () => {
    const run = start({ hasVideo: false });
    const file = recordOne(run, makeMedia({ durationMs: 3000, audio: { config: run.addConfig("aac", ASC) } }));
    expect(file.programs.every((program) => program.pcrPid === AUDIO_PID)).toBe(true);
    expect(file.programs.length).toBeGreaterThanOrEqual(6);
    expect(file.pids.has(VIDEO_PID)).toBe(false);
  });

  it("leaves out audio frames that ADTS cannot hold", () => {
    const run = start({ hasVideo: false });
    const config = run.addConfig("aac", ASC);
    const frames = [200, 0, 8184, 8185, 30_000, 200].map((size, i) => ({
      track: TRACK_AUDIO,
      config,
      dts90k: i * 1920,
      payload: new Uint8Array(size).fill(3),
    }));
    const file = recordOne(run, frames);
    expect(file.frames.map((frame) => frame.units[0]?.byteLength)).toEqual([200, 8184, 200]);
  });

  it("gives the PMT a new version when a track joins", () => {
    const run = start();
    const config = run.addConfig("h264", AVCC);
    const late = run.addConfig("aac", ASC, false);
    const frames = [
      ...makeMedia({ durationMs: 1000, video: { config } }),
      ...makeMedia({ durationMs: 1000, start90k: SECOND, video: { config }, audio: { config: late, delay90k: 1000 } }),
    ];
    for (const [i, frame] of frames.entries()) {
      run.push(frame);
      if (i % 4 === 0) run.drainAll();
    }
    const segments = run.finish();
    const file = readTs(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(new Set(file.programs.map((program) => `${program.version}:${program.streams.length}`))).toEqual(
      new Set(["0:1", "1:2"]),
    );
    expectFrames("ts", frames, segments);
  });

  it("moves the PCR to the video that joins late", () => {
    const run = start({ hasVideo: false });
    const audio = run.addConfig("aac", ASC);
    const late = run.addConfig("h264", AVCC, false);
    const frames = [
      ...makeMedia({ durationMs: 1000, audio: { config: audio } }),
      ...makeMedia({
        durationMs: 1000,
        start90k: SECOND,
        video: { config: late },
        audio: { config: audio, delay90k: 1440 },
      }),
    ];
    for (const frame of frames) {
      run.push(frame);
      run.drainAll();
    }
    const segments = run.finish();
    const file = readTs(segments[0]?.files[0] ?? Buffer.alloc(0));
    expect(file.errors).toEqual([]);
    expect(file.programs.at(0)?.pcrPid).toBe(AUDIO_PID);
    expect(file.programs.at(-1)?.pcrPid).toBe(VIDEO_PID);
    expectFrames("ts", frames, segments);
  });

  it("marks a discontinuity on the track it was reported for", () => {
    const run = start();
    const frames = makeAv(run, 1000).map((frame, i) =>
      i === 20 || i === 21 ? { ...frame, isDiscontinuity: true } : frame,
    );
    const file = recordOne(run, frames);
    expect(file.frames.flatMap((frame, i) => (frame.isDiscontinuity ? [i] : []))).toEqual([20, 21]);
  });
});
