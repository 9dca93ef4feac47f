// Arena memory in which what comes in pieces is put together. Offsets count from the front of what it holds.

import type { Arena } from "../../arena/arena.js";
import { StagingBlock, type StagingBudget } from "./staging.js";

export class StagingScratch {
  end = 0;
  protected readonly block: StagingBlock;
  readonly #initialBytes: number;
  readonly #spareBytes: number;

  /** `spareBytes`: behind the end there is always room for so many. */
  constructor(arena: Arena, budget: StagingBudget, initialBytes: number, spareBytes: number) {
    this.block = new StagingBlock(arena, budget);
    this.#initialBytes = initialBytes;
    this.#spareBytes = spareBytes;
  }

  get bytes(): Uint8Array {
    return this.block.bytes;
  }

  /** Of offset 0, in the arena. */
  get pointer(): number {
    return this.block.pointer;
  }

  reset(): void {
    this.block.shrink(this.end);
    this.end = 0;
  }

  indexOf(pattern: Buffer, from: number): number {
    return this.block.indexOf(pattern, from);
  }

  /** Drops what lies before `from` and moves the rest to the front. */
  discardBefore(from: number): void {
    if (from === 0) return;
    this.block.copyFrom(this.block, from, this.end - from, 0);
    this.end -= from;
  }

  free(): void {
    this.block.free();
    this.end = 0;
  }

  /** Throws ReelError `arenaFull`. */
  protected makeRoom(sizeBytes: number): void {
    const wanted = this.end + sizeBytes + this.#spareBytes;
    if (wanted > this.block.sizeBytes) this.block.grow(Math.max(this.#initialBytes, wanted), this.end);
  }
}
