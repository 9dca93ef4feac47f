// The producer's side of a FrameRing (src/abi/ring.ts, src/abi/frame.ts): one byte ring per in-stream, written by the
// thread that reads sockets, read in place by the muxer kernels. A full ring never overwrites: `reserve` answers 0 and
// the caller decides (in-stream.ts).
//
//   payload is written into the reservation ─▶ header ─▶ Atomics.store(head): publish last.
//
// Indices count bytes modulo 2^32 over a power-of-two capacity. A frame is contiguous; a filler takes what is left
// before the end.

import {
  FRAME_ALIGN,
  FRAME_CONFIG_OFFSET,
  FRAME_CTS_OFFSET,
  FRAME_DTS_OFFSET,
  FRAME_FILLER,
  FRAME_FLAGS_OFFSET,
  FRAME_HEADER_SIZE,
  FRAME_SIZE_OFFSET,
  FRAME_TRACK_OFFSET,
} from "../abi/frame.js";
import { RING_CAPACITY_OFFSET, RING_DATA_OFFSET, RING_HEAD_OFFSET, RING_SIZE } from "../abi/ring.js";
import { ReelError } from "../base/reel-error.js";
import type { Arena } from "./arena.js";

export interface FrameHeader {
  track: number;
  flags: number;
  dts90k: number;
  ctsOffset90k: number;
  /** Pointer to the decoder configuration block. */
  config: number;
}

/** A frame as found in a ring; `payload` is a pointer into the arena. */
export interface RingFrame extends FrameHeader {
  index: number;
  next: number;
  sizeBytes: number;
  payload: number;
}

export function frameStride(payloadBytes: number): number {
  return (payloadBytes + FRAME_HEADER_SIZE + FRAME_ALIGN - 1) & ~(FRAME_ALIGN - 1);
}

export class FrameRing {
  readonly pointer: number;
  #arena: Arena;
  #data: number;
  #capacity: number;
  /** Bytes ever written, modulo 2^32. */
  #head = 0;
  /** Oldest index still wanted by some consumer; refreshed by the in-stream through `setTail`. */
  #tail = 0;
  /** Index of the reserved frame's header, -1 = none. */
  #reserved = -1;
  #reservedBytes = 0;

  constructor(arena: Arena, capacityBytes: number) {
    if (capacityBytes < 4096 || (capacityBytes & (capacityBytes - 1)) !== 0) {
      throw new ReelError("badArgument", `a ring's capacity is a power of two of at least 4096, not ${capacityBytes}`);
    }
    this.#arena = arena;
    this.pointer = arena.allocate(RING_SIZE);
    this.#capacity = capacityBytes;
    try {
      this.#data = arena.allocate(capacityBytes, false);
    } catch (error) {
      arena.free(this.pointer);
      throw error;
    }
    this.#storeGeometry();
  }

