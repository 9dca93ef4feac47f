// The build says at once what it builds, and does nothing where nothing has changed. Tried on a copy of the sources.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runProgram } from "../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../..");
const COPIED = [
  "scripts",
  "src",
  "assembly",
  "dashboard",
  "asconfig.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "package.json",
];
/** A busy machine compiles for minutes. */
const BUILD_MS = 500_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "reel-build-"));
  for (const name of [...COPIED, "package-lock.json"])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mtimes = () => ["dist/wasm/reel.wasm", "dist/cli/reel.js"].map((name) => statSync(join(folder, name)).mtimeMs);

it(
  "says what it builds before it begins, and builds nothing twice",
  async () => {
    const child = spawn("node", ["scripts/build.mjs"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
    await once(child.stderr, "data");
    // The line comes before the work.
    expect(existsSync(join(folder, "dist/wasm/reel.wasm"))).toBe(false);
    expect(output).toBe("Building the muxers (AssemblyScript): dist/wasm/reel.wasm …\n");
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    expect(output).toBe(
      "Building the muxers (AssemblyScript): dist/wasm/reel.wasm …\nBuilding the control plane (TypeScript): dist …\nBuilding the dashboard: dist/dashboard …\n",
    );
    const built = mtimes();
    const again = await runProgram("node", ["scripts/build.mjs"], { cwd: folder });
    expect(again).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
    expect(mtimes()).toEqual(built);
  },
  BUILD_MS,
);

it(
  "removes what was built from a source that is gone",
  async () => {
    rmSync(join(folder, "src/cli/demo-command.ts"));
    const reel = join(folder, "src/cli/program.ts");
    writeFileSync(reel, readFileSync(reel, "utf8").replace(/^.*[dD]emoCommand.*\n/gm, ""));
    expect((await runProgram("node", ["scripts/build.mjs"], { cwd: folder })).code).toBe(0);
    expect(statSync(join(folder, "dist/cli/demo-command.js"), { throwIfNoEntry: false })).toBeUndefined();
  },
  BUILD_MS,
);
