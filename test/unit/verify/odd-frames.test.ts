// `reel verify` on what odd encoders leave, in each container: pictures that are halves or doubles, times that stand
// still, parameter sets that are not the file's. Every kind is named with its time; what is odd and sound is not named.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { finishMp4 } from "../../../src/container/mp4/finish.js";
import { parseHvcDecoderConfiguration } from "../../../src/media/codec/h265/decoder-configuration.js";
import type { FileReport } from "../../../src/verify/file-report.js";
import { verifyFile } from "../../../src/verify/verify-file.js";
import { BitWriter } from "../../support/bit-writer.js";
import { KernelRun, type TestFrame, testModule } from "../../support/kernel-harness.js";
import { recordJournal } from "../../support/mp4-journal.js";
import { recoveryPoint, SLICE_I, SLICE_P, slice } from "../../support/pictures.js";
import { scratch } from "../../support/scratch.js";
import {
  ASC,
  AVCC,
  AVCC_OTHER,
  accessUnit,
  H265_CRA,
  H265_IDR,
  H265_RASL,
  H265_TRAIL,
  HVCC,
  h265NalUnit,
  NAL_SLICE,
  nalUnit,
} from "../../support/test-media.js";

const { path, write } = scratch();
const CONTAINERS = ["mp4", "ts", "flv"] as const;
type Container = (typeof CONTAINERS)[number];
/** The picture that is odd. */
const ODD = 30;
const FRAME_90K = 3600;
const AUDIO_90K = 1920;
const SECONDS = 3;

/** What a frame is changed to; undefined: it is left out. */
type Change = (frame: TestFrame, index: number) => TestFrame | undefined;

function media(run: KernelRun, change: Change, codec: "h264" | "h265"): TestFrame[] {
  const video = run.addConfig(codec, codec === "h264" ? AVCC : HVCC);
  const audio = run.addConfig("aac", ASC);
  const frames: TestFrame[] = [];
  for (let i = 0; i < SECONDS * 25; i++) {
    const isRandomAccess = i % 25 === 0;
    const payload = accessUnit([slice(isRandomAccess ? SLICE_I : SLICE_P, i, isRandomAccess)]);
    const frame = {
      track: TRACK_VIDEO,
      config: video,
      dts90k: i * FRAME_90K,
      ctsOffset90k: 0,
      isRandomAccess,
      payload,
    };
    const changed = change(frame, i);
    if (changed) frames.push(changed);
  }
  for (let i = 0; i * AUDIO_90K < SECONDS * 90_000; i++) {
    const payload = new Uint8Array(100).fill(1 + (i % 250));
    const frame = { track: TRACK_AUDIO, config: audio, dts90k: i * AUDIO_90K, isRandomAccess: true, payload };
    const changed = change(frame, i);
    if (changed) frames.push(changed);
  }
  return frames.sort((a, b) => a.dts90k - b.dts90k || a.track - b.track);
}

let files = 0;
async function report(container: Container, change: Change, codec: "h264" | "h265" = "h264"): Promise<FileReport> {
  if (container === "mp4") {
    const finalPath = path(`odd-${files++}.mp4`);
    recordJournal({ build: "release", finalPath }, (run) => media(run, change, codec));
    finishMp4(finalPath, { durability: "none", module: testModule("release") });
    return verifyFile(finalPath);
  }
  const run = new KernelRun({ build: "release", container });
  for (const frame of media(run, change, codec)) run.push(frame);
  return verifyFile(write(`odd.${container}`, run.finish()[0]?.files[0] ?? Buffer.alloc(0)));
}

const picture =
  (...nals: Uint8Array[]): Change =>
  (frame, i) =>
    frame.track === TRACK_VIDEO && i === ODD ? { ...frame, payload: accessUnit(nals) } : frame;

/** A slice with another head than a whole picture's. */
function sliceAt(firstMacroblock: number, ppsId: number): Uint8Array {
  const nal = nalUnit(NAL_SLICE, 40, 5);
  nal.set(new BitWriter().ue(firstMacroblock).ue(SLICE_P).ue(ppsId).u(8, 0xa5).align().bytes(), 1);
  return nal;
}

