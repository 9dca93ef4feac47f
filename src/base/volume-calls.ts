// Calls that ask whether a volume answers. One that hangs holds a thread of libuv's four until the volume is back, and
// the ledger and the names of new files need the others: two calls at a time are all that may hang.

import { KeyedQueue } from "./keyed-queue.js";

const AT_A_TIME = 2;
const queue = new KeyedQueue<"volumes">(AT_A_TIME);
let underWay = 0;

/** Waits for its turn. The pool of threads is the process's, and so is the count. */
export function askVolume<T>(work: () => Promise<T>): Promise<T> {
  return queue.run("volumes", () => volumeCall(work));
}

/** Does not wait: the caller bounds how many there are. */
export async function volumeCall<T>(work: () => Promise<T>): Promise<T> {
  underWay++;
  try {
    return await work();
  } finally {
    underWay--;
  }
}

/** A process that exits waits for them for ever. */
export function volumeCallsUnderWay(): number {
  return underWay;
}
