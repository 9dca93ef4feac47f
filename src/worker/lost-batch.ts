// A batch whose thread has died. The claims and records in shared memory say what became of each item: it is done, it
// was never taken up, or it was under way; the last two go to another thread, with the same buffers.

import {
  CLAIM_DISPATCHED,
  CLAIM_IDLE,
  CLAIM_RUNNING,
  CLAIM_STATE_MASK,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_KERNEL,
  REC_CLAIM_OFFSET,
  REC_LOCK_OFFSET,
  REC_TAIL_OFFSET,
} from "../abi/recording.js";
import { SEG_BATCH_END_OFFSET, SEG_BATCH_IS_WHOLE_OFFSET } from "../abi/segment.js";
import type { ArenaViews } from "../arena/arena-views.js";
import type { DrainItem, DrainResult } from "./drain-batch.js";
import { DrainRecord, STEP_DONE } from "./drain-record.js";

const NOT_CLAIMED: DrainResult = {
  claimed: false,
  status: 0,
  opened: false,
  writtenBytes: 0,
  writeMs: 0,
  failure: undefined,
  unwritten: undefined,
};

/** An item's result, or the item as it goes to the next thread. */
export function takeFromDead(arena: ArenaViews, item: DrainItem): DrainResult | DrainItem {
  const claim = (item.recording + REC_CLAIM_OFFSET) >>> 2;
  const words = arena.i32(item.recording + REC_CLAIM_OFFSET);
  const value = Atomics.load(words, claim) >>> 0;
  if (value >>> CLAIM_TICKET_SHIFT !== item.ticket) return NOT_CLAIMED; // it has been given to somebody else
  const state = value & CLAIM_STATE_MASK;
  const record = new DrainRecord(arena, item.record);
  const ticket = item.ticket << CLAIM_TICKET_SHIFT;
  if (record.step === STEP_DONE) {
    Atomics.store(words, claim, ticket | CLAIM_IDLE);
    return record.result(item.path);
  }
  if (state === CLAIM_IDLE) return NOT_CLAIMED; // taken back before the thread came to it
  if (state === CLAIM_DISPATCHED) return item;
  releaseLock(arena, item);
  Atomics.compareExchange(words, claim, ticket | CLAIM_RUNNING, ticket | CLAIM_DISPATCHED);
  return { ...item, isResumed: true };
}

/** The kernel was under way: frames that it has muxed to the end are behind the cursor. */
function releaseLock(arena: ArenaViews, { recording, segment }: DrainItem): void {
  const words = arena.i32(recording + REC_LOCK_OFFSET);
  const lock = (recording + REC_LOCK_OFFSET) >>> 2;
  if (Atomics.load(words, lock) !== LOCK_KERNEL) return;
  if (arena.u32(segment + SEG_BATCH_IS_WHOLE_OFFSET) !== 0)
    Atomics.store(words, (recording + REC_TAIL_OFFSET) >>> 2, arena.u32(segment + SEG_BATCH_END_OFFSET) | 0);
  Atomics.compareExchange(words, lock, LOCK_KERNEL, LOCK_FREE);
}

export function isResult(either: DrainResult | DrainItem): either is DrainResult {
  return "claimed" in either;
}