const isVideo = (frame: TestFrame): boolean => frame.track === TRACK_VIDEO;
const BEFORE_START = /^decoding cannot start with the first (picture|sample)$/;

type Kind = [string, Change, RegExp, number, (readonly Container[])?];

/** Of any codec. */
const TIMES: readonly Kind[] = [
  [
    "a picture shown hours later",
    (frame, i) => (isVideo(frame) && i === ODD ? { ...frame, ctsOffset90k: 8000 * 90_000 } : frame),
    /^is shown 8000000 ms after it is decoded$/,
    1200,
  ],
  [
    "audio in bundles of one time",
    (frame, i) => (isVideo(frame) ? frame : { ...frame, dts90k: (i - (i % 7)) * AUDIO_90K + (i % 7) }),
    /^is among [67] audio frames within a millisecond$/,
    0,
  ],
  [
    "video that stands still",
    (frame, i) => (isVideo(frame) ? { ...frame, dts90k: i } : frame),
    /^is among \d\d video frames within a millisecond$/,
    0,
  ],
  [
    "audio that stands still",
    (frame, i) => (isVideo(frame) ? frame : { ...frame, dts90k: i }),
    /^is among \d+ audio/,
    0,
  ],
];

const KINDS: readonly Kind[] = [
  ["half a picture", picture(sliceAt(120, 0)), /^begins with macroblock 120: it is a part of a picture$/, 1200],
  ["two pictures in one", picture(slice(SLICE_P, 1), slice(SLICE_P, 2)), /^holds 2 pictures$/, 1200],
  ["a picture without a slice", picture(nalUnit(6, 30)), /^(has no|a picture without a) slice$/, 1200],
  [
    "a set that nobody gave",
    picture(sliceAt(0, 7)),
    /^refers to picture parameter set 7, which the file does not/,
    1200,
  ],
  [
    "sets in band that are not the header's",
    picture(AVCC_OTHER.subarray(8, 34), slice(SLICE_P, 1)),
    /^carries parameter sets that are not those of the file's header$/,
    1200,
    ["mp4", "flv"],
  ],
  [
    "a first picture that is none to begin with",
    (frame, i) => (isVideo(frame) && i === 0 ? { ...frame, payload: accessUnit([slice(SLICE_P, 0)]) } : frame),
    BEFORE_START,
    0,
  ],
  [
    "pictures before the first",
    (frame, i) => {
      if (!isVideo(frame)) return frame;
      if (i > 0) return { ...frame, ctsOffset90k: i < 3 ? 0 : FRAME_90K };
      return {
        ...frame,
        ctsOffset90k: 2 * FRAME_90K + 900,
        payload: accessUnit([recoveryPoint(0), slice(SLICE_I, 0)]),
      };
    },
    /^is shown before the first picture: what it refers to is not in the file$/,
    40,
  ],
  ...TIMES,
];

for (const container of CONTAINERS) {
  describe(`${container} of odd frames`, () => {
    it("is sound where they are whole, and when audio ends or begins early", async () => {
      expect((await report(container, (frame) => frame)).defects).toEqual([]);
      const early = await report(container, (frame) => (!isVideo(frame) && frame.dts90k > 230_000 ? undefined : frame));
      expect(early.defects).toEqual([]);
      expect(early.avSkewEndMs).toBeLessThan(-300);
      const late = await report(container, (frame) => (!isVideo(frame) && frame.dts90k < 40_000 ? undefined : frame));
      expect(late.defects).toEqual([]);
      expect(late.avSkewStartMs).toBeGreaterThan(300);
    });

    it("names a hole of the audio in its middle as a gap", async () => {
      const hole = (frame: TestFrame): boolean => !isVideo(frame) && frame.dts90k > 90_000 && frame.dts90k < 130_000;
      const { defects, gaps } = await report(container, (frame) => (hole(frame) ? undefined : frame));
      expect(defects).toEqual([]);
      expect(gaps.map((gap) => Math.round(gap.missingMs / 10))).toEqual([45]);
    });

    for (const [name, change, message, atMs, where = CONTAINERS] of KINDS) {
      if (!where.includes(container)) continue;
      it(`names ${name}`, async () => {
        const { defects } = await report(container, change);
        const found = defects.find((defect) => message.test(defect.message));
        expect(found, JSON.stringify(defects.slice(0, 5))).toBeDefined();
        // Transport streams begin at a second.
        expect(Math.abs((found?.atMs ?? Number.NaN) - atMs - (container === "ts" ? 1000 : 0))).toBeLessThan(45);
      });
    }
  });
}

