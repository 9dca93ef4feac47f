// Arena memory in which the payloads of packets are put together. Offsets count from the front of what it holds.

import type { Arena } from "../../arena/arena.js";
import { StagingBlock, type StagingBudget } from "../mpegts/staging.js";

const INITIAL_SIZE = 32 * 1024;
/** Reading a byte or two past the end is good, and reads zeros. */
const PADDING = 4;

export class PacketScratch {
  end = 0;
  readonly #arena: Arena;
  readonly #block: StagingBlock;

  constructor(arena: Arena, budget: StagingBudget) {
    this.#arena = arena;
    this.#block = new StagingBlock(arena, budget);
  }

  get bytes(): Uint8Array {
    return this.#block.bytes;
  }

  /** Of offset 0, in the arena. */
  get pointer(): number {
    return this.#block.pointer;
  }

  reset(): void {
    this.#block.shrink(this.end);
    this.end = 0;
  }

  /** Throws ReelError `arenaFull`. */
  append(packet: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.#makeRoom(size);
    const block = this.#block;
    // What was read into the arena is moved there at five times the speed (staging.ts).
    if (packet.buffer === this.#arena.memory.buffer)
      this.#arena.copy(block.pointer + this.end, packet.byteOffset + start, size);
    else block.bytes.set(packet.subarray(start, end), this.end);
    this.end += size;
    block.bytes.fill(0, this.end, this.end + PADDING);
  }

  appendByte(byte: number): void {
    this.#makeRoom(1);
    this.#block.bytes[this.end++] = byte;
    this.#block.bytes.fill(0, this.end, this.end + PADDING);
  }

  indexOf(pattern: Buffer, from: number): number {
    return this.#block.indexOf(pattern, from);
  }

  /** Drops what lies before `from` and moves the rest to the front. */
  discardBefore(from: number): void {
    if (from === 0) return;
    this.#block.copyFrom(this.#block, from, this.end - from, 0);
    this.end -= from;
    this.#block.bytes.fill(0, this.end, this.end + PADDING);
  }

  free(): void {
    this.#block.free();
    this.end = 0;
  }

  #makeRoom(size: number): void {
    const wanted = this.end + size + PADDING;
    if (wanted > this.#block.bytes.byteLength) this.#block.grow(Math.max(INITIAL_SIZE, wanted), this.end);
  }
}
