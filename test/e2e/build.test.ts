// The build says at once what it builds, and does nothing where nothing has changed. Tried in a folder of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isTorture } from "../support/effort.js";
import { runProgram } from "../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../..");
const COPIED = [
  "scripts",
  "assembly",
  "dashboard",
  "asconfig.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "package.json",
  "package-lock.json",
];
/**
 * In npm test a few files stand for the sources, as `npm test` has built the real ones just before. What the muxers and
 * the dashboard are built from is real.
 */
const SOURCES = isTorture ? ["src"] : ["src/abi", "src/client"];
const STAND_INS: Readonly<Record<string, string>> = {
  "src/cli/reel.ts": 'import { program } from "./program.js";\n\nconsole.log(program());\n',
  "src/cli/program.ts":
    'import { demoCommand } from "./demo-command.js";\n\nexport const program = () => [\ndemoCommand(),\n].length;\n',
  "src/cli/demo-command.ts": "export const demoCommand = () => 1;\n",
};
/** A busy machine compiles for minutes. */
const BUILD_MS = 500_000;

const WASM = "dist/wasm/reel.wasm";
const TYPESCRIPT = "dist/.built";
const DASHBOARD = "dist/.dashboard-built";
const REMOVED = "dist/cli/demo-command.js";
/** In npm test the control plane is built anew, from which a source is gone; in torture all is built, then that. */
const LINES = [
  ...(isTorture ? ["Building the muxers (AssemblyScript): dist/wasm/reel.wasm …\n"] : []),
  "Building the control plane (TypeScript): dist …\n",
  ...(isTorture ? ["Building the dashboard: dist/dashboard …\n"] : []),
];

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "reel-build-"));
  for (const name of [...COPIED, ...SOURCES]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  if (isTorture) return;
  mkdirSync(join(folder, "src/cli"));
  for (const [name, text] of Object.entries(STAND_INS)) writeFileSync(join(folder, name), text);
  for (const name of ["wasm", "dashboard", "cli"])
    cpSync(join(ROOT, "dist", name), join(folder, "dist", name), { recursive: true });
  for (const name of [WASM, TYPESCRIPT, DASHBOARD]) writeFileSync(join(folder, name), "", { flag: "a" });
  for (const name of [WASM, TYPESCRIPT, DASHBOARD]) utimesSync(join(folder, name), new Date(), new Date());
  await delay(20);
  expect(mtimeOf(REMOVED)).toBeDefined();
  removeSource();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mtimes = () => [WASM, "dist/cli/reel.js"].map((name) => statSync(join(folder, name)).mtimeMs);

/** A folder that has lost a file is a change. */
function removeSource(): void {
  rmSync(join(folder, "src/cli/demo-command.ts"));
  const program = join(folder, "src/cli/program.ts");
  const { atime, mtime } = statSync(program);
  writeFileSync(program, readFileSync(program, "utf8").replace(/^.*[dD]emoCommand.*\n/gm, ""));
  utimesSync(program, atime, mtime);
}

/** Undefined where it is not there. */
function mtimeOf(name: string): number | undefined {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs;
}

it(
  "says what it builds before it begins, and builds nothing twice",
  async () => {
    const output = isTorture ? WASM : "dist/cli/reel.js";
    const before = mtimeOf(output);
    const child = spawn("node", ["scripts/build.mjs"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    await once(child.stderr, "data");
    // The line comes before the work.
    expect(mtimeOf(output)).toBe(before);
    expect(said).toBe(LINES[0]);
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    expect(said).toBe(LINES.join(""));
    expect(mtimeOf(output)).not.toBe(before);
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
    if (isTorture) {
      expect(mtimeOf(REMOVED)).toBeDefined();
      removeSource();
      expect((await runProgram("node", ["scripts/build.mjs"], { cwd: folder })).code).toBe(0);
    }
    expect(mtimeOf(REMOVED)).toBeUndefined();
    expect(mtimeOf("dist/cli/program.js")).toBeDefined();
  },
  BUILD_MS,
);
