// Scratch memory in which the bytes of a video stream are put together, and searched for start codes (00 00 01, ITU-T
// H.264 Annex B). Offsets count from the front of what it holds.
//
//   0               marks of PES packets           end
//   | access unit … | access unit … | unfinished … | 00 00 01
//
// A start code behind the end stops the search, which therefore runs natively over the whole block without a view being
// made for it.

import type { Arena } from "../../arena/arena.js";
import { StagingBlock, type StagingBudget } from "./staging.js";

const INITIAL_SIZE = 128 * 1024;
const START_CODE = Buffer.of(0, 0, 1);

export class AnnexBScratch {
  end = 0;
  #block: StagingBlock;

  constructor(arena: Arena, budget: StagingBudget) {
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

  append(input: StagingBlock, start: number, end: number): void {
    const size = end - start;
    const wanted = this.end + size + START_CODE.length;
    if (wanted > this.#block.bytes.byteLength) this.#block.grow(Math.max(INITIAL_SIZE, wanted), this.end);
    this.#block.copyFrom(input, start, size, this.end);
    this.end += size;
  }

  /**
   * Closes what has come with a start code; `nextStartCode` and reading a byte or two past the end are good until more
   * is appended.
   */
  terminate(): void {
    const { bytes } = this.#block;
    bytes[this.end] = 0;
    bytes[this.end + 1] = 0;
    bytes[this.end + 2] = 1;
  }

  /**
   * Offset of the first start code at or behind `from`; `end` where there is none. No start code begins before the end
   * and reaches past it.
   */
  nextStartCode(from: number): number {
    return this.#block.indexOf(START_CODE, from);
  }

  /** Drops what lies before `from` and moves the rest to the front. */
  discardBefore(from: number): void {
    if (from === 0) return;
    this.#block.copyFrom(this.#block, from, this.end - from, 0);
    this.end -= from;
  }

  free(): void {
    this.#block.free();
    this.end = 0;
  }
}
