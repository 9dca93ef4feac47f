// The last lines of a test run, from a run of its own over small files.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { areaOf } from "../../support/areas.js";
import { runProgram } from "../../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../../..");
let folder: string;
beforeEach(() => {
  // Below the project, so that the files find vitest.
  mkdirSync(join(ROOT, "node_modules/.cache"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "node_modules/.cache/closing-line-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a run ends with its ten slowest files, the slowest first, what each area took, and its sums", async () => {
  writeFileSync(join(folder, "vitest.config.mjs"), "export default { test: { exclude: [] } };");
  for (let i = 0; i < 11; i++)
    writeFileSync(join(folder, `quick${i}.test.ts`), 'import { it } from "vitest"; it("is", () => {});');
  mkdirSync(join(folder, "test/e2e"), { recursive: true });
  writeFileSync(
    join(folder, "test/e2e/h265.test.ts"),
    'import { it } from "vitest"; it("is", () => new Promise((done) => setTimeout(done, 1500))); it("fails", () => { throw new Error(); });',
  );
  writeFileSync(join(folder, "broken.test.ts"), 'throw new Error("cannot be loaded");');
  const reporter = join(ROOT, "test/support/closing-line.ts");
  const { stdout, stderr, code } = await runProgram(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--root", folder, `--reporter=${reporter}`],
    { cwd: folder },
  );
  const lines = stdout.trimEnd().split("\n");
  expect(code, stderr).toBe(1);
  expect(lines.at(-1)).toBe("12 passed, 2 failed");
  const files = lines.slice(lines.indexOf("the slowest files:") + 1, lines.indexOf("of the run took:") - 1);
  expect(files.length).toBe(10);
  expect(files[0]).toMatch(/^ +\d+\.\d s {2}test\/e2e\/h265\.test\.ts$/);
  const seconds = files.map((line) => Number.parseFloat(line));
  expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
  expect(seconds[0]).toBeGreaterThanOrEqual(1.5);
  const shares = lines.slice(lines.indexOf("of the run took:") + 1, -2);
  expect(shares.map((line) => line.replace(/^ +\d+\.\d s {2}/, ""))).toEqual(["codecs and tracks", "recording"]);
  expect(Number.parseFloat(shares[0] ?? "")).toBeGreaterThan(Number.parseFloat(shares[1] ?? ""));
});

it("an area is named by the first pattern that a file's path holds", () => {
  expect(
    ["lint/layers", "e2e/codecs-chromium", "unit/ingest/rtp/h265-depacketizer", "e2e/rtsp-restart", "fault/kill"].map(
      (name) => areaOf(`${name}.test.ts`),
    ),
  ).toEqual([
    ...["house", "playback and dashboard", "cameras and other pulled sources", "cameras and other pulled sources"],
    "crashes and full disks",
  ]);
});
