// What `npm ci` may bring: of every lockfile here only known packages run a script when they are installed, each
// package has a checksum, and none names a place that it comes from (.npmrc leaves the registry out). Run before
// anything is installed, and by `npm run lint`.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** By lockfile: whose install scripts are known, and what they do. */
export const LOCKFILES = {
  "package-lock.json": {
    // For tsx and vitest; puts the program of the platform's package in its place.
    esbuild: "development",
  },
  "test/peers/package-lock.json": {
    // Fetches the FFmpeg libraries that it binds; a peer that our files are read by.
    "node-av": "tests",
  },
  "bench/package-lock.json": {
    // Fetches or builds SQLite; what the catalogue is measured against.
    "better-sqlite3": "benchmark",
  },
};

/** What is wrong with a lockfile, a sentence each. `known`: packages that may run an install script. */
export function faultsOf(lock, known) {
  const packages = Object.entries(lock.packages ?? {}).filter(([path, { link }]) => path !== "" && !link);
  const faults = [];
  if (lock.lockfileVersion !== 3) faults.push(`lockfileVersion is ${lock.lockfileVersion}, not 3`);
  const withScript = new Set();
  for (const [path, { hasInstallScript, resolved, integrity, inBundle }] of packages) {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (hasInstallScript) withScript.add(name);
    if (hasInstallScript && !known.includes(name)) faults.push(`${name} runs a script when it is installed`);
    if (resolved !== undefined) faults.push(`${name} comes from ${resolved}`);
    if (!inBundle && !/^sha512-/.test(integrity ?? "")) faults.push(`${name} has no sha512 checksum`);
  }
  for (const name of known)
    if (!withScript.has(name)) faults.push(`${name} no longer runs an install script: take it from the list`);
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, known] of Object.entries(LOCKFILES)) {
    const lock = JSON.parse(readFileSync(resolve(ROOT, file), "utf8"));
    for (const fault of faultsOf(lock, Object.keys(known))) {
      console.error(`${file}: ${fault}`);
      process.exitCode = 1;
    }
  }
}
