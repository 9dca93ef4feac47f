// Growing the ring of an in-stream: by bytes received, never by sizes announced, up to a limit (design.md §2). Every
// cursor is locked meanwhile; kernel calls are short, so a busy one is waited for.

import type { FrameRing } from "../arena/frame-ring.js";
import { frameStride } from "../arena/ring-producer.js";
import { ReelError } from "../base/reel-error.js";
import type { Cursor } from "./cursor.js";

/** A kernel call takes milliseconds at most: whoever holds a lock for longer is not one. */
const MAX_TRIES = 1_000_000;

/**
 * Doubles the ring until the frame fits. False where it may not become that large, or there is no memory. `refreshTail`
 * is called with all locks held.
 */
export function growRing(
  ring: FrameRing,
  cursors: Iterable<Cursor>,
  sizeBytes: number,
  maxRingBytes: number,
  refreshTail: () => void,
): boolean {
  let capacity = ring.capacity;
  const wanted = ring.heldBytes + 2 * frameStride(sizeBytes);
  do capacity *= 2;
  while (capacity < wanted);
  if (capacity > maxRingBytes) return false;
  const locked: Cursor[] = [];
  try {
    for (const cursor of cursors) {
      let tries = 0;
      while (!cursor.tryLock()) if (++tries > MAX_TRIES) return false;
      locked.push(cursor);
    }
    refreshTail();
    ring.resize(capacity);
    return true;
  } catch (error) {
    if (error instanceof ReelError && error.code === "arenaFull") return false;
    throw error;
  } finally {
    for (const cursor of locked) cursor.unlock();
  }
}
