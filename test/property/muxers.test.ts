// Properties of the stream muxers for any stream, any drain points and any output buffers: the files are the same, the
// readers find no fault, and every frame is in exactly one segment. Hostile streams: nothing is read or written out of
// bounds, whatever payloads and times say.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { effort, seed } from "../support/effort.js";
import {
  BUILDS,
  KernelRun,
  type KernelRunOptions,
  type RecordedSegment,
  type TestFrame,
} from "../support/kernel-harness.js";
import { expectFrames, STREAM_CONTAINERS } from "../support/oracle.js";
import { ASC, AVCC, AVCC_OTHER, accessUnit, NAL_IDR, NAL_SEI, NAL_SLICE, nalUnit } from "../support/test-media.js";

const VARIANTS = BUILDS.flatMap((build) => STREAM_CONTAINERS.map((container) => ({ build, container })));
const RUNS = { debug: effort(25, 150), release: effort(60, 500) };

interface Step {
  isAudio: boolean;
  delta90k: number;
  cts90k: number;
  isRandomAccess: boolean;
  isDiscontinuity: boolean;
  sizes: number[];
  configChange: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  isAudio: fc.boolean(),
  delta90k: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 6000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 6000, max: 1_500_000 }) },
  ),
  cts90k: fc.integer({ min: 0, max: 20_000 }),
  isRandomAccess: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  isDiscontinuity: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  sizes: fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 1, max: 400 }) },
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 4000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 70_000 }) },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  configChange: fc.oneof({ weight: 60, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

interface Plan {
  steps: Step[];
  chunkLength90k: number;
  waitForIdr: boolean;
  hasAudio: boolean;
  lateAudio: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 80 }),
  chunkLength90k: fc.constantFrom(0, 20_000, 90_000, 400_000),
  waitForIdr: fc.boolean(),
  hasAudio: fc.boolean(),
  lateAudio: fc.boolean(),
});

/**
 * The frames of a plan: one clock for both tracks, that never goes back; the first picture is a random access point.
 */
function framesOf(run: KernelRun, { steps, lateAudio }: Plan): TestFrame[] {
  const configs = [run.addConfig("h264", AVCC), run.addConfig("h264", AVCC_OTHER)];
  const audio = run.addConfig("aac", ASC, !lateAudio);
  let dts90k = 5_000_000;
  let hasVideo = false;
  let config = 0;
  return steps.map((s, i) => {
    dts90k += s.delta90k;
    if (s.isAudio && hasVideo)
      return {
        track: TRACK_AUDIO,
        config: audio,
        dts90k,
        payload: nalUnit(NAL_SLICE, Math.min(s.sizes[0] ?? 1, 8000), i),
      };
    if (s.configChange && hasVideo) config ^= 1;
    const isRandomAccess = s.isRandomAccess || !hasVideo;
    hasVideo = true;
    const nals = s.sizes.map((size, k) =>
      nalUnit(k === 0 && s.sizes.length > 2 ? NAL_SEI : isRandomAccess ? NAL_IDR : NAL_SLICE, size, i * 7 + k),
    );
    const { cts90k: ctsOffset90k, isDiscontinuity } = s;
    return {
      track: TRACK_VIDEO,
      config: configs[config] ?? 0,
      dts90k,
      ctsOffset90k,
      isRandomAccess,
      isDiscontinuity,
      payload: accessUnit(nals),
    };
  });
}

describe.each(VARIANTS)("$container, $build build", ({ build, container }) => {
  const check = <T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void => {
    fc.assert(fc.property(arbitrary, predicate), { numRuns: RUNS[build], seed });
  };

  const record = (
    p: Plan,
    options: Partial<KernelRunOptions>,
    drainAt: (i: number) => boolean,
  ): { frames: TestFrame[]; segments: RecordedSegment[] } => {
    const { chunkLength90k, waitForIdr, hasAudio } = p;
    const run = new KernelRun({
      container,
      build,
      ringBytes: 1 << 20,
      chunkLength90k,
      waitForIdr,
      hasAudio,
      ...options,
    });
    const frames = framesOf(run, p);
    // The first frame is drained alone, so that zero and the tracks a segment opens with are the same in every run;
    // cuts see to the rest.
    frames.forEach((frame, i) => {
      run.push(frame);
      if (i === 0 || drainAt(i)) run.drainAll();
    });
    return { frames: frames.filter((frame) => hasAudio || frame.track === TRACK_VIDEO), segments: run.finish() };
  };

  it("holds every frame exactly once, at its time, in files without fault", () => {
    check(plan, (p) => {
      const { frames, segments } = record(p, {}, () => false);
      for (const read of expectFrames(container, frames, segments))
        if (p.waitForIdr && read[0]?.track === "video") expect(read[0].dts90k).toBe(0);
    });
  });

  it("gives the same bytes wherever drains and output buffers end", () => {
    // Without a late track: when that joins depends on what the ring held when a segment was opened, as it has to.
    const stable = plan.map((p) => ({ ...p, lateAudio: false }));
    check(
      fc.tuple(stable, fc.infiniteStream(fc.boolean()), fc.infiniteStream(fc.integer({ min: 1, max: 40_000 }))),
      ([p, drains, capacities]) => {
        const whole = record(p, { capacityBytes: 512 << 10 }, () => false);
        const split = record(
          p,
          { capacityBytes: () => capacities.next().value ?? 1 },
          () => drains.next().value ?? true,
        );
        expect(split.segments.map((segment) => segment.files[0])).toEqual(
          whole.segments.map((segment) => segment.files[0]),
        );
      },
    );
  });

  it("stays in bounds for any payload, time and offset", () => {
    const hostile = fc.record({
      track: fc.constantFrom(TRACK_VIDEO, TRACK_AUDIO),
      jump90k: fc.oneof(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: -(2 ** 36), max: 2 ** 36 })),
      ctsOffset90k: fc.integer(),
      isRandomAccess: fc.boolean(),
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        // Plausible lengths in front of too little or too much.
        fc
          .array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.uint8Array({ maxLength: 300 })), { maxLength: 5 })
          .map((parts) =>
            Uint8Array.from(parts.flatMap(([length, bytes]) => [0, 0, length >> 8, length & 255, ...bytes])),
          ),
        fc
          .integer({ min: 1, max: 2000 })
          .map((count) => Uint8Array.from({ length: count * 5 }, (_, i) => (i % 5 === 3 ? 1 : i % 5 === 4 ? 1 : 0))),
      ),
    });
    check(
      fc.tuple(fc.array(hostile, { maxLength: 60 }), fc.infiniteStream(fc.integer({ min: 1, max: 3000 }))),
      ([frames, capacities]) => {
        const run = new KernelRun({
          container,
          build,
          waitForIdr: false,
          capacityBytes: () => capacities.next().value ?? 1,
        });
        const configs = [run.addConfig("h264", AVCC), run.addConfig("aac", ASC)];
        let dts90k = 0;
        for (const { track, jump90k, ctsOffset90k, isRandomAccess, payload } of frames) {
          dts90k = Math.max(0, dts90k + jump90k);
          run.push({ track, config: configs[track] ?? 0, dts90k, ctsOffset90k, isRandomAccess, payload });
        }
        const segments = run.finish();
        // The harness has guarded every output buffer; the frames are all accounted for.
        const counted = segments.flatMap((segment) => [
          ...segment.tracks.map((track) => track.frames),
          ...segment.leftOut.frames,
        ]);
        expect(counted.reduce((sum, count) => sum + count, 0)).toBe(frames.length);
      },
    );
  });
});
