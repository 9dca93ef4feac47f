// Once per test run: the validators are there, the modules that only tests load are built, and one scratch folder for
// clips that several test files share (test/support/clip.ts) is made, and removed at the end.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireValidators } from "./validators.js";

const BUILD_WASM = fileURLToPath(new URL("../../scripts/build-wasm.mjs", import.meta.url));

export default function setup(): () => void {
  requireValidators();
  buildTestModules();
  const folder = mkdtempSync(join(tmpdir(), "reel-clips-"));
  process.env.REEL_CLIP_FOLDER = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Takes a moment where nothing has changed. */
function buildTestModules(): void {
  const { status } = spawnSync(process.execPath, [BUILD_WASM, "test-release", "test-debug"], { stdio: "inherit" });
  if (status !== 0) throw new Error("the modules under test could not be built");
}
