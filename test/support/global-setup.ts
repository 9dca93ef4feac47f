// Once per test run: the validators are there, and one scratch folder for clips that several test files share
// (test/support/clip.ts), removed at the end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireValidators } from "./validators.js";

export default function setup(): () => void {
  requireValidators();
  const folder = mkdtempSync(join(tmpdir(), "reel-clips-"));
  process.env.REEL_CLIP_FOLDER = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
