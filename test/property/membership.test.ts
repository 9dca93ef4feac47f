// Membership by time (design.md §3): whatever the order in which the frames of up to three tracks come, each is in
// exactly one segment, that of its time, as long as no track is more than a second behind; and no cut waits longer than
// that.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { SAMPLE_BYTES_OFFSET, SAMPLE_POSITION_OFFSET, SAMPLE_RECORD_SIZE } from "../../src/abi/mp4.js";
import type { ContainerName } from "../../src/container/table.js";
import { effort, seed } from "../support/effort.js";
import { BUILDS, KernelRun, type RecordedSegment, type TestFrame } from "../support/kernel-harness.js";
import { readFrames } from "../support/oracle.js";
import { ASC, AVCC, AVCC_OTHER, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../support/test-media.js";

const SECOND = 90_000;
/** The clock of MPEG-TS starts 0.7 s ahead: tracks that are further apart overtake it, wherever a file is cut. */
const MAX_SKEW_90K = { mp4: 0.9 * SECOND, flv: 0.9 * SECOND, ts: 0.33 * SECOND };
const SECOND_AUDIO = 2;
const CONTAINERS: readonly ContainerName[] = ["mp4", "ts", "flv"];
const VARIANTS = BUILDS.flatMap((build) => CONTAINERS.map((container) => ({ build, container })));
const RUNS = { debug: effort(15, 100), release: effort(40, 400) };

interface AudioTrack {
  /** How far its frames come behind their time; negative: ahead. */
  delay90k: number;
  /** Frames that come together, when the last of them would have. */
  bundle: number;
}

interface Plan {
  gopFrames: number;
  gops: number;
  chunkSeconds: number;
  audio: AudioTrack[];
  /** GOPs that begin with another decoder configuration. */
  changes: boolean[];
}

const planOf = (delay90k: fc.Arbitrary<number>, maxBundle: number, mayChange: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    gopFrames: fc.integer({ min: 3, max: 40 }),
    gops: fc.integer({ min: 2, max: 8 }),
    chunkSeconds: fc.integer({ min: 1, max: 2 }),
    audio: fc.array(fc.record({ delay90k, bundle: fc.integer({ min: 1, max: maxBundle }) }), {
      minLength: 1,
      maxLength: 2,
    }),
    changes: fc.array(mayChange ? fc.boolean() : fc.constant(false), { minLength: 8, maxLength: 8 }),
  });

const AUDIO_STEP = 1920;
const VIDEO_STEP = 3600;
const START_90K = 10 * SECOND;

/** The frames of a plan in the order in which they come. Every payload is its own. */
function framesOf(run: KernelRun, plan: Plan, container: ContainerName): TestFrame[] {
  const videos = [run.addConfig("h264", AVCC), run.addConfig("h264", AVCC_OTHER)];
  const arriving: { frame: TestFrame; at90k: number }[] = [];
  let change = 0;
  const pictures = plan.gops * plan.gopFrames;
  for (let i = 0; i < pictures; i++) {
    const isRandomAccess = i % plan.gopFrames === 0;
    if (isRandomAccess && i > 0 && plan.changes[i / plan.gopFrames]) change ^= 1;
    const dts90k = START_90K + i * VIDEO_STEP;
    const payload = accessUnit([nalUnit(isRandomAccess ? NAL_IDR : NAL_SLICE, 20 + i, i)]);
    const frame = { track: TRACK_VIDEO, config: videos[change] ?? 0, dts90k, isRandomAccess, payload };
    arriving.push({ frame, at90k: dts90k });
  }
  // FLV carries one audio track.
  for (const [number, { delay90k, bundle }] of plan.audio.slice(0, container === "flv" ? 1 : 2).entries()) {
    const track = number === 0 ? TRACK_AUDIO : SECOND_AUDIO;
    const config = run.addConfig("aac", ASC, true, { track });
    for (let i = 0; i * AUDIO_STEP < pictures * VIDEO_STEP; i++) {
      const dts90k = START_90K + i * AUDIO_STEP;
      const last = (Math.floor(i / bundle) + 1) * bundle - 1;
      const frame = { track, config, dts90k, payload: Uint8Array.of(track, i >> 8, i & 255, 7, 7, 7) };
      arriving.push({ frame, at90k: START_90K + last * AUDIO_STEP + delay90k });
    }
  }
  return arriving.sort((a, b) => a.at90k - b.at90k).map(({ frame }) => frame);
}

