// Preloaded into the server of bench:soak (`node --import`): writes how many blocks of the arena are in use, and their bytes, to ARENA_COUNT_FILE whenever it gets
// SIGUSR2. The arena has no door of its own to the outside, and a count from inside is the only one that sees a leak before the memory does.

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
  const total = { blocks: 0, usedBytes: 0 };
  for (const arena of arenas) {
    const { blocks, usedBytes } = arena.stats();
    total.blocks += blocks;
    total.usedBytes += usedBytes;
  }
  // The file appears whole: the harness waits for it.
  writeFileSync(`${path}.new`, JSON.stringify(total));
  renameSync(`${path}.new`, path);
});
