// Builds what Reel runs: dist/wasm/reel.wasm from assembly/, dist/ from src/. It says what it builds before it begins,
// does nothing where nothing has changed, and removes what was built from sources that are gone, so that dist holds
// what a package may hold.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
/** Its time is the beginning of the last TypeScript build that succeeded. */
const STAMP = join(dist, ".built");
const TYPESCRIPT_SOURCES = ["src", "tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/** The newest change below a path; a folder counts too, so that a removed file is a change. */
function newestMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(status ?? 1);
}

function isTypeScriptStale() {
  const builtMs = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return TYPESCRIPT_SOURCES.some((path) => newestMs(join(root, path)) > builtMs);
}

/** Removes outputs whose source is gone, and folders that are left empty. */
function removeOrphans(folder) {
  for (const entry of readdirSync(join(dist, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (path === "wasm") continue;
      removeOrphans(path);
      if (readdirSync(join(dist, path)).length === 0) rmSync(join(dist, path), { recursive: true });
      continue;
    }
    const source = path.replace(/\.(d\.ts|js|js\.map)$/, ".ts");
    if (source !== path && !existsSync(join(root, "src", source))) rmSync(join(dist, path));
  }
}

run(process.execPath, [join(root, "scripts/build-wasm.mjs")]);
if (isTypeScriptStale()) {
  console.error("Building the control plane (TypeScript): dist …");
  const begun = new Date();
  run(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"]);
  removeOrphans("");
  writeFileSync(STAMP, "");
  utimesSync(STAMP, begun, begun);
}
