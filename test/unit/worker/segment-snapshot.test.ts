// Taking back a batch that could not be written: everything of the segment's state but the descriptors and what was
// left out anyway, the files too, and the sum of what is missing.

import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { expect, it } from "vitest";
import { REC_SIZE } from "../../../src/abi/recording.js";
import {
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_LEFT_OUT_TOTAL_OFFSET,
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_PRIVATE_OFFSET,
  SEG_SIZE,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
} from "../../../src/abi/segment.js";
import { Arena } from "../../../src/arena/arena.js";
import { ArenaViews } from "../../../src/arena/arena-views.js";
import { outputAt } from "../../../src/container/segment-state.js";
import { restoreState, SAVED_SIZE, saveState } from "../../../src/worker/segment-snapshot.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();

function rig() {
  const arena = new Arena();
  const views = new ArenaViews(arena.memory);
  const segment = arena.allocate(SEG_SIZE);
  const saved = arena.allocate(SAVED_SIZE);
  const recording = arena.allocate(REC_SIZE);
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
    views.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1);
  const track = (number: number) => segment + SEG_TRACKS_OFFSET + number * SEG_TRACK_SIZE;
  const setTrack = (number: number, frames: number, bytes: number, first: number, last: number): void => {
    views.setU32(track(number) + SEG_TRACK_FRAMES_OFFSET, frames);
    views.setI64(track(number) + SEG_TRACK_BYTES_OFFSET, bytes);
    views.setI64(track(number) + SEG_TRACK_FIRST_DTS_OFFSET, first);
    views.setI64(track(number) + SEG_TRACK_LAST_DTS_OFFSET, last);
  };
  return {
    arena,
    views,
    segment,
    recording,
    saved,
    setTrack,
    fdAt: (output: number) => outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET,
  };
}

it("sums up what lies between: frames, bytes, and from the last frame before to the last one", () => {
  const { views, segment, recording, saved, setTrack } = rig();
  setTrack(0, 10, 1000, 0, 9000);
  saveState(views, segment, recording, saved);
  setTrack(0, 14, 1400, 0, 13_000);
  setTrack(1, 3, 30, 8000, 12_000); // began in the batch
  expect(restoreState(views, segment, saved)).toEqual({ frames: 7, bytes: 430, from90k: 8000, to90k: 13_000 });
});

it("goes by the tracks that had frames in the batch alone, the last one too", () => {
  const { views, segment, recording, saved, setTrack } = rig();
  setTrack(0, 10, 1000, 0, 500);
  setTrack(7, 10, 1000, 0, 9000);
  saveState(views, segment, recording, saved);
  setTrack(7, 11, 1001, 0, 9100);
  expect(restoreState(views, segment, saved)).toEqual({ frames: 1, bytes: 1, from90k: 9000, to90k: 9100 });
});

it("says zeros where the batch held no frame", () => {
  const { views, segment, recording, saved } = rig();
  saveState(views, segment, recording, saved);
  expect(restoreState(views, segment, saved)).toEqual({ frames: 0, bytes: 0, from90k: 0, to90k: 0 });
});

it("takes back every byte of the state, but for what the kernel left out of the file", () => {
  const { arena, views, segment, recording, saved } = rig();
  arena.u8.fill(1, segment, segment + SEG_SIZE);
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
    views.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1);
    views.setU32(outputAt(segment, output) + SEG_OUTPUT_BYTES_OFFSET, 0);
  }
  saveState(views, segment, recording, saved);
  const before = arena.u8.slice(segment, segment + SEG_SIZE);
  arena.u8.fill(2, segment, segment + SEG_SIZE);
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
    views.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1);
  restoreState(views, segment, saved);
  before.fill(2, SEG_LEFT_OUT_FRAMES_OFFSET, SEG_PRIVATE_OFFSET);
  expect(SEG_LEFT_OUT_TOTAL_OFFSET).toBeLessThan(SEG_PRIVATE_OFFSET);
  expect(Buffer.compare(arena.u8.slice(segment, segment + SEG_SIZE), before)).toBe(0);
});

it("keeps the descriptors, asks for nothing to be written, and cuts back the files that were written", () => {
  const { views, segment, recording, saved, fdAt } = rig();
  const files = ["media", "track1", "track2"].map((name) => openSync(path(name), "w+"));
  for (const fd of files) writeSync(fd, Buffer.alloc(100));
  files.slice(0, 2).forEach((fd, output) => {
    views.setU32(fdAt(output), fd);
    views.setI64(outputAt(segment, output) + SEG_OUTPUT_POSITION_OFFSET, 60);
  });
  saveState(views, segment, recording, saved);
  views.setU32(fdAt(2), files[2] as number); // joined in the batch
  views.setU32(outputAt(segment, 1) + SEG_OUTPUT_BYTES_OFFSET, 40); // could not be written
  views.setI64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET, 100); // was
  restoreState(views, segment, saved);
  expect([0, 1, 2, 3].map((output) => views.u32(fdAt(output)) | 0)).toEqual([...files, -1]);
  expect(views.i64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET)).toBe(60);
  expect(views.u32(outputAt(segment, 1) + SEG_OUTPUT_BYTES_OFFSET)).toBe(0);
  expect(files.map((fd) => fstatSync(fd).size)).toEqual([60, 100, 100]);
  for (const fd of files) closeSync(fd);
});

it("keeps the failure of the write for the caller where a file cannot be cut back", () => {
  const { views, segment, recording, saved, fdAt } = rig();
  const fd = openSync("/dev/null", "r");
  views.setU32(fdAt(0), fd);
  saveState(views, segment, recording, saved);
  views.setI64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET, 5);
  expect(restoreState(views, segment, saved).frames).toBe(0);
  closeSync(fd);
});
