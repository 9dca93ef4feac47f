// What another thread makes of a kernel call whose thread has died behind it: a batch that is marked as whole is
// written by the other, and one that is not has never been.

import { existsSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FLAG_LEADING, FLAG_SKIPPED_LEADING, MAX_TRACKS, TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { SAMPLE_RECORD_SIZE } from "../../../src/abi/mp4.js";
import {
  CLAIM_RUNNING,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CLAIM_OFFSET,
  REC_CUT_STATUS_OFFSET,
  REC_FLAG_DROPS_LEADING,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_TAKEN_AHEAD,
  REC_FLAGS_OFFSET,
  REC_LOCK_OFFSET,
  REC_RING_OFFSET,
  REC_SIZE,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_TAIL_OFFSET,
} from "../../../src/abi/recording.js";
import {
  SEG_BATCH_IS_WHOLE_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_SIZE,
} from "../../../src/abi/segment.js";
import { STATUS_OUTPUT_FULL, STATUS_READY, STATUS_RING_EMPTY } from "../../../src/abi/status.js";
import { ArenaViews } from "../../../src/arena/arena-views.js";
import type { SegmentPlace } from "../../../src/container/container.js";
import { readJournalInfo } from "../../../src/container/mp4/journal-info.js";
import { ownDescriptors } from "../../../src/container/own-descriptors.js";
import { closeSegmentFiles, setDescriptor } from "../../../src/container/segment-files.js";
import { UNKNOWN_ORIGIN } from "../../../src/container/segment-origin.js";
import { writeOutputs } from "../../../src/container/segment-output.js";
import { outputAt } from "../../../src/container/segment-state.js";
import { CONTAINERS } from "../../../src/container/table.js";
import type { DrainItem } from "../../../src/worker/drain-batch.js";
import {
  DrainRecord,
  RECORD_SIZE,
  STEP_BETWEEN,
  STEP_KERNEL,
  STEP_OPENING,
  STEP_WRITING,
} from "../../../src/worker/drain-record.js";
import { takeFromDead } from "../../../src/worker/lost-batch.js";
import { resumeFrom } from "../../../src/worker/resume-drain.js";
import { SAVED_SIZE, saveState } from "../../../src/worker/segment-snapshot.js";
import { KernelRun } from "../../support/kernel-harness.js";
import { scratch } from "../../support/scratch.js";
import { ASC, AVCC, HVCC } from "../../support/test-media.js";

const FRAME_90K = 3600;
const OUT_BYTES = 1 << 16;
const TICKET = 7;

let run: KernelRun;
let arena: ArenaViews;
let segment: number;
let saved: number;
let out: number;
let item: DrainItem;

beforeEach(() => {
  run = new KernelRun({ container: "mp4", build: "release", chunkLength90k: 25 * FRAME_90K });
  arena = new ArenaViews(run.arena.memory);
  segment = run.arena.allocate(SEG_SIZE);
  saved = run.arena.allocate(SAVED_SIZE);
  out = run.arena.allocate(OUT_BYTES);
  const record = run.arena.allocate(RECORD_SIZE);
  const { recording } = run;
  item = { recording, ticket: TICKET, record, isResumed: true, segment, path: "a.mp4", opening: undefined, gaps: [] };
});

const tail = (): number => arena.u32(run.recording + REC_TAIL_OFFSET);
const flags = (): number => arena.u32(run.recording + REC_FLAGS_OFFSET);
const recordingState = (): Buffer => Buffer.from(arena.bytes(run.recording + REC_RING_OFFSET, REC_SIZE - 128));
const segmentState = (): Buffer => Buffer.from(arena.bytes(segment, SEG_SIZE));

function push(track: number, config: number, i: number, isRandomAccess: boolean, leading = 0): void {
  run.push({ track, config, dts90k: i * FRAME_90K, isRandomAccess, leading, payload: new Uint8Array(50).fill(7) });
}

/** A kernel call as a thread makes it. */
function drain(): number {
  const record = new DrainRecord(arena, item.record);
  record.tail = tail();
  saveState(arena, segment, run.recording, saved);
  record.step = STEP_KERNEL;
  return run.kernel.drain(run.recording, segment, out, OUT_BYTES);
}

/** Calls whose outputs are written. */
function drainAll(): void {
  for (let status = STATUS_OUTPUT_FULL; status === STATUS_OUTPUT_FULL; ) {
    status = drain();
    for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
      arena.setU32(outputAt(segment, output) + SEG_OUTPUT_BYTES_OFFSET, 0);
  }
}

/** The thread dies in the call, with the cursor where it was; another takes the item. */
function die(cursor: number): number {
  arena.setU32(run.recording + REC_TAIL_OFFSET, cursor);
  arena.setU32(run.recording + REC_LOCK_OFFSET, LOCK_KERNEL);
  arena.setU32(run.recording + REC_CLAIM_OFFSET, (TICKET << CLAIM_TICKET_SHIFT) | CLAIM_RUNNING);
  takeFromDead(arena, item);
  expect(arena.u32(run.recording + REC_LOCK_OFFSET)).toBe(LOCK_FREE);
  return resumeFrom(arena, item, saved, CONTAINERS.mp4);
}

/** A cut whose segment waits for audio that lags by 8 pictures. */
function cutWithLaggingAudio(): { video: number; audio: number } {
  const video = run.addConfig("h264", AVCC);
  const audio = run.addConfig("aac", ASC);
  for (let i = 0; i <= 25; i++) {
    push(TRACK_VIDEO, video, i, i % 25 === 0);
    if (i >= 8 && i < 25) push(TRACK_AUDIO, audio, i - 8, true);
  }
  expect(run.kernel.openSegment(run.recording, segment)).toBe(STATUS_READY);
  drainAll();
  expect(arena.u32(run.recording + REC_CUT_STATUS_OFFSET)).not.toBe(0);
  return { video, audio };
}

it("writes what an overlap took, and takes it no second time", () => {
  const { audio } = cutWithLaggingAudio();
  push(TRACK_AUDIO, audio, 17, true);
  const before = tail();
  expect(drain()).toBe(STATUS_RING_EMPTY);
  const written = arena.u32(outputAt(segment, 0) + SEG_OUTPUT_BYTES_OFFSET);
  expect(written).toBe(50);
  const after = { tail: tail(), recording: recordingState(), segment: segmentState() };
  expect(die(before)).toBe(STEP_WRITING);
  expect({ tail: tail(), recording: recordingState(), segment: segmentState() }).toEqual(after);
});

it("goes on from the end of an overlap's batch where that has moved the cursor", () => {
  const { video, audio } = cutWithLaggingAudio();
  for (let i = 17; i < 25; i++) push(TRACK_AUDIO, audio, i, true);
  push(TRACK_AUDIO, audio, 25, true);
  push(TRACK_VIDEO, video, 26, false);
  const before = tail();
  expect(drain()).not.toBe(STATUS_RING_EMPTY);
  const end = tail();
  expect(die(before)).toBe(STEP_WRITING);
  expect(tail()).toBe(end);
});

it("undoes what an overlap noted whose batch is not whole", () => {
  const { audio } = cutWithLaggingAudio();
  push(TRACK_AUDIO, audio, 17, true);
  const before = { tail: tail(), recording: recordingState(), segment: segmentState() };
  drain();
  expect(flags() & REC_FLAG_TAKEN_AHEAD).not.toBe(0);
  arena.setU32(segment + SEG_BATCH_IS_WHOLE_OFFSET, 0);
  expect(die(before.tail)).toBe(STEP_BETWEEN);
  before.segment.writeUInt32LE(0, SEG_BATCH_IS_WHOLE_OFFSET);
  expect({ tail: tail(), recording: recordingState(), segment: segmentState() }).toEqual(before);
});

it("counts a picture that is left out once", () => {
  const video = run.addConfig("h265", HVCC);
  push(TRACK_VIDEO, video, 0, true);
  expect(run.kernel.openSegment(run.recording, segment)).toBe(STATUS_READY);
  drainAll();
  push(TRACK_VIDEO, video, 1, false, FLAG_LEADING | FLAG_SKIPPED_LEADING);
  drain();
  const leftOut = (): number => arena.u32(segment + SEG_LEFT_OUT_FRAMES_OFFSET + 4 * TRACK_VIDEO);
  expect(leftOut()).toBe(1);
  const end = tail();
  expect(die(end)).toBe(STEP_WRITING);
  drainAll();
  expect([leftOut(), tail()]).toEqual([1, end]);
});

it("leaves leading pictures out behind a skip that had come to its end", () => {
  const video = run.addConfig("h265", HVCC);
  push(TRACK_VIDEO, video, 0, true);
  expect(run.kernel.openSegment(run.recording, segment)).toBe(STATUS_READY);
  drainAll();
  push(TRACK_VIDEO, video, 1, false);
  drainAll();
  push(TRACK_VIDEO, video, 2, false);
  run.jump(tail(), true);
  const start = run.ring.head;
  push(TRACK_VIDEO, video, 3, true);
  push(TRACK_VIDEO, video, 4, false, FLAG_LEADING | FLAG_SKIPPED_LEADING);
  push(TRACK_VIDEO, video, 5, false);
  drainAll();
  arena.setU32(segment + SEG_BATCH_IS_WHOLE_OFFSET, 0);
  expect(die(start)).toBe(STEP_BETWEEN);
  expect(flags() & REC_FLAG_DROPS_LEADING).not.toBe(0);
  expect(flags() & REC_FLAG_SKIP_TO_RANDOM_ACCESS).toBe(0);
});

it.each([
  ["keeps what was skipped up to the cursor, where that has moved", 64, 5],
  ["forgets what was skipped behind the cursor: it is skipped again", 0, 0],
])("%s", (_what, moved, left) => {
  const record = new DrainRecord(arena, item.record);
  record.tail = tail();
  saveState(arena, segment, run.recording, saved);
  record.step = STEP_KERNEL;
  arena.setU32(run.recording + REC_SKIPPED_FRAMES_OFFSET, 5);
  arena.setU32(run.recording + REC_CUT_STATUS_OFFSET, 3);
  expect(die(tail() + moved)).toBe(STEP_BETWEEN);
  expect(arena.u32(run.recording + REC_SKIPPED_FRAMES_OFFSET)).toBe(left);
  expect(arena.u32(run.recording + REC_CUT_STATUS_OFFSET)).toBe(0);
  expect(flags() & REC_FLAG_DROPS_LEADING, "no skip has ended").toBe(0);
});

it("writes no second time what was written, and leaves all behind the outputs as it is", () => {
  saveState(arena, segment, run.recording, saved);
  for (const [output, moved] of [
    [0, 40],
    [SEG_OUTPUT_COUNT - 1, 40],
    [1, 0],
  ] as const) {
    arena.setU32(outputAt(segment, output) + SEG_OUTPUT_BYTES_OFFSET, 40);
    arena.setI64(outputAt(segment, output) + SEG_OUTPUT_POSITION_OFFSET, moved);
  }
  for (let track = 0; track < MAX_TRACKS; track++)
    arena.setU32(segment + SEG_LEFT_OUT_FRAMES_OFFSET + track * 4, 1 + track);
  new DrainRecord(arena, item.record).step = STEP_WRITING;
  expect(resumeFrom(arena, item, saved, CONTAINERS.ts)).toBe(STEP_WRITING);
  const left = Array.from({ length: SEG_OUTPUT_COUNT }, (_, output) =>
    arena.u32(outputAt(segment, output) + SEG_OUTPUT_BYTES_OFFSET),
  );
  expect(left).toEqual([0, 40, 0, 0, 0, 0, 0, 0, 0]);
  for (let track = 0; track < MAX_TRACKS; track++)
    expect(arena.u32(segment + SEG_LEFT_OUT_FRAMES_OFFSET + track * 4)).toBe(1 + track);
});

const { path } = scratch();

it("removes the file that an opening had made, and closes it: it is opened anew", () => {
  const at = path("new.ts");
  const opening = { winQtCompat: true, reserveBytes: 0, lockPath: "", sequence: 1, origin: UNKNOWN_ORIGIN };
  item = { ...item, path: at, opening: { ...opening, exclusive: true } };
  const record = new DrainRecord(arena, item.record);
  record.tail = tail();
  saveState(arena, segment, run.recording, saved);
  record.step = STEP_OPENING;
  openSync(at, "wx");
  expect(resumeFrom(arena, item, saved, CONTAINERS.ts)).toBe(STEP_OPENING);
  expect(existsSync(at)).toBe(false);
  expect(ownDescriptors(at)).toEqual([]);
});

describe("a thread that dies while it opens the file of a late track", () => {
  const own = (): string[] => ownDescriptors(path("a.mp4")).map((open) => open.path.slice(path("").length));

  /** Video in the file; the audio is in the outputs, and its file is to be opened. */
  function untilAudioJoins(): SegmentPlace {
    item = { ...item, path: path("a.mp4") };
    const video = run.addConfig("h264", AVCC);
    push(TRACK_VIDEO, video, 0, true);
    expect(run.kernel.openSegment(run.recording, segment)).toBe(STATUS_READY);
    const place = { arena, segment, path: item.path };
    CONTAINERS.mp4.open(place, {
      ...{ exclusive: true, winQtCompat: true, reserveBytes: 0, lockPath: "", sequence: 1, origin: UNKNOWN_ORIGIN },
    });
    push(TRACK_AUDIO, run.addConfig("aac", ASC), 1, true);
    expect(drain()).toBe(STATUS_OUTPUT_FULL); // a track joins only as the first of a batch
    writeOutputs(arena, segment, () => {});
    expect(drain()).toBe(STATUS_RING_EMPTY);
    new DrainRecord(arena, item.record).step = STEP_WRITING;
    return place;
  }

  afterEach(() => {
    closeSegmentFiles(arena, segment);
    for (const file of readdirSync(path(""))) rmSync(path(file));
  });

  it.each([false, true])("goes on with it (announced: %s), and nothing stays open or lies about", (isAnnounced) => {
    const place = untilAudioJoins();
    if (isAnnounced) {
      CONTAINERS.mp4.joinTrack(place, TRACK_AUDIO);
      setDescriptor(arena, segment, 1 + TRACK_AUDIO, -1); // it died before it had noted the descriptor
    } else openSync(path("a.mp4.track2"), "wx");
    expect(resumeFrom(arena, item, saved, CONTAINERS.mp4)).toBe(STEP_WRITING);
    writeOutputs(arena, segment, (track) => CONTAINERS.mp4.joinTrack(place, track));
    expect(own().sort()).toEqual(["/a.mp4.mdat", "/a.mp4.track1", "/a.mp4.track2"]);
    expect(statSync(path("a.mp4.track2")).size).toBe(SAMPLE_RECORD_SIZE);
    expect(readJournalInfo(path("a.mp4.info")).tracks.map(({ file, track }) => [file, track])).toEqual([
      [1, TRACK_VIDEO],
      [2, TRACK_AUDIO],
    ]);
  });
});
