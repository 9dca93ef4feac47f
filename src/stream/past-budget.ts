// What all streams of a registry may keep of their pasts together: in memory, and on a disk.

import type { PastStore } from "./spilled-past.js";

/** A disk takes its time: what is more goes there before the limit is reached. */
const SPILL_FROM = 7 / 8;

export class PastBudget {
  keptBytes = 0;
  /** Read back from the disk, for recordings that begin there. */
  readBytes = 0;
  streams = 0;

  constructor(
    /** In memory. */
    readonly limitBytes: number,
    /** Where more goes. */
    readonly store?: PastStore,
  ) {}

  get usedBytes(): number {
    return this.keptBytes + this.readBytes;
  }

  get isExceeded(): boolean {
    return this.usedBytes > this.limitBytes;
  }

  get isNearlyFull(): boolean {
    return this.usedBytes > this.limitBytes * SPILL_FROM;
  }

  /** Nobody gives up more while others keep more. */
  get shareBytes(): number {
    return this.limitBytes / Math.max(1, this.streams);
  }

  get spillShareBytes(): number {
    return this.shareBytes * SPILL_FROM;
  }

  get storeShareBytes(): number {
    return (this.store?.limitBytes ?? 0) / Math.max(1, this.streams);
  }
}
