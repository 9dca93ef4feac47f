// One producer and two consumers of one ring, each in a thread of its own, with random stalls on all sides, a ring that
// is full most of the time and grows under their cursors. What the consumers write is compared frame by frame with what
// was produced: a frame that is read before it is whole, overwritten before it is read, or lost at a growth shows as
// other bytes.

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { FLAG_RANDOM_ACCESS, TRACK_AUDIO } from "../../src/abi/frame.js";
import { LOCK_FREE, LOCK_MAIN, REC_LOCK_OFFSET, REC_TAIL_OFFSET } from "../../src/abi/recording.js";
import { RING_HEAD_OFFSET } from "../../src/abi/ring.js";
import {
  SEG_OUTPUT_BYTES_OFFSET,
  SEG_OUTPUT_POINTER_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
  SEG_ZERO_OFFSET,
} from "../../src/abi/segment.js";
import * as status from "../../src/abi/status.js";
import { Arena } from "../../src/arena/arena.js";
import { CONTAINERS } from "../../src/container/table.js";
import type { Cursor } from "../../src/stream/cursor.js";
import { growRing } from "../../src/stream/ring-growth.js";
import { effort, seed } from "../support/effort.js";
import { BUILDS, type Build, KernelRun, type TestFrame, testModule } from "../support/kernel-harness.js";
import { expectFrames, STREAM_CONTAINERS, type StreamContainer } from "../support/oracle.js";
import { ASC, AVCC, makeMedia } from "../support/test-media.js";

const RING_BYTES = 16 * 1024;
const MAX_RING_BYTES = 256 * 1024;
const CAPACITY_BYTES = 64 * 1024;
const CHUNK_90K = 10 * 90_000;
const MEDIA_MS = effort(120_000, 1_200_000);

interface Consumer {
  container: StreamContainer;
  recording: number;
  worker: Worker;
  result: Promise<{ files: { zero90k: number; bytes: Uint8Array; endedBy: number }[]; calls: number }>;
}

/** A consumer thread for a run's recording. */
function startConsumer(
  build: Build,
  run: KernelRun,
  container: StreamContainer,
  headAt: number,
  number: number,
): Consumer {
  const { arena, recording } = run;
  const out = arena.allocate(CAPACITY_BYTES);
  const segments = Array.from({ length: Math.ceil((MEDIA_MS * 90) / CHUNK_90K) + 2 }, () => arena.allocate(SEG_SIZE));
  const worker = new Worker(new URL("../support/ring-consumer.mjs", import.meta.url), {
    workerData: {
      module: testModule(build),
      memory: arena.memory,
      recording,
      segments,
      out,
      capacity: CAPACITY_BYTES,
      container: CONTAINERS[container].number,
      headAt,
      seed: seed + number,
      status: {
        RING_EMPTY: status.STATUS_RING_EMPTY,
        OUTPUT_FULL: status.STATUS_OUTPUT_FULL,
        NEED_OUTPUT: status.STATUS_NEED_OUTPUT,
        NOT_READY: status.STATUS_NOT_READY,
        STOPPED: status.STATUS_STOPPED,
        CUT: status.STATUS_CUT,
      },
      offsets: {
        bytes: SEG_OUTPUTS_OFFSET + SEG_OUTPUT_BYTES_OFFSET,
        position: SEG_OUTPUTS_OFFSET + SEG_OUTPUT_POSITION_OFFSET,
        pointer: SEG_OUTPUTS_OFFSET + SEG_OUTPUT_POINTER_OFFSET,
        zero: SEG_ZERO_OFFSET,
      },
    },
  });
  const result = new Promise<Awaited<Consumer["result"]>>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return { container, recording, worker, result };
}

/** The cursor of a run's recording, as a recording hangs it on its in-stream. */
function cursorOf(arena: Arena, recording: number): Cursor {
  const tail = (recording + REC_TAIL_OFFSET) >>> 2;
  const lock = (recording + REC_LOCK_OFFSET) >>> 2;
  return {
    tail: () => Atomics.load(arena.i32, tail) >>> 0,
    tryLock: () => Atomics.compareExchange(arena.i32, lock, LOCK_FREE, LOCK_MAIN) === LOCK_FREE,
    unlock: () => void Atomics.store(arena.i32, lock, LOCK_FREE),
    jump: () => {
      throw new Error("nobody is slow here");
    },
    onGap: () => {},
  };
}