/** The payloads of a segment, as text. */
function contentsOf(container: ContainerName, segment: RecordedSegment): string[] {
  if (container !== "mp4")
    return readFrames(container, segment.files[0] ?? Buffer.alloc(0)).map((frame) => frame.content);
  const media = segment.files[0] ?? Buffer.alloc(0);
  return segment.files.slice(1).flatMap((records, track) =>
    Array.from({ length: records.byteLength / SAMPLE_RECORD_SIZE }, (_, i) => {
      const at = i * SAMPLE_RECORD_SIZE;
      const position = Number(records.readBigUInt64LE(at + SAMPLE_POSITION_OFFSET));
      const sizeBytes = records.readUInt32LE(at + SAMPLE_BYTES_OFFSET);
      return media.subarray(position + (track === TRACK_VIDEO ? 4 : 0), position + sizeBytes).toString("hex");
    }),
  );
}

function contentOf(frame: TestFrame): string {
  return Buffer.from(frame.payload.subarray(frame.track === TRACK_VIDEO ? 4 : 0)).toString("hex");
}

interface Recorded {
  frames: TestFrame[];
  /** The frames of each segment, in the order of the file. */
  segments: TestFrame[][];
  /** Most media that the cursor kept waiting. */
  mostWaiting90k: number;
}

function record(run: KernelRun, plan: Plan, container: ContainerName, drainAt: () => boolean): Recorded {
  const frames = framesOf(run, plan, container);
  let mostWaiting90k = 0;
  let newest90k = 0;
  for (const frame of frames) {
    run.push(frame);
    newest90k = Math.max(newest90k, frame.dts90k);
    if (!drainAt()) continue;
    run.drainAll();
    const waiting = run.ring.frameAt(run.tail);
    if (waiting && run.segments.length > 0) mostWaiting90k = Math.max(mostWaiting90k, newest90k - waiting.dts90k);
  }
  const byContent = new Map(frames.map((frame) => [contentOf(frame), frame]));
  const segments = run
    .finish()
    .map((segment) => contentsOf(container, segment).map((content) => byContent.get(content) as TestFrame));
  return { frames, segments, mostWaiting90k };
}

describe.each(VARIANTS)("$container, $build build", ({ build, container }) => {
  const skew90k = MAX_SKEW_90K[container];
  const limit90k = container === "ts" ? skew90k : 5 * SECOND;
  const check = (plans: fc.Arbitrary<Plan>, predicate: (recorded: Recorded) => void): void => {
    const drains = fc.infiniteStream(fc.oneof(fc.boolean(), fc.constant(false)));
    fc.assert(
      fc.property(plans, drains, (plan, drainAt) => {
        const run = new KernelRun({ container, build, chunkLength90k: plan.chunkSeconds * SECOND });
        predicate(record(run, plan, container, () => drainAt.next().value ?? true));
      }),
      { numRuns: RUNS[build], seed },
    );
  };

  const expectOnce = ({ frames, segments }: Recorded): void => {
    const seen = segments.flat();
    expect(seen).toHaveLength(frames.length);
    expect(new Set(seen).size).toBe(frames.length);
    for (const segment of segments) {
      for (const track of [TRACK_VIDEO, TRACK_AUDIO, SECOND_AUDIO]) {
        const times = segment.filter((frame) => frame.track === track).map((frame) => frame.dts90k);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }
    }
  };

  const expectByTime = ({ segments }: Recorded): void => {
    const cuts = segments.map((segment) => {
      const first = segment.find((frame) => frame.track === TRACK_VIDEO);
      expect(first?.isRandomAccess).toBe(true);
      return first?.dts90k ?? 0;
    });
    for (const [i, segment] of segments.entries()) {
      for (const frame of segment) {
        if (i > 0) expect(frame.dts90k).toBeGreaterThanOrEqual(cuts[i] ?? 0);
        if (i + 1 < segments.length) expect(frame.dts90k).toBeLessThan(cuts[i + 1] ?? 0);
      }
    }
  };

  it("has every frame in the segment of its time, however far tracks are ahead or behind within a second", () => {
    // A bundle of 12 frames is 0.23 s of the delay.
    const delay90k = fc.integer({ min: -skew90k, max: skew90k - 11 * AUDIO_STEP });
    check(planOf(delay90k, 12, false), (recorded) => {
      expectOnce(recorded);
      expectByTime(recorded);
      expect(recorded.mostWaiting90k).toBeLessThanOrEqual(SECOND + skew90k);
    });
  });

  it("has them there also where decoder configurations change", () => {
    const delay90k = fc.integer({ min: 0, max: skew90k - 11 * AUDIO_STEP });
    check(planOf(delay90k, 12, true), (recorded) => {
      expectOnce(recorded);
      expectByTime(recorded);
    });
  });

  it("has every frame once, and waits no longer than a second, however far behind a track is", () => {
    const delay90k = fc.integer({ min: -limit90k, max: limit90k });
    check(planOf(delay90k, container === "ts" ? 1 : 60, true), (recorded) => {
      expectOnce(recorded);
      for (const segment of recorded.segments)
        expect(segment.find((frame) => frame.track === TRACK_VIDEO)?.isRandomAccess ?? true).toBe(true);
    });
  });
});
