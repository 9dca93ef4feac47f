// Preloaded into a process under test (`node --import`): ends it by SIGKILL at its Nth call that changes a file, so
// that every instant between two such calls, and the middle of every write, can be tried. REEL_KILL_AT=N: before call
// N; N.5: in the middle of it where it is a write, else right behind it. Without it the calls are counted and printed
// as `calls N` on stderr at the end.

import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const at = process.env.REEL_KILL_AT === undefined ? Number.POSITIVE_INFINITY : Number(process.env.REEL_KILL_AT);
let calls = 0;

function die() {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing more may be done meanwhile.
  for (;;);
}

function watch(module, name) {
  const original = module[name];
  module[name] = (...args) => {
    const number = calls++;
    if (number === at) die();
    if (number + 0.5 !== at) return original(...args);
    if (name === "writeSync" && typeof args[3] === "number") args[3] = Math.floor(args[3] / 2);
    try {
      return original(...args);
    } finally {
      die();
    }
  };
}

for (const name of ["writeSync", "ftruncateSync", "fdatasyncSync", "fsyncSync", "linkSync", "renameSync", "unlinkSync"])
  watch(fs, name);
watch(childProcess, "spawnSync");
syncBuiltinESMExports();
process.on("exit", () => process.stderr.write(`calls ${calls}\n`));