/** Grows as the in-stream does; the old bytes become somebody else's at once. */
function grow(run: KernelRun, cursors: readonly Cursor[]): boolean {
  const oldBytes = run.ring.capacity;
  // A frame that the present ring would hold: one doubling a time, so that there are many.
  const hasGrown = growRing(run.ring, cursors, 64, MAX_RING_BYTES, () => refreshTail(run, cursors));
  if (hasGrown) {
    const other = run.arena.allocate(oldBytes);
    run.arena.u8.fill(0xee, other, other + oldBytes);
    run.arena.free(other);
  }
  return hasGrown;
}

function refreshTail(run: KernelRun, cursors: readonly Cursor[]): void {
  const { head } = run.ring;
  const held = cursors.map((cursor) => (head - cursor.tail()) >>> 0);
  run.ring.setTail((head - Math.max(...held)) >>> 0);
}

describe.each(BUILDS)("one producer, two consumers, %s build", (build) => {
  it(`loses, doubles and damages nothing (seed ${seed})`, async () => {
    const arena = new Arena();
    const runs = STREAM_CONTAINERS.map(
      (container) => new KernelRun({ container, build, arena, ringBytes: RING_BYTES, chunkLength90k: CHUNK_90K }),
    );
    const run = runs[0] as KernelRun;
    for (const other of runs) other.readRingOf(run);
    const cursors = runs.map((other) => cursorOf(arena, other.recording));
    const video = run.addConfig("h264", AVCC);
    const audio = run.addConfig("aac", ASC);
    for (const other of runs) other.setConfigs(video, audio);
    const frames = makeMedia({
      durationMs: MEDIA_MS,
      video: { config: video, sizeBytes: 1500 },
      audio: { config: audio },
    });
    const consumers = runs.map((other, i) =>
      startConsumer(build, other, STREAM_CONTAINERS[i] as StreamContainer, run.ring.pointer + RING_HEAD_OFFSET, i),
    );
    let fullTimes = 0;
    for (const [i, frame] of frames.entries()) {
      let pointer = run.ring.reserve(frame.payload.byteLength);
      while (pointer === 0) {
        if (fullTimes++ % 20 === 19 && run.ring.capacity < MAX_RING_BYTES) grow(run, cursors);
        await new Promise(setImmediate);
        refreshTail(run, cursors);
        pointer = run.ring.reserve(frame.payload.byteLength);
      }
      publish(run, frame, pointer);
      if (i % 97 === 0) await new Promise(setImmediate);
    }
    for (const other of runs) other.stop(undefined, run.ring.head);
    for (const consumer of consumers) {
      const { files, calls } = await consumer.result;
      expect(files.at(-1)?.endedBy).toBe(status.STATUS_STOPPED);
      expect(files).toHaveLength(Math.ceil((MEDIA_MS * 90) / CHUNK_90K));
      expect(calls).toBeGreaterThan(20);
      expectFrames(
        consumer.container,
        frames,
        files.map((file) => ({ files: [Buffer.from(file.bytes)], zero90k: file.zero90k })),
      );
      await consumer.worker.terminate();
    }
    expect(fullTimes).toBeGreaterThan(50);
    expect(run.ring.capacity).toBe(MAX_RING_BYTES);
  });
});

function publish(run: KernelRun, frame: TestFrame, pointer: number): void {
  // Byte by byte: a frame that was published before it is whole would be seen.
  const { u8 } = run.arena;
  for (const [i, byte] of frame.payload.entries()) u8[pointer + i] = byte;
  const flags = frame.isRandomAccess || frame.track === TRACK_AUDIO ? FLAG_RANDOM_ACCESS : 0;
  const { track, dts90k, config, ctsOffset90k = 0 } = frame;
  run.ring.commit({ track, flags, dts90k, ctsOffset90k, config }, frame.payload.byteLength);
}
