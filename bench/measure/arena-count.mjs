// Preloaded into the server of bench:soak (`node --expose-gc --import`): writes how many blocks of the arena are in
// use, their bytes, and what the main thread's heap holds after a collection, to ARENA_COUNT_FILE whenever it gets
// SIGUSR2. Neither has a listener of its own to the outside, and resident memory shows a leak late.

import { renameSync, writeFileSync } from "node:fs";
import { Arena } from "../../dist/arena/arena.js";

const path = process.env.ARENA_COUNT_FILE;
const arenas = new Set();
const { allocate } = Arena.prototype;
Arena.prototype.allocate = function (...args) {
  arenas.add(this);
  return allocate.apply(this, args);
};

process.on("SIGUSR2", () => {
  globalThis.gc();
  const total = { blocks: 0, usedBytes: 0, heapBytes: process.memoryUsage().heapUsed };
  for (const arena of arenas) {
    const { blocks, usedBytes } = arena.stats();
    total.blocks += blocks;
    total.usedBytes += usedBytes;
  }
  // The file appears whole: the harness waits for it.
  writeFileSync(`${path}.new`, JSON.stringify(total));
  renameSync(`${path}.new`, path);
});
