// When sockets are read. A live recorder gains nothing from waking for every frame, so a socket that has been read
// rests, and all resting sockets are polled from one timer:
//
//   tick (25 ms) ─▶ slot of the wheel ─▶ poll ─▶ poll …
//   a socket rests as many ticks as TARGET_BYTES take to arrive, at most maxRestTicks
//
// It ticks while sockets are open: a listener that has none would wake its thread 40 times a second for nothing.
//
// Sockets share one read buffer, a block of the arena: what is read is parsed before the next read, and what belongs
// into a ring is copied inside the arena without a view being made for it.

import type { Arena } from "../../arena/arena.js";
import type { ArenaMemory } from "../../arena/arena-memory.js";

export const TICK_MS = 25;
/**
 * A read of 48 KiB stays below the 64 KiB that Linux's default receive buffer lets a sender have in flight, so that a
 * resting socket never slows it.
 */
export const TARGET_BYTES = 49152;
/** Most streams never fill it; one that does is read again at once. */
export const READ_BYTES = 262144;
/** Room in front of a read for what the last one left over. */
export const HEADROOM_BYTES = 64;

export interface Pollable {
  poll(): void;
}

export class ReadLoop {
  /**
   * HEADROOM_BYTES, then room for one read. A view of shared memory stays good when the arena grows: the memory never
   * moves. No Buffer, whose `slice` is a view: what a reader keeps of it must be a copy, since all sockets of the loop
   * are read into it.
   */
  readonly buffer: Uint8Array;
  readonly maxRestTicks: number;
  ticks = 0;
  /** Called between two sockets. */
  between: () => void = () => {};
  #onClosed: () => void;
  #wheel: Pollable[][];
  #spare: Pollable[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sockets = 0;

  /** With a buffer of its own. */
  static create(arena: Arena, maxRestMs: number): ReadLoop {
    const pointer = arena.allocate(HEADROOM_BYTES + READ_BYTES);
    return new ReadLoop(arena, pointer, maxRestMs, () => arena.free(pointer));
  }

  constructor(memory: ArenaMemory, pointer: number, maxRestMs: number, onClosed = () => {}) {
    this.buffer = memory.u8.subarray(pointer, pointer + HEADROOM_BYTES + READ_BYTES);
    this.#onClosed = onClosed;
    this.maxRestTicks = Math.max(0, Math.floor(maxRestMs / TICK_MS));
    this.#wheel = Array.from({ length: this.maxRestTicks + 1 }, () => []);
  }

  /** A socket is open, until `left`. */
  joined(): void {
    this.#sockets++;
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  left(): void {
    if (--this.#sockets > 0) return;
    this.#stop();
    for (const slot of this.#wheel) slot.length = 0;
  }

  /** Polls `socket` after `ticks`, 1 to maxRestTicks. */
  schedule(socket: Pollable, ticks: number): void {
    this.#wheel[(this.ticks + ticks) % this.#wheel.length]?.push(socket);
  }

  /** All sockets are gone. */
  close(): void {
    this.#stop();
    this.#onClosed();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.ticks++;
    const slot = this.ticks % this.#wheel.length;
    const due = this.#wheel[slot];
    if (!due || due.length === 0) return;
    this.#wheel[slot] = this.#spare;
    for (const socket of due) {
      socket.poll();
      this.between();
    }
    due.length = 0;
    this.#spare = due;
  }
}
