// The drain kernel, for every container that is a single stream of bytes: where recordings start, where segments are
// cut, what a stop, a jump or a changed configuration does to the frames. design.md §3; ems-record-spec §3.4.

import { describe, expect, it } from "vitest";
import { FLAG_LEADING, FLAG_SKIPPED_LEADING, MAX_TRACKS, TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { STOP_AT_INDEX, STOP_AT_RANDOM_ACCESS } from "../../../src/abi/recording.js";
import { SEG_SIZE } from "../../../src/abi/segment.js";
import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_READY,
  STATUS_STOPPED,
} from "../../../src/abi/status.js";
import { BUILDS, KernelRun, type KernelRunOptions, type TestFrame } from "../../support/kernel-harness.js";
import { expectFrames, readFrames, STREAM_CONTAINERS } from "../../support/oracle.js";
import { ASC, AVCC, AVCC_OTHER, accessUnit, makeAv, makeMedia, NAL_SLICE, nalUnit } from "../../support/test-media.js";

const SECOND = 90_000;
const VARIANTS = BUILDS.flatMap((build) => STREAM_CONTAINERS.map((container) => ({ build, container })));

function record(run: KernelRun, frames: readonly TestFrame[]): void {
  for (const frame of frames) run.push(frame);
}

describe.each(VARIANTS)("drain: $container, $build build", ({ build, container }) => {
  const start = (options: Partial<KernelRunOptions> = {}): KernelRun => new KernelRun({ build, container, ...options });

  it("writes every frame of a stream into one segment that begins at zero", () => {
    const run = start();
    const frames = makeAv(run, 3000, 7 * SECOND);
    record(run, frames);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_STOPPED]);
    const [read] = expectFrames(container, frames, segments);
    expect(read?.[0]?.dts90k).toBe(0);
    expect(segments[0]?.tracks.map((track) => track.frames)).toEqual([75, 141]);
    expect(segments[0]?.tracks[TRACK_VIDEO]?.randomAccess).toBe(3);
  });

  it("cuts at the first random access point once chunkLength less half a frame has passed", () => {
    const run = start({ chunkLength90k: 2 * SECOND });
    const frames = makeAv(run, 7000);
    record(run, frames);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_CUT, STATUS_CUT, STATUS_CUT, STATUS_STOPPED]);
    for (const read of expectFrames(container, frames, segments)) {
      expect(read[0]).toMatchObject({ track: "video", isKey: true, dts90k: 0 });
    }
    expect(segments.map((segment) => segment.zero90k / SECOND)).toEqual([0, 2, 4, 6]);
  });

  it("leaves skipped leading pictures out where a recording starts at their random access point, and nowhere else", () => {
    const RASL = FLAG_LEADING | FLAG_SKIPPED_LEADING;
    for (const drainEvery of [1, 3, 1000]) {
      const run = start({ chunkLength90k: SECOND });
      // Every second: | CRA | RASL | RADL | RASL | trailing …
      const frames = makeAv(run, 3000).map((frame) => {
        const inGop = (frame.dts90k % SECOND) / 3600;
        const isVideo = frame.track === TRACK_VIDEO;
        return { ...frame, leading: !isVideo ? 0 : inGop === 1 || inGop === 3 ? RASL : inGop === 2 ? FLAG_LEADING : 0 };
      });
      frames.forEach((frame, i) => {
        run.push(frame);
        if (i % drainEvery === 0) run.drainAll();
      });
      const segments = run.finish();
      const dropped = frames.filter(({ leading, dts90k }) => leading === RASL && dts90k < SECOND);
      expectFrames(
        container,
        frames.filter((frame) => !dropped.includes(frame)),
        segments,
      );
      expect(segments.map(({ leftOut }) => leftOut.frames[TRACK_VIDEO])).toEqual([2, 0, 0]);
    }
  });

  it("cuts on a random access point that comes a few ticks early", () => {
    const run = start({ chunkLength90k: 2 * SECOND });
    const frames = makeAv(run, 4000).map((frame) =>
      frame.dts90k >= 2 * SECOND ? { ...frame, dts90k: frame.dts90k - 900 } : frame,
    );
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    expect(segments).toHaveLength(2);
  });

  it("cuts on any frame with waitForIDR=0", () => {
    const run = start({ chunkLength90k: SECOND / 2, waitForIdr: false });
    const frames = makeMedia({
      durationMs: 2000,
      video: { config: run.addConfig("h264", AVCC), gopFrames: 250 },
      audio: { config: run.addConfig("aac", ASC) },
    });
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    const lengths = segments.slice(1).map((segment, i) => segment.zero90k - (segments[i]?.zero90k ?? 0));
    expect(lengths).toHaveLength(4);
    // Half a frame early at the earliest, and late by less than a frame.
    for (const length of lengths) {
      expect(length).toBeGreaterThanOrEqual(SECOND / 2 - 1800);
      expect(length).toBeLessThan(SECOND / 2 + 1920);
    }
  });

  it("waits for a random access point with waitForIDR=1, however late it is", () => {
    const run = start({ chunkLength90k: SECOND });
    const frames = makeMedia({
      durationMs: 8000,
      video: { config: run.addConfig("h264", AVCC), gopFrames: 75 },
      audio: { config: run.addConfig("aac", ASC) },
    });
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    expect(segments.map((segment) => segment.zero90k / SECOND)).toEqual([0, 3, 6]);
  });

  it("drops what comes before the first random access point, audio too, whenever the ring is looked at", () => {
    for (const drainEvery of [1, 7, 1000]) {
      const run = start();
      const frames = makeMedia({
        durationMs: 4000,
        video: { config: run.addConfig("h264", AVCC), firstIsRandomAccess: false },
        audio: { config: run.addConfig("aac", ASC) },
      });
      frames.forEach((frame, i) => {
        run.push(frame);
        if (i % drainEvery === 0) run.drainAll();
      });
      const first = frames.findIndex((frame) => frame.track === TRACK_VIDEO && frame.isRandomAccess);
      expectFrames(container, frames.slice(first), run.finish());
    }
  });

  it("keeps the leading audio of a stream that is recorded from its start", () => {
    const run = start();
    const video = run.addConfig("h264", AVCC);
    const audio = run.addConfig("aac", ASC);
    const frames = [
      ...makeMedia({ durationMs: 300, audio: { config: audio } }),
      ...makeMedia({
        durationMs: 1000,
        start90k: 0.3 * SECOND,
        video: { config: video },
        audio: { config: audio, delay90k: 1800 },
      }),
    ];
    record(run, frames);
    expectFrames(container, frames, run.finish());
  });

  it("records the audio when no video comes within a second, and lets the video join", () => {
    const run = start();
    const video = run.addConfig("h264", AVCC, false);
    const audio = run.addConfig("aac", ASC);
    const frames = [
      ...makeMedia({ durationMs: 1500, audio: { config: audio } }),
      ...makeMedia({
        durationMs: 1000,
        start90k: 1.5 * SECOND,
        video: { config: video },
        audio: { config: audio, delay90k: 1440 },
      }),
    ];
    frames.forEach((frame, i) => {
      run.push(frame);
      if (i % 5 === 0) run.drainAll();
    });
    const segments = run.finish();
    expect(segments).toHaveLength(1);
    expectFrames(container, frames, segments);
  });

  it("keeps the leading audio of a recording that is stopped before any video came", () => {
    const run = start();
    const frames = makeMedia({ durationMs: 400, audio: { config: run.addConfig("aac", ASC) } });
    record(run, frames);
    run.drainAll();
    expect(run.segments).toHaveLength(0);
    const segments = run.finish();
    expectFrames(container, frames, segments);
  });

  it("starts anywhere with waitForIDR=0", () => {
    const run = start({ waitForIdr: false });
    const frames = makeMedia({
      durationMs: 2000,
      video: { config: run.addConfig("h264", AVCC), firstIsRandomAccess: false },
    });
    record(run, frames);
    expectFrames(container, frames, run.finish());
  });

  it("records audio alone, and cuts it by time", () => {
    const run = start({ hasVideo: false, chunkLength90k: SECOND });
    const frames = makeMedia({ durationMs: 3500, audio: { config: run.addConfig("aac", ASC) } });
    record(run, frames);
    const segments = run.finish();
    expect(segments).toHaveLength(4);
    expectFrames(container, frames, segments);
  });

  it("cuts audio alone at the frame nearest to the time", () => {
    const run = start({ hasVideo: false, chunkLength90k: 5 * SECOND });
    const frames = makeMedia({ durationMs: 11_000, audio: { config: run.addConfig("aac", ASC) } });
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    // 5 s are 234.375 frames of 1024 samples: the cut is 8 ms early, not 13.3 ms late.
    expect(segments.map((segment) => segment.tracks[TRACK_AUDIO]?.frames)).toEqual([234, 234, 48]);
  });

  it("cuts at an audio frame with the tolerance of audio, however long a video frame lasts", () => {
    const run = start({ waitForIdr: false, chunkLength90k: 2 * SECOND });
    const frames = makeMedia({
      durationMs: 7000,
      video: { config: run.addConfig("h264", AVCC), frameMs: 700, gopFrames: 100 },
      audio: { config: run.addConfig("aac", ASC) },
    });
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    expect(segments).toHaveLength(4);
    for (const [i, segment] of segments.slice(1).entries()) {
      expect(Math.abs(segment.zero90k - (segments[i]?.zero90k ?? 0) - 2 * SECOND)).toBeLessThanOrEqual(960);
    }
  });

  it("knows half a frame also where segments have a single picture", () => {
    const run = start({ chunkLength90k: SECOND });
    const video = run.addConfig("h264", AVCC);
    const frames = makeMedia({ durationMs: 5000, video: { config: video, frameMs: 999, gopFrames: 1 } });
    record(run, frames);
    const segments = run.finish();
    expectFrames(container, frames, segments);
    expect(segments.map((segment) => segment.tracks[TRACK_VIDEO]?.frames)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("begins where it was cut also when the file could not be opened at once", () => {
    const run = start();
    const video = [run.addConfig("h264", AVCC), run.addConfig("h264", AVCC_OTHER)];
    const audio = run.addConfig("aac", ASC);
    // Another configuration in the middle of a GOP: the next file begins with a picture that is no random access point.
    const frames = makeMedia({ durationMs: 2000, video: { config: video[0] ?? 0 }, audio: { config: audio } }).map(
      (frame) =>
        frame.track === TRACK_VIDEO && frame.dts90k >= 1.3 * SECOND ? { ...frame, config: video[1] ?? 0 } : frame,
    );
    record(run, frames);
    while (run.segments.length === 0) run.drainOnce();
    // Its file exists already: the worker gives up this opening, and the next name gets a state block of its own.
    expect(run.kernel.openSegment(run.recording, run.arena.allocate(SEG_SIZE))).toBe(STATUS_READY);
    expectFrames(container, frames, run.finish());
  });

  it("cuts audio alone by time where video is still expected, and loses nothing", () => {
    const run = start({ chunkLength90k: SECOND });
    const frames = makeMedia({ durationMs: 3500, audio: { config: run.addConfig("aac", ASC) } });
    frames.forEach((frame) => {
      run.push(frame);
      run.drainAll();
    });
    const segments = run.finish();
    expect(segments).toHaveLength(4);
    expectFrames(container, frames, segments);
  });

  it("leaves the audio out with hasAudio=0", () => {
    const run = start({ hasAudio: false });
    const frames = makeAv(run, 2000);
    record(run, frames);
    const segments = run.finish();
    expectFrames(
      container,
      frames.filter((frame) => frame.track === TRACK_VIDEO),
      segments,
    );
    expect(segments[0]?.configs[TRACK_AUDIO]).toBe(0);
  });

  it("cuts where the decoder configuration changes, and not where it is repeated", () => {
    const run = start();
    const one = run.addConfig("h264", AVCC);
    const two = run.addConfig("h264", AVCC_OTHER);
    const audio = run.addConfig("aac", ASC);
    const frames = [one, one, two].flatMap((config, i) =>
      makeMedia({ durationMs: 1000, start90k: i * SECOND, video: { config }, audio: { config: audio, delay90k: 10 } }),
    );
    record(run, frames);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_CONFIG_CHANGED, STATUS_STOPPED]);
    expectFrames(container, frames, segments);
    expect(segments.map((segment) => segment.configs[TRACK_VIDEO])).toEqual([one, two]);
  });

  it("carries another audio configuration in band, and cuts at the next random access point", () => {
    const run = start();
    const video = run.addConfig("h264", AVCC);
    const audio = [run.addConfig("aac", ASC), run.addConfig("aac", Uint8Array.of(0x12, 0x10))];
    const frames = makeMedia({ durationMs: 3000, video: { config: video }, audio: { config: audio[0] ?? 0 } }).map(
      (frame) =>
        frame.track === TRACK_AUDIO && frame.dts90k >= 1.3 * SECOND ? { ...frame, config: audio[1] ?? 0 } : frame,
    );
    record(run, frames);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_CONFIG_CHANGED, STATUS_STOPPED]);
    expect(segments.map((segment) => segment.zero90k)).toEqual([0, 2 * SECOND]);
    const [, second] = expectFrames(container, frames, segments);
    expect(second?.[0]).toMatchObject({ track: "video", isKey: true });
  });

  it("cuts at once where another audio configuration comes with waitForIDR=0", () => {
    const run = start({ waitForIdr: false });
    const video = run.addConfig("h264", AVCC);
    const audio = [run.addConfig("aac", ASC), run.addConfig("aac", Uint8Array.of(0x12, 0x10))];
    const frames = makeAv(run, 2000).map((frame) => ({
      ...frame,
      config: frame.track === TRACK_VIDEO ? video : (audio[frame.dts90k < 1.3 * SECOND ? 0 : 1] ?? 0),
    }));
    // makeAv stored configurations of its own; these frames refer to the ones above.
    record(run, frames);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_CONFIG_CHANGED, STATUS_STOPPED]);
    expectFrames(container, frames, segments);
  });

  it("cuts at the sound that changes, though the pictures behind it were looked at", () => {
    const run = start({ waitForIdr: false });
    const video = run.addConfig("h264", AVCC);
    const [one, two] = [run.addConfig("aac", ASC), run.addConfig("aac", Uint8Array.of(0x12, 0x10))];
    const changed90k = 1.3 * SECOND;
    const frames = makeMedia({ durationMs: 2000, video: { config: video }, audio: { config: one } }).map((frame) =>
      frame.track === TRACK_AUDIO && frame.dts90k >= changed90k ? { ...frame, config: two } : frame,
    );
    const first = frames.findIndex(({ config }) => config === two);
    record(run, frames.slice(0, first));
    run.drainAll();
    run.setConfigs(video, two);
    record(run, frames.slice(first));
    const segments = run.finish();
    expect(segments.map((segment) => segment.zero90k)).toEqual([0, frames[first]?.dts90k]);
    expectFrames(container, frames, segments);
  });

  it("stops at an index, and drops nothing in front of it", () => {
    const run = start();
    const frames = makeAv(run, 2000);
    const indices = frames.map((frame) => run.push(frame));
    run.stop(STOP_AT_INDEX, indices[40]);
    const segments = run.finish();
    expect(segments[0]?.endedBy).toBe(STATUS_STOPPED);
    expectFrames(container, frames.slice(0, 40), segments);
  });

  it("hands over at the first random access point behind an index", () => {
    const run = start();
    const frames = makeAv(run, 3000);
    const indices = frames.map((frame) => run.push(frame));
    run.stop(STOP_AT_RANDOM_ACCESS, indices[40]);
    const segments = run.finish();
    const next = frames.findIndex((frame, i) => i >= 40 && frame.track === TRACK_VIDEO && frame.isRandomAccess);
    expect(segments[0]?.endedBy).toBe(STATUS_STOPPED);
    expect(run.tail).toBe(indices[next]);
    expectFrames(container, frames.slice(0, next), segments);
  });

  it("stops without a segment where nothing that could begin one has come", () => {
    const run = start();
    record(
      run,
      makeMedia({ durationMs: 500, video: { config: run.addConfig("h264", AVCC), firstIsRandomAccess: false } }),
    );
    expect(run.finish()).toEqual([]);
    expect(run.stopped).toBe(true);
  });

  it("stops where a jump has moved the cursor past the stop", () => {
    const run = start();
    const frames = makeAv(run, 2000);
    const indices = frames.map((frame) => run.push(frame));
    run.drainOnce();
    run.drainOnce();
    const before = run.tail;
    for (const frame of makeMedia({ durationMs: 500, start90k: 2 * SECOND, video: { config: frames[0]?.config ?? 0 } }))
      run.push(frame);
    run.jump(run.ring.head, false);
    run.stop(STOP_AT_INDEX, before);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_STOPPED]);
    expect(indices.length).toBe(frames.length);
    expectFrames(container, frames, segments);
  });

  it("takes nothing behind its stop where a jump has moved the cursor past it and more frames have come", () => {
    const run = start();
    const frames = makeAv(run, 2000);
    const indices = frames.map((frame) => run.push(frame));
    run.drainOnce();
    run.stop(STOP_AT_INDEX, indices[20]);
    run.jump(indices[60] ?? 0, false);
    const segments = run.finish();
    expect(run.tail).toBe(indices[60]);
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_STOPPED]);
    expect(segments[0]?.tracks.map((track) => track.frames)).toEqual([0, 0]);
  });

  it("takes no more than there is where its stop lies ahead of the ring's head", () => {
    const run = start();
    const frames = makeAv(run, 1000);
    const [head, rest] = [frames.slice(0, 20), frames.slice(20, 40)];
    const other = new KernelRun({ build, container, arena: run.arena });
    // Another recording's ring tells where the head will be.
    const ends = frames.slice(0, 41).map((frame) => other.push(frame));
    record(run, head);
    run.stop(STOP_AT_INDEX, ends[40]);
    run.drainAll();
    expect(run.segments).toEqual([]);
    record(run, rest);
    const segments = run.finish();
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_STOPPED]);
    expectFrames(container, frames.slice(0, 40), segments);
  });

  it("drops and counts up to the next random access point after a jump", () => {
    const run = start();
    const frames = makeAv(run, 4000);
    for (const frame of frames.slice(0, 10)) run.push(frame);
    run.drainAll();
    const indices = frames.slice(10).map((frame) => run.push(frame));
    // As the main thread does with a slow consumer: the cursor somewhere in a GOP, and the flag.
    run.jump(indices[20] ?? 0, true);
    const segments = run.finish();
    const next = frames.findIndex((frame, i) => i >= 30 && frame.track === TRACK_VIDEO && frame.isRandomAccess);
    const lost = frames.slice(30, next);
    expect(run.skipped).toEqual({
      frames: [
        lost.filter((frame) => frame.track === TRACK_VIDEO).length,
        lost.filter((frame) => frame.track === TRACK_AUDIO).length,
      ],
      bytes: lost.reduce((sum, frame) => sum + frame.payload.byteLength, 0),
      from90k: lost[0]?.dts90k,
      to90k: frames[next]?.dts90k,
    });
    expectFrames(container, [...frames.slice(0, 10), ...frames.slice(next)], segments);
  });

  it("clamps and counts a straggler in front of zero", () => {
    const run = start({ hasVideo: true });
    const frames = makeAv(run, 1000, SECOND);
    run.push(frames[0] as TestFrame);
    run.drainAll();
    const straggler: TestFrame = {
      ...(frames.find((frame) => frame.track === TRACK_AUDIO) as TestFrame),
      dts90k: SECOND - 500,
    };
    run.push(straggler);
    const rest = frames.slice(1).filter((frame) => frame.track === TRACK_VIDEO || frame.dts90k > SECOND);
    record(run, rest);
    const segments = run.finish();
    expect(segments[0]?.clamped).toBe(1);
    expectFrames(container, [frames[0] as TestFrame, straggler, ...rest], segments);
  });

  it("records across the ring index 2^32", () => {
    const run = start();
    const { ring } = run;
    // Whole laps of a ring that nobody reads yet.
    while (ring.head !== 2 ** 32 - ring.capacity) {
      ring.reserve(ring.capacity - 32);
      ring.commit({ track: TRACK_VIDEO, flags: 0, dts90k: 0, ctsOffset90k: 0, config: 64 }, ring.capacity - 32);
      ring.setTail(ring.head);
    }
    run.jump(ring.head, false);
    const frames = makeMedia({
      durationMs: 4000,
      video: { config: run.addConfig("h264", AVCC), sizeBytes: 20_000 },
      audio: { config: run.addConfig("aac", ASC) },
    });
    record(run, frames);
    expect(ring.head).toBeLessThan(2 ** 31);
    expectFrames(container, frames, run.finish());
  });

  it("takes nothing more behind its stop, however far the ring has moved on since", () => {
    const run = start();
    const { ring } = run;
    const frames = makeAv(run, 400);
    record(run, frames);
    run.drainAll();
    // Given up in a write that hangs: its cursor no longer holds the ring.
    run.stop(STOP_AT_INDEX, run.tail);
    while (ring.head < 2 ** 31 + ring.capacity * 3) {
      ring.setTail(ring.head);
      const sizeBytes = ring.capacity - (ring.head & (ring.capacity - 1)) - 32;
      ring.reserve(sizeBytes);
      ring.commit(
        { track: TRACK_VIDEO, flags: 0, dts90k: 0, ctsOffset90k: 0, config: frames[0]?.config ?? 0 },
        sizeBytes,
      );
    }
    const segments = run.finish();
    expectFrames(container, frames, segments);
    expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_STOPPED]);
  });

  it("asks for a larger output where one frame needs more than it is given", () => {
    const run = start({ capacityBytes: 100 });
    const frames = makeAv(run, 400);
    record(run, frames);
    expectFrames(container, frames, run.finish());
  });

  it("fails alone on a ring that holds what no producer writes", () => {
    const damages: ((view: DataView, frame: number) => void)[] = [
      (view, frame) => view.setUint8(frame + 4, MAX_TRACKS),
      (view, frame) => view.setUint32(frame, 0xfffffff0, true),
      (view, frame) => view.setUint32(frame, 900_000, true),
      (view, frame) => view.setUint32(frame + 20, 0, true),
    ];
    for (const damage of damages) {
      const run = start();
      const frames = makeAv(run, 400);
      record(run, frames.slice(0, 5));
      run.drainAll();
      const { pointer } = run.ring;
      const index = run.push(frames[5] as TestFrame);
      damage(run.arena.view, run.arena.view.getUint32(pointer + 64, true) + index);
      const segments = run.finish();
      expect(segments.map((segment) => segment.endedBy)).toEqual([STATUS_BAD_FRAME]);
      expectFrames(container, frames.slice(0, 5), segments);
    }
  });

  it("takes hostile access units: only whole NAL units come out", () => {
    const run = start();
    const video = run.addConfig("h264", AVCC);
    const good = accessUnit([nalUnit(NAL_SLICE, 50, 3)]);
    const payloads = [
      makeMedia({ durationMs: 40, video: { config: video } })[0]?.payload ?? good,
      new Uint8Array(0),
      Uint8Array.of(0, 0),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3),
      Uint8Array.from([...good, 0, 0, 1, 0, 0x41]),
      Uint8Array.from([...good, 0x7f, 0xff, 0xff]),
      good,
    ];
    payloads.forEach((payload, i) => {
      run.push({ track: TRACK_VIDEO, config: video, dts90k: i * 3600, isRandomAccess: i === 0, payload });
    });
    const [segment] = run.finish();
    const read = readFrames(container, segment?.files[0] ?? Buffer.alloc(0));
    const slice = Buffer.from(nalUnit(NAL_SLICE, 50, 3)).toString("hex");
    expect(
      read
        .slice(1)
        .filter((frame) => frame.content === slice)
        .map((frame) => frame.dts90k / 3600),
    ).toEqual([5, 6, 7]);
    // Those without a whole NAL unit are no frames of the file, and nothing is lost in silence.
    expect(segment?.tracks[TRACK_VIDEO]?.frames).toBe(read.length);
    expect(segment?.leftOut.frames).toEqual([payloads.length - read.length, 0]);
    expect((segment?.tracks[TRACK_VIDEO]?.bytes ?? 0) + (segment?.leftOut.bytes ?? 0)).toBe(
      payloads.reduce((sum, payload) => sum + payload.byteLength, 0),
    );
  });

  it("gives with two instances that take turns the bytes that one gives", () => {
    const one = start({ chunkLength90k: 2 * SECOND, capacityBytes: 9000 });
    record(one, makeAv(one, 5000));
    const expected = one.finish();

    const pair = start({ chunkLength90k: 2 * SECOND, capacityBytes: 9000 });
    const frames = makeAv(pair, 5000);
    const other = new KernelRun({ build, container, arena: pair.arena });
    record(pair, frames);
    const kernels = [pair.kernel, other.kernel];
    let turn = 0;
    pair.stop();
    do (pair as { kernel: typeof pair.kernel }).kernel = kernels[turn++ % 2] as typeof pair.kernel;
    while (pair.drainOnce() || !pair.stopped);
    expect(turn).toBeGreaterThan(10);
    expect(pair.segments.map((segment) => segment.files)).toEqual(expected.map((segment) => segment.files));
  });
});
