// The bytes of an access unit as a ring carries it: its ranges of the arena one behind the other, lengths in place of
// start codes.

import type { ArenaMemory } from "../arena/arena-memory.js";
import { type AccessUnit, LENGTH_PREFIX_SIZE } from "./mpegts/access-unit.js";

/** Frames of sources that cannot wait are put together in memory that is kept from one to the next, up to this size. */
const KEPT_BYTES = 1024 * 1024;

export class AccessUnitBytes {
  readonly #arena: ArenaMemory;
  #kept = new Uint8Array(0);

  constructor(arena: ArenaMemory) {
    this.#arena = arena;
  }

  /** Into the arena. */
  copyTo(au: AccessUnit, pointer: number): void {
    const arena = this.#arena;
    const { u8 } = arena;
    let to = pointer;
    for (let i = 0; i < au.rangeCount; i++) {
      const start = au.ranges[i * 2] as number;
      const size = (au.ranges[i * 2 + 1] as number) - start;
      if (au.isLengthPrefixed) to = putLength(u8, to, size);
      arena.copy(to, start, size);
      to += size;
    }
  }

  /** For frames that have no place in the ring yet. */
  ownCopy(au: AccessUnit): Uint8Array {
    return this.#gather(au, new Uint8Array(au.sizeBytes));
  }

  /** The same, good until the next call. */
  briefCopy(au: AccessUnit): Uint8Array {
    const { sizeBytes } = au;
    if (sizeBytes > KEPT_BYTES) return this.ownCopy(au);
    if (this.#kept.byteLength < sizeBytes) this.#kept = new Uint8Array(Math.min(KEPT_BYTES, sizeBytes * 2));
    return this.#gather(au, this.#kept.subarray(0, sizeBytes));
  }

  #gather(au: AccessUnit, target: Uint8Array): Uint8Array {
    const { u8 } = this.#arena;
    let to = 0;
    for (let i = 0; i < au.rangeCount; i++) {
      const start = au.ranges[i * 2] as number;
      const end = au.ranges[i * 2 + 1] as number;
      if (au.isLengthPrefixed) to = putLength(target, to, end - start);
      target.set(u8.subarray(start, end), to);
      to += end - start;
    }
    return target;
  }
}

/** The length in front of a NAL unit; returns where the unit begins. */
function putLength(target: Uint8Array, to: number, size: number): number {
  target[to] = size >>> 24;
  target[to + 1] = size >>> 16;
  target[to + 2] = size >>> 8;
  target[to + 3] = size;
  return to + LENGTH_PREFIX_SIZE;
}