/** H.265: a slice segment of the first picture parameter set, the first of its picture unless said otherwise. */
function h265Slice(type: number, seed: number, isFirst = true, ppsId = 0): Uint8Array {
  const nal = h265NalUnit(type, 40, seed);
  const bits = new BitWriter().u(1, isFirst ? 1 : 0);
  if (type >= H265_IDR) bits.u(1, 0); // no_output_of_prior_pics_flag
  nal.set(bits.ue(ppsId).u(8, 0xa5).align().bytes(), 2);
  return nal;
}

const trail = (seed: number, isFirst = true, ppsId = 0): Uint8Array => h265Slice(H265_TRAIL, seed, isFirst, ppsId);
/** The sets of HVCC, by their arrays: video, sequence and picture parameter set. */
const [, , hevcPps = new Uint8Array()] = parseHvcDecoderConfiguration(HVCC).parameterSets;

const H265_KINDS: readonly Kind[] = [
  ...TIMES,
  ["half a picture", picture(trail(1, false)), /^begins with a later slice of a picture: it is a part of one$/, 1200],
  ["two pictures in one", picture(trail(1), trail(2)), /^holds 2 pictures$/, 1200],
  ["a picture without a slice", picture(h265NalUnit(39, 30)), /^(has no|a picture without a) slice$/, 1200],
  ["a set that nobody gave", picture(trail(1, true, 7)), /^refers to picture parameter set 7, which/, 1200],
  [
    "sets in band that are not the header's",
    picture(
      hevcPps.map((byte, i) => (i === 3 ? byte ^ 0x10 : byte)),
      trail(1),
    ),
    /^carries parameter sets that are not those of the file's header$/,
    1200,
    ["mp4", "flv"],
  ],
  [
    "a first picture that is none to begin with",
    (frame, i) => (isVideo(frame) && i === 0 ? { ...frame, payload: accessUnit([trail(0)]) } : frame),
    BEFORE_START,
    0,
  ],
];

function h265(change: Change): Change {
  return (frame, i) => {
    if (!isVideo(frame)) return change(frame, i);
    const type = frame.isRandomAccess ? H265_IDR : H265_TRAIL;
    return change({ ...frame, payload: accessUnit([h265Slice(type, i), h265Slice(type, i + 1000, false)]) }, i);
  };
}

for (const container of CONTAINERS) {
  describe(`${container} of odd frames of H.265`, () => {
    it("is sound where pictures have several slices, and begin with a CRA and what it skips", async () => {
      expect(
        (
          await report(
            container,
            h265((frame) => frame),
            "h265",
          )
        ).defects,
      ).toEqual([]);
      const open = await report(
        container,
        h265((frame, i) => {
          if (!isVideo(frame) || i > 2) return { ...frame, ctsOffset90k: isVideo(frame) ? 2 * FRAME_90K : 0 };
          const type = i === 0 ? H265_CRA : H265_RASL;
          return { ...frame, ctsOffset90k: i === 0 ? 3 * FRAME_90K : 0, payload: accessUnit([h265Slice(type, i)]) };
        }),
        "h265",
      );
      expect(open.defects).toEqual([]);
    });

    for (const [name, change, message, atMs, where = CONTAINERS] of H265_KINDS) {
      if (!where.includes(container)) continue;
      it(`names ${name}`, async () => {
        const { defects } = await report(container, h265(change), "h265");
        const found = defects.find((defect) => message.test(defect.message));
        expect(found, JSON.stringify(defects.slice(0, 5))).toBeDefined();
        expect(Math.abs((found?.atMs ?? Number.NaN) - atMs - (container === "ts" ? 1000 : 0))).toBeLessThan(45);
      });
    }
  });
}
