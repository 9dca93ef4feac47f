// What a thread that dies in the kernel leaves for the one that goes on: the step at which it stood, and the state in
// front of it. The recording's lock holds the kernel at its door, so that the step can be looked at.

import { closeSync } from "node:fs";
import { afterAll, beforeEach, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../../src/abi/frame.js";
import {
  CLAIM_DISPATCHED,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_MAIN,
  REC_CLAIM_OFFSET,
  REC_LOCK_OFFSET,
  REC_SIZE,
} from "../../../src/abi/recording.js";
import { SEG_OUTPUT_COUNT, SEG_OUTPUT_FD_OFFSET, SEG_SIZE } from "../../../src/abi/segment.js";
import { STATUS_RING_EMPTY } from "../../../src/abi/status.js";
import { ArenaViews } from "../../../src/arena/arena-views.js";
import type { SegmentOpening } from "../../../src/container/container.js";
import { UNKNOWN_ORIGIN } from "../../../src/container/segment-origin.js";
import { OUTPUT_BYTES } from "../../../src/container/segment-output.js";
import { outputAt } from "../../../src/container/segment-state.js";
import type { DrainResult } from "../../../src/worker/drain-batch.js";
import { DrainRecord, RECORD_SIZE, STEP_KERNEL, STEP_OPENING } from "../../../src/worker/drain-record.js";
import { Pools } from "../../../src/worker/pools.js";
import { SAVED_SIZE } from "../../../src/worker/segment-snapshot.js";
import { KernelRun } from "../../support/kernel-harness.js";
import { SLICE_I, SLICE_P, slice } from "../../support/pictures.js";
import { scratch } from "../../support/scratch.js";
import { AVCC, accessUnit } from "../../support/test-media.js";
import { until } from "../../support/until.js";

const { path } = scratch();
const run = new KernelRun({ build: "release", container: "ts" });
const { arena, recording } = run;
const views = new ArenaViews(arena.memory);
const pools = new Pools(arena, { workers: 1, spareThreads: 0 });
const config = run.addConfig("h264", AVCC);
const [segment, saved, heartbeat] = [arena.allocate(SEG_SIZE), arena.allocate(SAVED_SIZE), arena.allocate(64)];
const pointer = arena.allocate(RECORD_SIZE);
const record = new DrainRecord(views, pointer);
const out = pools.takeOutput();
const lock = (recording + REC_LOCK_OFFSET) >>> 2;
for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
  views.setU32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1);

let pictures = 0;
let ticket = 5;
beforeEach(() => {
  for (let i = 0; i < 3; i++) {
    const isFirst = pictures === 0;
    const payload = accessUnit([slice(isFirst ? SLICE_I : SLICE_P, pictures, isFirst)]);
    run.push({ track: TRACK_VIDEO, config, dts90k: pictures++ * 3600, isRandomAccess: isFirst, payload });
  }
  // Of an earlier batch.
  views.bytes(saved, SAVED_SIZE).fill(0xa5);
  record.clear();
  record.tail = 12345;
});

afterAll(async () => {
  Atomics.store(arena.i32, lock, LOCK_FREE); // a kernel that still waits goes on
  await pools.close();
  const fd = views.u32(outputAt(segment, 0) + SEG_OUTPUT_FD_OFFSET) | 0;
  if (fd >= 0) closeSync(fd);
});

/** Looks at the state when the step has begun, and lets the kernel in. */
async function drainTo(step: number, opening: SegmentOpening | undefined): Promise<DrainResult | undefined> {
  const { tail } = run;
  Atomics.store(arena.i32, lock, LOCK_MAIN);
  views.setU32(recording + REC_CLAIM_OFFSET, (++ticket << CLAIM_TICKET_SHIFT) | CLAIM_DISPATCHED);
  const place = { recording, record: pointer, segment, path: path("cam.ts"), ticket };
  const items = [{ ...place, isResumed: false, opening, gaps: undefined }];
  const drained = pools.drain({ out, outBytes: OUTPUT_BYTES, heartbeat, saved, items });
  await until("the kernel is about to begin", () => record.step === step);
  expect(record.tail).toBe(tail);
  const states = [views.bytes(segment, SEG_SIZE), views.bytes(recording, REC_SIZE)];
  expect(Buffer.from(views.bytes(saved, SAVED_SIZE)).equals(Buffer.concat(states))).toBe(true);
  Atomics.store(arena.i32, lock, LOCK_FREE);
  const [result] = await drained;
  return result;
}

it("saves the state in front of an opening, and says that it opens", async () => {
  const opening = { exclusive: true, winQtCompat: true, reserveBytes: 0, lockPath: "", sequence: 1 };
  const result = await drainTo(STEP_OPENING, { ...opening, origin: UNKNOWN_ORIGIN });
  expect(result).toMatchObject({ opened: true, status: STATUS_RING_EMPTY, failure: undefined });
});

it("saves the state in front of a kernel call, and says that it is in it", async () => {
  const result = await drainTo(STEP_KERNEL, undefined);
  expect(result).toMatchObject({ status: STATUS_RING_EMPTY, failure: undefined });
  expect(result?.writtenBytes).toBeGreaterThan(0);
  expect(run.tail).toBe(run.ring.head);
});
