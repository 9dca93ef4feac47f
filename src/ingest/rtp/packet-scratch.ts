// Arena memory in which the payloads of packets are put together.

import type { Arena } from "../../arena/arena.js";
import type { StagingBudget } from "../mpegts/staging.js";
import { StagingScratch } from "../mpegts/staging-scratch.js";

const INITIAL_SIZE = 32 * 1024;
/** Reading a byte or two past the end is good, and reads zeros. */
const PADDING = 4;
const START_CODE = Buffer.of(0, 0, 1);
const SHORT_BYTES = 64;

export class PacketScratch extends StagingScratch {
  readonly #arena: Arena;
  /** What is read into, nearly always the same, and where it lies in the arena; -1 where it does not. */
  #readBuffer: Uint8Array | undefined;
  #readPointer = -1;

  constructor(arena: Arena, budget: StagingBudget) {
    super(arena, budget, INITIAL_SIZE, PADDING);
    this.#arena = arena;
  }

  /** Where the bytes of a packet lie in the arena; -1 where they do not. */
  pointerOf(packet: Uint8Array): number {
    // Asking an array for its buffer takes longer than moving a packet.
    if (packet !== this.#readBuffer) {
      this.#readBuffer = packet;
      this.#readPointer = this.#arena.pointerOf(packet);
    }
    return this.#readPointer;
  }

  /** Throws ReelError `arenaFull`. */
  append(packet: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.makeRoom(size);
    const from = this.pointerOf(packet);
    // What was read into the arena is moved there at five times the speed (staging.ts).
    if (from >= 0) this.#arena.copy(this.pointer + this.end, from + start, size);
    else this.bytes.set(packet.subarray(start, end), this.end);
    this.end += size;
    this.#pad();
  }

  appendByte(byte: number): void {
    this.makeRoom(1);
    this.bytes[this.end++] = byte;
    this.#pad();
  }

  /**
   * Offset of the first start code at or behind `from`; `end` where there is none. One behind the end stops the search,
   * which would go on through what the block held before: for every SEI of every picture. A short NAL unit is looked
   * through before the native search has begun.
   */
  nextStartCode(from: number): number {
    const { bytes, end } = this;
    if (end - from <= SHORT_BYTES) {
      for (let at = from; at + 2 < end; at++)
        if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1) return at;
      return end;
    }
    bytes.set(START_CODE, end);
    const code = this.indexOf(START_CODE, from);
    this.#pad();
    return code;
  }

  override discardBefore(from: number): void {
    if (from === 0) return;
    super.discardBefore(from);
    this.#pad();
  }

  #pad(): void {
    const { bytes, end } = this;
    for (let i = 0; i < PADDING; i++) bytes[end + i] = 0;
  }
}
