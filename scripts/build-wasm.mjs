// Compiles the WebAssembly modules (asconfig.json) whose sources are newer than they are. `node scripts/build-wasm.mjs
// [target …]`, default: release, the one that Reel runs. The tests build theirs (test/support/global-setup.ts). A
// module appears under its name only when it is complete, so a test run beside a build never loads half of one.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const asc = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin/asc.js");
const { targets } = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));

/** The newest change below a path; a folder counts too, so that a removed file is a change. */
function newestMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

const mtimeMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Targets `test-*` export the internal functions under test as well. */
const entryOf = (target) => (target.startsWith("test-") ? "test/support/wasm-entry.ts" : "assembly/index.ts");

function compile(target) {
  const outFile = join(root, targets[target].outFile);
  const scratch = join(dirname(outFile), `.${target}-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  const args = [asc, entryOf(target), "--target", target, "--outFile", join(scratch, basename(outFile))];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
    child.on("error", (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.on("close", (code) => {
      if (code === 0)
        for (const name of readdirSync(scratch)) renameSync(join(scratch, name), join(dirname(outFile), name));
      rmSync(scratch, { recursive: true, force: true });
      resolve(code === 0);
    });
  });
}

const DEFAULT_TARGETS = ["release"];
const named = process.argv.slice(2);
const unknown = named.filter((target) => !(target in targets));
if (unknown.length > 0) {
  console.error(`unknown target ${unknown.join(", ")}; asconfig.json has ${Object.keys(targets).join(", ")}`);
  process.exit(2);
}
const sourceMs = Math.max(
  ...["assembly", "src/abi", "asconfig.json", asc].map((path) => newestMs(path === asc ? asc : join(root, path))),
);
const entryMs = (target) => mtimeMs(join(root, entryOf(target)));
const stale = (named.length > 0 ? named : DEFAULT_TARGETS).filter(
  (target) => mtimeMs(join(root, targets[target].outFile)) < Math.max(sourceMs, entryMs(target)),
);

if (stale.length > 0)
  console.error(`Building the muxers (AssemblyScript): ${stale.map((target) => targets[target].outFile).join(", ")} …`);
let failed = false;
const queue = [...stale];
const lane = async () => {
  for (let target = queue.shift(); target !== undefined; target = queue.shift())
    failed = !(await compile(target)) || failed;
};
await Promise.all([lane(), lane()]);
process.exitCode = failed ? 1 : 0;
