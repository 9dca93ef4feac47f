// Scratch memory in which the bytes of a video stream are put together, and searched for start codes (00 00 01, ITU-T
// H.264 Annex B). Offsets count from the front of what it holds.
//
//   0               marks of PES packets           end
//   | access unit … | access unit … | unfinished … | 00 00 01
//
// A start code behind the end stops the search, which therefore runs natively over the whole block without a view being
// made for it.

import type { Arena } from "../../arena/arena.js";
import type { StagingBlock, StagingBudget } from "./staging.js";
import { StagingScratch } from "./staging-scratch.js";

const INITIAL_SIZE = 128 * 1024;
const START_CODE = Buffer.of(0, 0, 1);

export class AnnexBScratch extends StagingScratch {
  constructor(arena: Arena, budget: StagingBudget) {
    super(arena, budget, INITIAL_SIZE, START_CODE.length);
  }

  append(input: StagingBlock, start: number, end: number): void {
    const size = end - start;
    this.makeRoom(size);
    this.block.copyFrom(input, start, size, this.end);
    this.end += size;
  }

  /**
   * Closes what has come with a start code; `nextStartCode` and reading a byte or two past the end are good until more
   * is appended.
   */
  terminate(): void {
    const { bytes } = this;
    bytes[this.end] = 0;
    bytes[this.end + 1] = 0;
    bytes[this.end + 2] = 1;
  }

  /**
   * Offset of the first start code at or behind `from`; `end` where there is none. No start code begins before the end
   * and reaches past it.
   */
  nextStartCode(from: number): number {
    return this.indexOf(START_CODE, from);
  }
}
