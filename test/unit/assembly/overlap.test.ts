// Where two segments overlap in the ring: tracks that come ahead of their time or behind it, around a cut. What holds
// for any order is in test/property/membership.test.ts; here are the places where one tick or one call decides.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { STATUS_CUT, STATUS_STOPPED } from "../../../src/abi/status.js";
import { KernelRun, type KernelRunOptions, type TestFrame } from "../../support/kernel-harness.js";
import { expectFrames, STREAM_CONTAINERS } from "../../support/oracle.js";
import { ASC, AVCC, makeMedia } from "../../support/test-media.js";

const SECOND = 90_000;

/** The frames in the order in which they come: audio so much later than its time (negative: earlier). */
function arriving(frames: readonly TestFrame[], audioDelay90k: number): TestFrame[] {
  const at = ({ track, dts90k }: TestFrame): number =>
    track === TRACK_VIDEO ? dts90k : Math.max(dts90k + audioDelay90k, 1);
  return [...frames].sort((a, b) => at(a) - at(b));
}

describe.each(STREAM_CONTAINERS)("an overlap: %s", (container) => {
  const start = (options: Partial<KernelRunOptions>): KernelRun =>
    new KernelRun({ build: "release", container, ...options });
  const media = (run: KernelRun, durationMs: number, frameMs = 40, delay90k = 0): TestFrame[] =>
    makeMedia({
      durationMs,
      video: { config: run.addConfig("h264", AVCC), frameMs, gopFrames: 1000 / frameMs },
      audio: { config: run.addConfig("aac", ASC), frame90k: 1800, delay90k },
    });

  /** Records them; segments begin every two seconds. */
  function expectByTime(run: KernelRun, frames: readonly TestFrame[], drainEvery: number): void {
    frames.forEach((frame, i) => {
      run.push(frame);
      if (i % drainEvery === 0) run.drainAll();
    });
    const segments = run.finish();
    expect(segments.map(({ zero90k }) => zero90k / SECOND)).toEqual([0, 2, 4]);
    expect(segments.map(({ endedBy }) => endedBy)).toEqual([STATUS_CUT, STATUS_CUT, STATUS_STOPPED]);
    const number = ({ dts90k }: TestFrame): number => Math.floor(dts90k / (2 * SECOND));
    const bySegment = segments.map((_, segment) => frames.filter((frame) => number(frame) === segment));
    const read = expectFrames(container, bySegment.flat(), segments);
    expect(read.map(({ length }) => length)).toEqual(bySegment.map(({ length }) => length));
  }

  for (const drainEvery of [1, 1000]) {
    it(`is cut at the picture where later audio comes ahead of it (drained every ${drainEvery})`, () => {
      const run = start({ chunkLength90k: 2 * SECOND });
      expectByTime(run, arriving(media(run, 5000, 40, 700), -0.2 * SECOND), drainEvery);
    });

    it(`gives the segment what comes behind the cut in the same call (drained every ${drainEvery})`, () => {
      const run = start({ chunkLength90k: 2 * SECOND });
      expectByTime(run, arriving(media(run, 5000), 0.3 * SECOND), drainEvery);
    });

    // Half a second early is as early as any cut comes: from there on audio waits for what the video says.
    it(`leaves audio of the earliest time of a cut for the next segment (drained every ${drainEvery})`, () => {
      const run = start({ chunkLength90k: 2.5 * SECOND });
      expectByTime(run, arriving(media(run, 5000, 1000), -1), drainEvery);
    });
  }

  it("ends with the recording where a jump has led to no random access point before its stop", () => {
    const run = start({ chunkLength90k: 2 * SECOND });
    const frames = arriving(media(run, 3000), 0.5 * SECOND);
    const cut = frames.findIndex(({ track, dts90k }) => track === TRACK_VIDEO && dts90k === 2 * SECOND);
    for (const frame of frames.slice(0, cut + 1)) run.push(frame);
    run.drainAll(); // the cut waits for audio
    expect(run.segments).toEqual([]);
    const skipped = frames.slice(cut + 1, cut + 20);
    expect(skipped.some(({ track, isRandomAccess }) => track === TRACK_VIDEO && isRandomAccess)).toBe(false);
    const [next = 0] = skipped.map((frame) => run.push(frame));
    run.jump(next, true);
    const segments = run.finish();
    expect(segments.map(({ endedBy }) => endedBy)).toEqual([STATUS_STOPPED]);
    expect(run.skipped.frames).toEqual(
      [TRACK_VIDEO, TRACK_AUDIO].map((track) => skipped.filter((frame) => frame.track === track).length),
    );
    expectFrames(container, frames.slice(0, cut), segments);
  });
});
