// One producer and two consumers of one ring, each in a thread of its own, with random stalls on all sides, a ring that
// is full most of the time and grows under their cursors. What the consumers write is compared frame by frame with what
// was produced: a frame that is read before it is whole, overwritten before it is read, or lost at a growth shows as
// other bytes.
//
// The usual frames make for short kernel calls. So that a growth meets one, a second test sends large frames and grows
// the ring while a kernel is in the middle of one.

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { LOCK_FREE, LOCK_KERNEL, LOCK_MAIN, REC_LOCK_OFFSET, REC_TAIL_OFFSET } from "../../src/abi/recording.js";
import { RING_DATA_OFFSET, RING_HEAD_OFFSET } from "../../src/abi/ring.js";
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
import { ASC, AVCC, accessUnit, makeMedia, NAL_IDR, nalUnit } from "../support/test-media.js";

const RING_BYTES = 16 * 1024;
const MAX_RING_BYTES = 256 * 1024;
const CAPACITY_BYTES = 64 * 1024;
const CHUNK_90K = 10 * 90_000;
const MEDIA_MS = effort(120_000, 1_200_000);

/** Of small NAL units, so that a kernel is at a frame for much longer than it takes to copy the ring. */
const LARGE_FRAME_NALS = 20_000;
const NAL_BYTES = 8;
const LARGE_RING_BYTES = 512 * 1024;
const LARGE_MAX_RING_BYTES = 16 << 20;
const LARGE_CAPACITY_BYTES = 1 << 20;
const LARGE_FRAMES = 6;
const LARGE_ROUNDS = effort(8, 400);

interface Consumer {
  container: StreamContainer;
  recording: number;
  worker: Worker;
  /** Set where the thread has ended early. */
  failure: Error | undefined;
  result: Promise<{ files: { zero90k: number; bytes: Uint8Array; endedBy: number }[]; calls: number }>;
}

