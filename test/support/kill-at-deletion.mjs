// Preloaded into a process under test (`node --import`): ends it by SIGKILL at its Nth asynchronous call that deletes
// a file or appends to one. REEL_KILL_AT=N: before call N; N.5: right behind it.

import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const at = process.env.REEL_KILL_AT === undefined ? Number.POSITIVE_INFINITY : Number(process.env.REEL_KILL_AT);
let calls = 0;

function die() {
  process.kill(process.pid, "SIGKILL");
  for (;;);
}

function watched(original) {
  return async function (...args) {
    const number = calls++;
    if (number === at) die();
    const result = await original.apply(this, args);
    if (number + 0.5 === at) die();
    return result;
  };
}

fs.unlink = watched(fs.unlink);
syncBuiltinESMExports();
const handle = await fs.open(new URL(import.meta.url), "r");
const prototype = Object.getPrototypeOf(handle);
prototype.appendFile = watched(prototype.appendFile);
prototype.datasync = watched(prototype.datasync);
await handle.close();
process.on("exit", () => process.stderr.write(`calls ${calls}\n`));
