// Builds what Reel runs: dist/wasm/reel.wasm from assembly/, dist/ from src/, dist/dashboard from dashboard/. It says
// what it builds before it begins, does nothing where nothing has changed, and removes what was built from sources that
// are gone, so that dist holds what a package may hold.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
/** Its time is the beginning of the last TypeScript build that succeeded. */
const STAMP = join(dist, ".built");
const TYPESCRIPT_SOURCES = ["src", "tsconfig.json", "tsconfig.build.json", "package-lock.json"];
/** The same of the dashboard's. */
const DASHBOARD_STAMP = join(dist, ".dashboard-built");
const DASHBOARD_SOURCES = ["dashboard", "src/client", "package-lock.json"];
/** Folders of dist that have no sources in src. */
const NOT_COMPILED = new Set(["wasm", "dashboard"]);

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

function isStale(stamp, sources) {
  const builtMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.some((path) => newestMs(join(root, path)) > builtMs);
}

/** `build` runs where a source is newer than the stamp. */
function buildWhereStale(stamp, sources, what, build) {
  if (!isStale(stamp, sources)) return;
  console.error(`Building ${what} …`);
  const begun = new Date();
  build();
  writeFileSync(stamp, "");
  utimesSync(stamp, begun, begun);
}

/** Removes outputs whose source is gone, and folders that are left empty. */
function removeOrphans(folder) {
  for (const entry of readdirSync(join(dist, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (NOT_COMPILED.has(path)) continue;
      removeOrphans(path);
      if (readdirSync(join(dist, path)).length === 0) rmSync(join(dist, path), { recursive: true });
      continue;
    }
    const source = path.replace(/\.(d\.ts|js|js\.map)$/, ".ts");
    if (source !== path && !existsSync(join(root, "src", source))) rmSync(join(dist, path));
  }
}

run(process.execPath, [join(root, "scripts/build-wasm.mjs")]);
buildWhereStale(STAMP, TYPESCRIPT_SOURCES, "the control plane (TypeScript): dist", () => {
  run(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"]);
  removeOrphans("");
});
buildWhereStale(DASHBOARD_STAMP, DASHBOARD_SOURCES, "the dashboard: dist/dashboard", () => {
  run(join(root, "node_modules/.bin/vite"), ["build", "--config", "dashboard/vite.config.ts"]);
});