  get head(): number {
    return this.#head;
  }
  get capacity(): number {
    return this.#capacity;
  }
  /** Bytes between the oldest wanted frame and the head. */
  get heldBytes(): number {
    return (this.#head - this.#tail) >>> 0;
  }

  setTail(index: number): void {
    this.#tail = index >>> 0;
  }

  /**
   * Room for a frame's payload: a pointer to write to, or 0 where the ring is full. One reservation at a time; a second
   * call replaces the first.
   */
  reserve(payloadBytes: number): number {
    const stride = frameStride(payloadBytes);
    const mask = this.#capacity - 1;
    const toEnd = this.#capacity - (this.#head & mask);
    const filler = stride <= toEnd ? 0 : toEnd;
    if (this.heldBytes + filler + stride > this.#capacity) return 0;
    if (filler > 0) {
      const at = this.#data + (this.#head & mask);
      this.#arena.u32[(at + FRAME_SIZE_OFFSET) >>> 2] = filler - FRAME_HEADER_SIZE;
      this.#arena.u8[at + FRAME_TRACK_OFFSET] = FRAME_FILLER;
    }
    this.#reserved = (this.#head + filler) >>> 0;
    this.#reservedBytes = payloadBytes;
    return this.#data + (this.#reserved & mask) + FRAME_HEADER_SIZE;
  }

  abandon(): void {
    this.#reserved = -1;
  }

  /** Publishes the reserved frame; `payloadBytes` may be less than was reserved. Returns the frame's index. */
  commit(header: FrameHeader, payloadBytes: number): number {
    if (this.#reserved < 0 || payloadBytes > this.#reservedBytes)
      throw new ReelError("badArgument", "commit without a fitting reservation");
    const index = this.#reserved;
    const at = this.#data + (index & (this.#capacity - 1));
    const { u8, u32, i32 } = this.#arena;
    u32[(at + FRAME_SIZE_OFFSET) >>> 2] = payloadBytes;
    u8[at + FRAME_TRACK_OFFSET] = header.track;
    u8[at + FRAME_FLAGS_OFFSET] = header.flags;
    this.#arena.setI64(at + FRAME_DTS_OFFSET, header.dts90k);
    i32[(at + FRAME_CTS_OFFSET) >>> 2] = header.ctsOffset90k;
    u32[(at + FRAME_CONFIG_OFFSET) >>> 2] = header.config;
    this.#reserved = -1;
    this.#head = (index + frameStride(payloadBytes)) >>> 0;
    // Published last: a consumer that sees this head sees payload and header.
    Atomics.store(i32, (this.pointer + RING_HEAD_OFFSET) >>> 2, this.#head | 0);
    return index;
  }

  /**
   * The frame at an index, or undefined at the head. Fillers are passed over. Only for indices at or behind every
   * consumer's tail.
   */
  frameAt(index: number): RingFrame | undefined {
    const { u8, u32, i32 } = this.#arena;
    let i = index >>> 0;
    while (i !== this.#head) {
      const at = this.#data + (i & (this.#capacity - 1));
      const sizeBytes = u32[(at + FRAME_SIZE_OFFSET) >>> 2] ?? 0;
      const next = (i + frameStride(sizeBytes)) >>> 0;
      const track = u8[at + FRAME_TRACK_OFFSET] ?? 0;
      if (track !== FRAME_FILLER) {
        return {
          index: i,
          next,
          sizeBytes,
          track,
          payload: at + FRAME_HEADER_SIZE,
          flags: u8[at + FRAME_FLAGS_OFFSET] ?? 0,
          dts90k: this.#arena.i64(at + FRAME_DTS_OFFSET),
          ctsOffset90k: i32[(at + FRAME_CTS_OFFSET) >>> 2] ?? 0,
          config: u32[(at + FRAME_CONFIG_OFFSET) >>> 2] ?? 0,
        };
      }
      i = next;
    }
    return undefined;
  }

  /** Copies what lies from an index on: whole frames, which somebody holds. */
  copyTo(target: Uint8Array, index: number): void {
    for (let done = 0; done < target.byteLength; ) {
      const from = (index + done) & (this.#capacity - 1);
      const bytes = Math.min(target.byteLength - done, this.#capacity - from);
      target.set(this.#arena.u8.subarray(this.#data + from, this.#data + from + bytes), done);
      done += bytes;
    }
  }

  /**
   * Moves the held bytes into a ring of another capacity. The caller holds the lock of every cursor: no kernel reads
   * meanwhile. A reservation is lost. Indices stay: a range that was contiguous below the smaller mask is contiguous
   * below the larger one.
   */
  resize(capacityBytes: number): void {
    if (capacityBytes <= this.#capacity) throw new ReelError("badArgument", "a ring only grows");
    const data = this.#arena.allocate(capacityBytes, false);
    let index = this.#tail;
    let left = this.heldBytes;
    while (left > 0) {
      const from = index & (this.#capacity - 1);
      const bytes = Math.min(left, this.#capacity - from);
      this.#arena.copy(data + (index & (capacityBytes - 1)), this.#data + from, bytes);
      index = (index + bytes) >>> 0;
      left -= bytes;
    }
    this.#arena.free(this.#data);
    this.#data = data;
    this.#capacity = capacityBytes;
    this.#reserved = -1;
    this.#storeGeometry();
  }

  free(): void {
    this.#arena.free(this.#data);
    this.#arena.free(this.pointer);
  }

  #storeGeometry(): void {
    this.#arena.u32[(this.pointer + RING_DATA_OFFSET) >>> 2] = this.#data;
    this.#arena.u32[(this.pointer + RING_CAPACITY_OFFSET) >>> 2] = this.#capacity;
  }
}
