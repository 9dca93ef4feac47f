// A FrameRing as its owner has it, the main thread: it is allocated, looked through, made larger and freed here. Frames
// are put in by its producer, which is the same object (ring-producer.ts) until the ring is handed to another thread.

import {
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
import type { Arena } from "./arena.js";
import { type FrameHeader, frameStride, RingProducer } from "./ring-producer.js";

/** A frame as found in a ring; `payload` is a pointer into the arena. */
export interface RingFrame extends FrameHeader {
  index: number;
  next: number;
  sizeBytes: number;
  payload: number;
}

export class FrameRing extends RingProducer {
  readonly #arena: Arena;
  /** Set where another thread puts the frames in: looks how far it has come, and calls `setHead`. */
  #look: (() => void) | undefined;

  constructor(arena: Arena, capacityBytes: number) {
    if (capacityBytes < 4096 || (capacityBytes & (capacityBytes - 1)) !== 0) {
      throw new ReelError("badArgument", `a ring's capacity is a power of two of at least 4096, not ${capacityBytes}`);
    }
    super(arena, arena.allocate(RING_SIZE));
    this.#arena = arena;
    try {
      this.data = arena.allocate(capacityBytes, false);
    } catch (error) {
      arena.free(this.pointer);
      throw error;
    }
    this.size = capacityBytes;
    this.#storeGeometry();
  }

  /** From here on another thread is the producer: `head` is what was seen of it last. */
  handOver(look: () => void): void {
    this.abandon();
    this.#look = look;
    this.setTail(this.tailIndex);
  }

  setHead(index: number): void {
    this.headIndex = index;
  }

  /** As far as the other thread has published, whatever it has told. */
  loadHead(): void {
    this.headIndex = Atomics.load(this.memory.i32, (this.pointer + RING_HEAD_OFFSET) >>> 2) >>> 0;
  }

  setTail(index: number): void {
    this.tailIndex = index >>> 0;
    if (this.#look) Atomics.store(this.memory.i32, (this.pointer + RING_TAIL_OFFSET) >>> 2, this.tailIndex | 0);
  }

  /**
   * The frame at an index, or undefined at the head. Fillers are passed over. Only for indices at or behind every
   * consumer's tail.
   */
  frameAt(index: number): RingFrame | undefined {
    const { u8, u32, i32 } = this.memory;
    // A kernel may have come further than what was seen of the producer.
    if (this.#look && ((this.headIndex - index) | 0) < 0) this.#look();
    const head = this.headIndex;
    let i = index >>> 0;
    while (i !== head) {
      const at = this.data + (i & (this.size - 1));
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
          dts90k: this.memory.i64(at + FRAME_DTS_OFFSET),
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
      const from = (index + done) & (this.size - 1);
      const bytes = Math.min(target.byteLength - done, this.size - from);
      target.set(this.#arena.u8.subarray(this.data + from, this.data + from + bytes), done);
      done += bytes;
    }
  }

  /**
   * Moves the held bytes into a ring of another capacity. The caller holds the lock of every cursor: no kernel reads
   * meanwhile, and a producer of another thread waits for room. A reservation is lost. Indices stay: a range that was
   * contiguous below the smaller mask is contiguous below the larger one.
   */
  resize(capacityBytes: number): void {
    if (capacityBytes <= this.size) throw new ReelError("badArgument", "a ring only grows");
    const data = this.#arena.allocate(capacityBytes, false);
    let index = this.tailIndex;
    let left = this.heldBytes;
    while (left > 0) {
      const from = index & (this.size - 1);
      const bytes = Math.min(left, this.size - from);
      this.memory.copy(data + (index & (capacityBytes - 1)), this.data + from, bytes);
      index = (index + bytes) >>> 0;
      left -= bytes;
    }
    this.#arena.free(this.data);
    this.data = data;
    this.size = capacityBytes;
    this.abandon();
    this.#storeGeometry();
  }

  free(): void {
    this.#arena.free(this.data);
    this.#arena.free(this.pointer);
  }

  #storeGeometry(): void {
    this.memory.u32[(this.pointer + RING_DATA_OFFSET) >>> 2] = this.data;
    this.memory.u32[(this.pointer + RING_CAPACITY_OFFSET) >>> 2] = this.size;
  }
}
