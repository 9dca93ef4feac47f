// The main thread's hand on a recording's state, against another thread that is in the middle of a kernel call.

import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import {
  LOCK_FREE,
  LOCK_KERNEL,
  REC_LOCK_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_TAIL_OFFSET,
} from "../../../../src/abi/recording.js";
import { Arena } from "../../../../src/arena/arena.js";
import { RecordingState } from "../../../../src/recording/lifecycle/recording-state.js";
import { completeRecordConfig } from "../../../../src/recording/record-options.js";

let worker: Worker | undefined;
afterEach(() => worker?.terminate());

/** A kernel call: holds the lock, moves the cursor when the main thread asks for the lock, and ends. */
const KERNEL = `
const { workerData: { memory, lock, tail, asked, free } } = require("node:worker_threads");
const words = new Int32Array(memory.buffer);
Atomics.wait(words, asked, 0);
Atomics.wait(words, asked, 1, 20);
Atomics.store(words, tail, 4096);
Atomics.store(words, lock, free);
`;

it("stops a recording where its cursor stands when the kernel call is over that moves it", async () => {
  const arena = new Arena();
  const config = {
    ...completeRecordConfig({ localStreamName: "cam", pathToFile: "x", type: "ts" }),
    configId: 1,
  };
  const state = new RecordingState(arena, 0, 0, config);
  const word = (offset: number): number => (state.pointer + offset) >>> 2;
  const asked = arena.allocate(64) >>> 2;
  Atomics.store(arena.i32, word(REC_LOCK_OFFSET), LOCK_KERNEL);
  const running = new Worker(KERNEL, {
    eval: true,
    workerData: {
      memory: arena.memory,
      lock: word(REC_LOCK_OFFSET),
      tail: word(REC_TAIL_OFFSET),
      asked,
      free: LOCK_FREE,
    },
  });
  worker = running;
  await new Promise((resolve) => running.once("online", resolve));
  Atomics.store(arena.i32, asked, 1);
  Atomics.notify(arena.i32, asked);
  expect(state.stopAtCursor()).toBe(4096);
  expect(Atomics.load(arena.i32, word(REC_STOP_INDEX_OFFSET))).toBe(4096);
  expect(Atomics.load(arena.i32, word(REC_LOCK_OFFSET))).toBe(LOCK_FREE);
});

it("stops a recording also where a thread has died with its lock", () => {
  const arena = new Arena();
  const config = {
    ...completeRecordConfig({ localStreamName: "cam", pathToFile: "x", type: "ts" }),
    configId: 1,
  };
  const state = new RecordingState(arena, 0, 64, config);
  const lock = (state.pointer + REC_LOCK_OFFSET) >>> 2;
  Atomics.store(arena.i32, lock, LOCK_KERNEL);
  expect(state.stopAtCursor()).toBe(64);
  expect(Atomics.load(arena.i32, lock)).toBe(LOCK_KERNEL);
});
