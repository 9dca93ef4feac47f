// Room in the ring of an in-stream: who reads it, how far back it is held for them, and how room for the next frame is
// made. A full ring never overwrites (design.md §2). In this order:
//
//   the past gives way, or the ring grows for it ─▶ a slow consumer loses its place (and is told) ─▶ the ring grows
//     ─▶ the source is held back: `reserve` answers 0, `full` is called, and `room` when a quarter is free again
//
// Memory is O(buffer).

import type { Arena } from "../arena/arena.js";
import { FrameRing } from "../arena/frame-ring.js";
import { frameStride } from "../arena/ring-producer.js";
import { ReelError } from "../base/reel-error.js";
import { type Clock, type Millis, TICKS_PER_MS, type Ticks90k } from "../time/units.js";
import type { Cursor } from "./cursor.js";
import type { Past } from "./past.js";
import { growRing } from "./ring-growth.js";
import { jumpSlowConsumers, type LaggingStream } from "./slow-consumers.js";

export interface RingLimits {
  ringBytes: number;
  /** A ring grows up to this. */
  maxRingBytes: number;
  /** How far a recording may lag behind its siblings before its cursor jumps. */
  lagLimitMs: number;
}

export interface RingRoomEvents {
  /** The source is held back: drains are wanted now. */
  full(): void;
  /** There is room again; for how long there was none. */
  room(heldMs: Millis): void;
}

export interface RingRoomParts {
  streamName: string;
  arena: Arena;
  clock: Clock;
  limits: RingLimits;
  /** dts of the newest frame of each track. */
  lastDts90k: readonly Ticks90k[];
  events: RingRoomEvents;
}

export class RingRoom implements LaggingStream {
  readonly ring: FrameRing;
  readonly lastDts90k: readonly Ticks90k[];
  /** What is kept for recordings that begin in the past, from when on something is. */
  past: Past | undefined;
  readonly #streamName: string;
  readonly #clock: Clock;
  readonly #limits: RingLimits;
  readonly #events: RingRoomEvents;
  readonly #cursors = new Set<Cursor>();
  /** Cursors whose kernels may still read the ring, detached ones included. */
  readonly #users = new Set<Cursor>();
  #isHeldBack = false;
  #heldBackSinceMs: Millis = 0;

  constructor({ streamName, arena, clock, limits, lastDts90k, events }: RingRoomParts) {
    this.#streamName = streamName;
    this.#clock = clock;
    this.#limits = limits;
    this.lastDts90k = lastDts90k;
    this.#events = events;
    this.ring = new FrameRing(arena, limits.ringBytes);
  }

  get cursorCount(): number {
    return this.#cursors.size;
  }

  /** A kernel may still read the ring. */
  get isUsed(): boolean {
    return this.#users.size > 0;
  }

  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** As `InStream.reserve`. */
  reserve(sizeBytes: number, mayGrow: boolean): number {
    let pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    this.refreshTail();
    pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    pointer = this.#reserveInPast(sizeBytes, mayGrow);
    if (pointer !== 0) return pointer;
    if (this.#cursors.size > 1 && jumpSlowConsumers(this, this.#cursors, this.#limits.lagLimitMs * TICKS_PER_MS)) {
      this.refreshTail();
      pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    if (mayGrow && this.#grow(sizeBytes)) {
      pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    if (!mayGrow) return 0;
    const { maxRingBytes } = this.#limits;
    // An empty ring that cannot grow any more will never have the room: waiting would have no end.
    if (frameStride(sizeBytes) * 2 > maxRingBytes || this.ring.heldBytes === 0) {
      throw new ReelError(
        "arenaFull",
        `a frame of ${sizeBytes} bytes does not fit into a ring of at most ${maxRingBytes} bytes (ring.maximumBytes)`,
        { stream: this.#streamName },
      );
    }
    this.#holdBack();
    return 0;
  }

  attach(cursor: Cursor): void {
    this.#cursors.add(cursor);
    this.#users.add(cursor);
    this.refreshTail();
  }

  /** It reads the ring, and does not hold it up. */
  use(cursor: Cursor): void {
    this.#users.add(cursor);
  }

  /** The cursor no longer holds the ring up. False where it did not. */
  detach(cursor: Cursor): boolean {
    return this.#cursors.delete(cursor);
  }

  /** Nothing reads the ring for this cursor any more. False where nothing did. */
  leave(cursor: Cursor): boolean {
    return this.#users.delete(cursor);
  }

  /** Takes over how far the cursors have come, and lets a waiting source go on when a quarter of the ring is free. */
  onDrained(): void {
    this.refreshTail();
    if (!this.#isHeldBack) return;
    const enough = this.ring.capacity * 0.75;
    while (this.ring.heldBytes > enough && this.past?.giveUpOldest(this.ring.head)) this.refreshTail();
    if (this.ring.heldBytes <= enough) this.release();
  }

  refreshTail(): void {
    const { head } = this.ring;
    const most = Math.max(this.#heldByCursors(), this.past?.heldBytes(head) ?? 0);
    this.ring.setTail((head - most) >>> 0);
  }

  /** The frame that found no room was dropped: its source cannot wait. */
  forgetHold(): void {
    this.#isHeldBack = false;
  }

  /** The source may go on. */
  release(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#events.room(this.#clock.monotonicMs() - this.#heldBackSinceMs);
  }

  /** Where the past fills the ring, the ring grows, or else the past gives way: no recording suffers for it. */
  #reserveInPast(sizeBytes: number, mayGrow: boolean): number {
    const { past } = this;
    while (past && mayGrow) {
      const { head } = this.ring;
      const others = this.#heldByCursors();
      const held = past.heldBytes(head);
      if (held < others || held === 0) return 0;
      if (!this.#grow(sizeBytes) && (held === others || !past.giveUpOldest(head))) return 0;
      this.refreshTail();
      const pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    return 0;
  }

  #grow(sizeBytes: number): boolean {
    return growRing(this.ring, this.#cursors, sizeBytes, this.#limits.maxRingBytes, () => this.refreshTail());
  }

  #heldByCursors(): number {
    const { head } = this.ring;
    let most = 0;
    for (const cursor of this.#cursors) {
      // Negative where a kernel has come further than the main thread has seen the producer.
      const held = (head - cursor.tail()) | 0;
      if (held > most) most = held;
    }
    return most;
  }

  #holdBack(): void {
    if (this.#isHeldBack) return;
    this.#isHeldBack = true;
    this.#heldBackSinceMs = this.#clock.monotonicMs();
    this.#events.full();
  }
}
