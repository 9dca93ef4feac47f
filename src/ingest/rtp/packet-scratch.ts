// Arena memory in which the payloads of packets are put together.

import type { Arena } from "../../arena/arena.js";
import type { StagingBudget } from "../mpegts/staging.js";
import { StagingScratch } from "../mpegts/staging-scratch.js";

const INITIAL_SIZE = 32 * 1024;
/** Reading a byte or two past the end is good, and reads zeros. */
const PADDING = 4;
const START_CODE = Buffer.of(0, 0, 1);

export class PacketScratch extends StagingScratch {
  readonly #arena: Arena;

  constructor(arena: Arena, budget: StagingBudget) {
    super(arena, budget, INITIAL_SIZE, PADDING);
    this.#arena = arena;
  }

  /** Throws ReelError `arenaFull`. */
  append(packet: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.makeRoom(size);
    // What was read into the arena is moved there at five times the speed (staging.ts).
    if (packet.buffer === this.#arena.memory.buffer)
      this.#arena.copy(this.pointer + this.end, packet.byteOffset + start, size);
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
   * which would go on through what the block held before: for every SEI of every picture.
   */
  nextStartCode(from: number): number {
    this.bytes.set(START_CODE, this.end);
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
    this.bytes.fill(0, this.end, this.end + PADDING);
  }
}
