// The last lines of a test run, from a run of its own over small files.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runProgram } from "../../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../../..");
let folder: string;
beforeEach(() => {
  // Below the project, so that the files find vitest.
  mkdirSync(join(ROOT, "node_modules/.cache"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "node_modules/.cache/closing-line-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a run ends with its ten slowest files, the slowest first, and its sums", async () => {
  writeFileSync(join(folder, "vitest.config.mjs"), "export default { test: { exclude: [] } };");
  for (let i = 0; i < 11; i++)
    writeFileSync(join(folder, `quick${i}.test.ts`), 'import { it } from "vitest"; it("is", () => {});');
  writeFileSync(
    join(folder, "slow.test.ts"),
    'import { it } from "vitest"; it("is", () => new Promise((done) => setTimeout(done, 1500))); it("fails", () => { throw new Error(); });',
  );
  writeFileSync(join(folder, "broken.test.ts"), 'throw new Error("cannot be loaded");');
  const reporter = join(ROOT, "test/support/closing-line.ts");
  const { stdout, stderr, code } = await runProgram(
    process.execPath,
    [
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      "--root",
      folder,

      `--reporter=${reporter}`,
    ],
    { cwd: folder },
  );
  const lines = stdout.trimEnd().split("\n");
  expect(code, stderr).toBe(1);
  expect(lines.at(-1)).toBe("12 passed, 2 failed");
  const files = lines.slice(lines.indexOf("the slowest files:") + 1, -2);
  expect(files.length).toBe(10);
  expect(files[0]).toMatch(/^ {2,}[12]\.\d s {2}slow\.test\.ts$/);
  const seconds = files.map((line) => Number.parseFloat(line));
  expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
});