/** A consumer thread for a run's recording. */
function startConsumer(
  build: Build,
  run: KernelRun,
  container: StreamContainer,
  headAt: number,
  number: number,
  capacity = CAPACITY_BYTES,
  smallestCapacity = 1000,
): Consumer {
  const { arena, recording } = run;
  const out = arena.allocate(capacity);
  const segments = Array.from({ length: Math.ceil((MEDIA_MS * 90) / CHUNK_90K) + 2 }, () => arena.allocate(SEG_SIZE));
  const worker = new Worker(new URL("../support/ring-consumer.mjs", import.meta.url), {
    workerData: {
      module: testModule(build),
      memory: arena.memory,
      recording,
      segments,
      out,
      capacity,
      smallestCapacity,
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
  const consumer: Consumer = { container, recording, worker, result, failure: undefined };
  result.catch((error: Error) => {
    consumer.failure = error;
  });
  return consumer;
}

/** The cursor of a run's recording, as a recording hangs it on its in-stream. */
function cursorOf(arena: Arena, recording: number): Cursor {
  const tail = (recording + REC_TAIL_OFFSET) >>> 2;
  const lock = (recording + REC_LOCK_OFFSET) >>> 2;
  return {
    tail: () => Atomics.load(arena.i32, tail) >>> 0,
    mainVideo: undefined,
    hasTaken: () => false,
    tryLock: () => Atomics.compareExchange(arena.i32, lock, LOCK_FREE, LOCK_MAIN) === LOCK_FREE,
    unlock: () => void Atomics.store(arena.i32, lock, LOCK_FREE),
    jump: () => {
      throw new Error("nobody is slow here");
    },
    onGap: () => {},
  };
}

/** Grows as the in-stream does; the old bytes become somebody else's at once. */
function grow(run: KernelRun, cursors: readonly Cursor[], maxBytes = MAX_RING_BYTES): void {
  const { arena, ring } = run;
  const oldBytes = ring.capacity;
  const old = arena.u32[(ring.pointer + RING_DATA_OFFSET) >>> 2] ?? 0;
  // A frame that the present ring would hold: one doubling a time, so that there are many.
  if (!growRing(ring, cursors, 64, maxBytes, () => refreshTail(run, cursors))) return;
  // Here and there first, which is soonest seen by a kernel that still reads there.
  for (let at = old; at < old + oldBytes; at += 512) arena.u8[at] = 0xee;
  arena.u8.fill(0xee, old, old + oldBytes);
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

  it(`grows the ring under kernels that are at work, ${LARGE_ROUNDS} times from small to large`, async () => {
    const expected = STREAM_CONTAINERS.map((container) => {
      const run = new KernelRun({ container, build, ringBytes: LARGE_MAX_RING_BYTES });
      for (const frame of largeFrames(run)) run.push(frame);
      return run.finish()[0]?.files[0] as Buffer;
    });
    for (let round = 0; round < LARGE_ROUNDS; round++) {
      const arena = new Arena();
      // Memory that has been touched: a copy into new pages would be slow, and the kernel done before it.
      arena.free(arena.allocate(3 * LARGE_MAX_RING_BYTES));
      const runs = STREAM_CONTAINERS.map(
        (container) => new KernelRun({ container, build, arena, ringBytes: LARGE_RING_BYTES }),
      );
      const run = runs[0] as KernelRun;
      for (const other of runs) other.readRingOf(run);
      const cursors = runs.map((other) => cursorOf(arena, other.recording));
      const frames = largeFrames(run);
      for (const other of runs) other.setConfigs(frames[0]?.config as number, 0);
      const headAt = run.ring.pointer + RING_HEAD_OFFSET;
      const consumers = runs.map((other, i) =>
        startConsumer(
          build,
          other,
          STREAM_CONTAINERS[i] as StreamContainer,
          headAt,
          i,
          LARGE_CAPACITY_BYTES,
          LARGE_CAPACITY_BYTES,
        ),
      );
      for (const frame of frames) {
        while (isBehind(run, runs)) {
          await new Promise(setImmediate);
          for (const { failure } of consumers) if (failure) throw failure;
        }
        refreshTail(run, cursors);
        const pointer = run.ring.reserve(frame.payload.byteLength);
        run.arena.u8.set(frame.payload, pointer);
        commit(run, frame);
        while (isBehind(run, runs) && !isKernelAtWork(run));
        grow(run, cursors, LARGE_MAX_RING_BYTES);
      }
      for (const other of runs) other.stop(undefined, run.ring.head);
      for (const [i, consumer] of consumers.entries()) {
        const { files } = await consumer.result;
        expect(files).toHaveLength(1);
        expect(expected[i]?.equals(files[0]?.bytes as Uint8Array), consumer.container).toBe(true);
        await consumer.worker.terminate();
      }
      expect(run.ring.capacity).toBe(LARGE_MAX_RING_BYTES);
    }
  });
});

const largePayload = accessUnit(Array.from({ length: LARGE_FRAME_NALS }, (_, nal) => nalUnit(NAL_IDR, NAL_BYTES, nal)));

function largeFrames(run: KernelRun): TestFrame[] {
  const config = run.addConfig("h264", AVCC);
  return Array.from({ length: LARGE_FRAMES }, (_, i) => ({
    track: TRACK_VIDEO,
    config,
    dts90k: i * 3600,
    isRandomAccess: true,
    payload: largePayload,
  }));
}

function isBehind(run: KernelRun, runs: readonly KernelRun[]): boolean {
  const { arena, ring } = run;
  return runs.some(({ recording }) => Atomics.load(arena.i32, (recording + REC_TAIL_OFFSET) >>> 2) >>> 0 !== ring.head);
}

function isKernelAtWork({ arena, recording }: KernelRun): boolean {
  return Atomics.load(arena.i32, (recording + REC_LOCK_OFFSET) >>> 2) === LOCK_KERNEL;
}

function publish(run: KernelRun, frame: TestFrame, pointer: number): void {
  // Byte by byte: a frame that was published before it is whole would be seen.
  const { u8 } = run.arena;
  for (const [i, byte] of frame.payload.entries()) u8[pointer + i] = byte;
  commit(run, frame);
}

function commit(run: KernelRun, frame: TestFrame): void {
  const flags = frame.isRandomAccess || frame.track === TRACK_AUDIO ? FLAG_RANDOM_ACCESS : 0;
  const { track, dts90k, config, ctsOffset90k = 0 } = frame;
  run.ring.commit({ track, flags, dts90k, ctsOffset90k, config }, frame.payload.byteLength);
}
