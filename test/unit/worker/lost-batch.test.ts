// What is made of the items of a batch whose thread has died, by their claims and by the records in shared memory.

import { beforeEach, describe, expect, it } from "vitest";
import {
  CLAIM_DISPATCHED,
  CLAIM_IDLE,
  CLAIM_RUNNING,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CLAIM_OFFSET,
  REC_LOCK_OFFSET,
  REC_SIZE,
  REC_TAIL_OFFSET,
} from "../../../src/abi/recording.js";
import { SEG_BATCH_END_OFFSET, SEG_BATCH_IS_WHOLE_OFFSET, SEG_SIZE } from "../../../src/abi/segment.js";
import { Arena } from "../../../src/arena/arena.js";
import { ArenaViews } from "../../../src/arena/arena-views.js";
import type { DrainItem, DrainResult } from "../../../src/worker/drain-batch.js";
import {
  DrainRecord,
  RECORD_SIZE,
  STEP_BETWEEN,
  STEP_DONE,
  STEP_GAPS,
  STEP_KERNEL,
  STEP_OPENING,
  STEP_TAKEN,
  STEP_WRITING,
} from "../../../src/worker/drain-record.js";
import { isResult, takeFromDead } from "../../../src/worker/lost-batch.js";

const TICKET = 7;
const DONE: DrainResult = {
  ...{ claimed: true, status: 5, opened: true, writtenBytes: 2 ** 33 + 1, writeMs: 0 },
  ...{ failure: undefined, unwritten: undefined },
};

let arena: ArenaViews;
let item: DrainItem;
let record: DrainRecord;
beforeEach(() => {
  const memory = new Arena();
  arena = new ArenaViews(memory.memory);
  const [recording, segment] = [memory.allocate(REC_SIZE), memory.allocate(SEG_SIZE)];
  const pointer = memory.allocate(RECORD_SIZE);
  item = {
    ...{ recording, segment, record: pointer, ticket: TICKET, isResumed: false },
    ...{ path: "/media/a.ts", opening: undefined, gaps: undefined },
  };
  record = new DrainRecord(arena, pointer);
});

const claim = (): number => arena.u32(item.recording + REC_CLAIM_OFFSET);
function setClaim(state: number, ticket = TICKET): void {
  arena.setU32(item.recording + REC_CLAIM_OFFSET, (ticket << CLAIM_TICKET_SHIFT) | state);
}

describe("an item of a thread that died", () => {
  it.each([
    ["was given to somebody else since", CLAIM_RUNNING, TICKET + 1, STEP_DONE],
    ["was taken back before it was taken up", CLAIM_IDLE, TICKET, STEP_TAKEN],
  ])("%s: it was not claimed", (_what, state, ticket, step) => {
    setClaim(state, ticket);
    const before = claim();
    record.step = step;
    const taken = takeFromDead(arena, item);
    expect(taken).toMatchObject({ claimed: false, opened: false, writtenBytes: 0, failure: undefined });
    expect([isResult(taken), claim()]).toEqual([true, before]);
  });

  it.each([CLAIM_RUNNING, CLAIM_IDLE])("was done: its result is what the record says (claim %i)", (state) => {
    setClaim(state);
    record.done(DONE);
    expect(takeFromDead(arena, item)).toEqual(DONE);
    expect(claim()).toBe((TICKET << CLAIM_TICKET_SHIFT) | CLAIM_IDLE);
  });

  it("was never taken up: it goes to the next thread as it is", () => {
    setClaim(CLAIM_DISPATCHED);
    const taken = takeFromDead(arena, item);
    expect(taken).toBe(item);
    expect([isResult(taken), claim()]).toEqual([false, (TICKET << CLAIM_TICKET_SHIFT) | CLAIM_DISPATCHED]);
  });

  it("was under way: it goes to the next thread as one to resume, which may claim it", () => {
    setClaim(CLAIM_RUNNING);
    record.step = STEP_BETWEEN;
    expect(takeFromDead(arena, item)).toEqual({ ...item, isResumed: true });
    expect(claim()).toBe((TICKET << CLAIM_TICKET_SHIFT) | CLAIM_DISPATCHED);
  });

  it.each([
    [LOCK_KERNEL, 1, 77],
    [LOCK_KERNEL, 0, 50],
    [LOCK_FREE, 1, 50],
  ])(
    "was in the kernel (lock %i, whole batch %i): the cursor is at %i, and the lock is free",
    (lock, isWhole, tail) => {
      setClaim(CLAIM_RUNNING);
      record.step = STEP_KERNEL;
      arena.setU32(item.recording + REC_LOCK_OFFSET, lock);
      arena.setU32(item.recording + REC_TAIL_OFFSET, 50);
      arena.setU32(item.segment + SEG_BATCH_END_OFFSET, 77);
      arena.setU32(item.segment + SEG_BATCH_IS_WHOLE_OFFSET, isWhole);
      takeFromDead(arena, item);
      expect(arena.u32(item.recording + REC_TAIL_OFFSET)).toBe(tail);
      expect(arena.u32(item.recording + REC_LOCK_OFFSET)).toBe(LOCK_FREE);
    },
  );

  it("leaves a lock alone that is not the kernel's", () => {
    setClaim(CLAIM_RUNNING);
    const other = LOCK_KERNEL + 1;
    arena.setU32(item.recording + REC_LOCK_OFFSET, other);
    takeFromDead(arena, item);
    expect(arena.u32(item.recording + REC_LOCK_OFFSET)).toBe(other);
  });
});

describe("a record", () => {
  it("gives every field back as it was, beside all others", () => {
    const unwritten = { frames: 0x12345678, bytes: 2 ** 40 + 3, from90k: 2 ** 41 + 5, to90k: 2 ** 42 + 7 };
    const failure = { code: "io", errno: "EIO", message: "no", path: item.path } as const;
    const result = { ...DONE, status: -0x12345678, writtenBytes: 2 ** 43 + 9, failure, unwritten };
    record.tail = 0x9abcdef0;
    record.done(result);
    expect(record.result(item.path)).toEqual(result);
    expect([record.step, record.tail, record.opened]).toEqual([STEP_DONE, 0x9abcdef0, true]);
    record.opened = false;
    expect(record.result(item.path)).toEqual({ ...result, opened: false });
    record.clear();
    expect(record.result(item.path)).toEqual({ ...DONE, status: 0, opened: false, writtenBytes: 0 });
    expect(record.step).toBe(STEP_TAKEN);
  });

  it("tells every step from the others, in their order", () => {
    const steps = [STEP_TAKEN, STEP_OPENING, STEP_GAPS, STEP_BETWEEN, STEP_KERNEL, STEP_WRITING, STEP_DONE];
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
  });

  it("keeps the beginning of a long message, whatever it is written in", () => {
    const long = "\u{1F3A5}".repeat(100);
    arena.setU32(item.record + RECORD_SIZE - 4, 99);
    record.done({ ...DONE, failure: { code: "io", errno: "ENAMETOOLONG", message: long, path: "x" } });
    expect(record.result(item.path).failure?.message).toBe(long.slice(0, 80));
    expect(arena.u32(item.record + RECORD_SIZE - 4)).toBe(99);
  });
});
