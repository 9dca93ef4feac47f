// The producer of a FrameRing (src/abi/ring.ts, src/abi/frame.ts): one byte ring per in-stream, written by the one
// thread that reads its source, read in place by the muxer kernels. A full ring never overwrites: `reserve` answers 0
// and the caller decides.
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
import { RING_CAPACITY_OFFSET, RING_DATA_OFFSET, RING_HEAD_OFFSET, RING_SIZE, RING_TAIL_OFFSET } from "../abi/ring.js";
import { ReelError } from "../base/reel-error.js";
import type { ArenaMemory } from "./arena-memory.js";

export interface FrameHeader {
  track: number;
  flags: number;
  dts90k: number;
  ctsOffset90k: number;
  /** Pointer to the decoder configuration block. */
  config: number;
}

export function frameStride(payloadBytes: number): number {
  return (payloadBytes + FRAME_HEADER_SIZE + FRAME_ALIGN - 1) & ~(FRAME_ALIGN - 1);
}

export class RingProducer {
  /** Where the bytes of the ring are, and how many. */
  protected data = 0;
  protected size = 0;
  /** Bytes ever written, modulo 2^32. */
  protected headIndex = 0;
  /** Oldest index still wanted by some consumer. */
  protected tailIndex = 0;
  /** Index of the reserved frame's header, -1 = none. */
  #reserved = -1;
  #reservedBytes = 0;

  constructor(
    protected readonly memory: ArenaMemory,
    readonly pointer: number,
  ) {}

  /** Takes over, in another thread, what the control block says: at the beginning, and when the ring has moved. */
  open(): void {
    this.memory.cover(this.pointer + RING_SIZE);
    const { u32, i32 } = this.memory;
    this.data = u32[(this.pointer + RING_DATA_OFFSET) >>> 2] ?? 0;
    this.size = u32[(this.pointer + RING_CAPACITY_OFFSET) >>> 2] ?? 0;
    this.headIndex = Atomics.load(i32, (this.pointer + RING_HEAD_OFFSET) >>> 2) >>> 0;
    this.memory.cover(this.data + this.size);
    this.#reserved = -1;
    this.loadTail();
  }

  /** Looks how far the consumers have come; what was known before only lags. */
  loadTail(): void {
    this.tailIndex = Atomics.load(this.memory.i32, (this.pointer + RING_TAIL_OFFSET) >>> 2) >>> 0;
  }

  get head(): number {
    return this.headIndex;
  }
  get capacity(): number {
    return this.size;
  }
  /** Bytes between the oldest wanted frame and the head. */
  get heldBytes(): number {
    return (this.head - this.tailIndex) >>> 0;
  }

  /**
   * Room for a frame's payload: a pointer to write to, or 0 where the ring is full. One reservation at a time; a second
   * call replaces the first.
   */
  reserve(payloadBytes: number): number {
    const stride = frameStride(payloadBytes);
    const { head } = this;
    const mask = this.size - 1;
    const toEnd = this.size - (head & mask);
    const filler = stride <= toEnd ? 0 : toEnd;
    if (((head - this.tailIndex) >>> 0) + filler + stride > this.size) return 0;
    if (filler > 0) {
      const at = this.data + (head & mask);
      this.memory.u32[(at + FRAME_SIZE_OFFSET) >>> 2] = filler - FRAME_HEADER_SIZE;
      this.memory.u8[at + FRAME_TRACK_OFFSET] = FRAME_FILLER;
    }
    this.#reserved = (head + filler) >>> 0;
    this.#reservedBytes = payloadBytes;
    return this.data + (this.#reserved & mask) + FRAME_HEADER_SIZE;
  }

  abandon(): void {
    this.#reserved = -1;
  }

  /** Publishes the reserved frame; `payloadBytes` may be less than was reserved. Returns the frame's index. */
  commit(header: FrameHeader, payloadBytes: number): number {
    if (this.#reserved < 0 || payloadBytes > this.#reservedBytes)
      throw new ReelError("badArgument", "commit without a fitting reservation");
    const index = this.#reserved;
    const at = this.data + (index & (this.size - 1));
    const { u8, u32, i32 } = this.memory;
    u32[(at + FRAME_SIZE_OFFSET) >>> 2] = payloadBytes;
    u8[at + FRAME_TRACK_OFFSET] = header.track;
    u8[at + FRAME_FLAGS_OFFSET] = header.flags;
    this.memory.setI64(at + FRAME_DTS_OFFSET, header.dts90k);
    i32[(at + FRAME_CTS_OFFSET) >>> 2] = header.ctsOffset90k;
    u32[(at + FRAME_CONFIG_OFFSET) >>> 2] = header.config;
    this.#reserved = -1;
    this.headIndex = (index + frameStride(payloadBytes)) >>> 0;
    // Published last: a consumer that sees this head sees payload and header.
    Atomics.store(i32, (this.pointer + RING_HEAD_OFFSET) >>> 2, this.headIndex | 0);
    return index;
  }
}
