// The command line of evo-mp4writer (ems-record-spec §4): the path in both forms, --recovery anywhere, exit codes, what
// it says.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseArguments, runEvoMp4Writer } from "../../../src/cli/evo-mp4writer.js";
import { recordJournal, scratchFolder } from "../../support/mp4-journal.js";
import { ASC, makeMedia } from "../../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);
let files = 0;

function journal(): string {
  const finalPath = join(scratch.path, `file${++files}.mp4`);
  recordJournal({ build: "release", finalPath, hasVideo: false, reserveBytes: 16_384 }, (run) =>
    makeMedia({ durationMs: 1000, audio: { config: run.addConfig("aac", ASC) } }),
  );
  return finalPath;
}

function run(...args: string[]): { code: number; out: string; error: string } {
  const lines = { out: [] as string[], error: [] as string[] };
  const code = runEvoMp4Writer(args, { out: (line) => lines.out.push(line), error: (line) => lines.error.push(line) });
  return { code, out: lines.out.join("\n"), error: lines.error.join("\n") };
}

describe("evo-mp4writer", () => {
  it.each([["-path=X"], ["-path=X", "--recovery"], ["--recovery", "-path=X"], ["--path=X"]])(
    "understands %s %s",
    (...args) => {
      expect(parseArguments(args)).toEqual({ path: "X" });
    },
  );

  it("finishes by the final name and by the name without .mp4, and says what it made", () => {
    for (const cut of [0, ".mp4".length]) {
      const path = journal();
      const { code, out } = run(`-path=${path.slice(0, path.length - cut)}`, "--recovery");
      expect(code).toBe(0);
      expect(out).toBe(`${path}: 0 video and 47 audio frames, 1.003 s, index reserved`);
      expect(existsSync(path)).toBe(true);
      expect(readdirSync(scratch.path).filter((name) => join(scratch.path, name).startsWith(`${path}.`))).toEqual([]);
    }
  });

  it("ends with 1 where there is nothing to finish, with 2 where it is called wrongly", () => {
    const missing = run(`-path=${join(scratch.path, "missing.mp4")}`);
    expect(missing.code).toBe(1);
    expect(missing.error).toContain("missing.mp4.info does not exist");
    expect(run().code).toBe(2);
    expect(run("-path=").code).toBe(2);
    expect(run("-path=x", "--force").error).toContain("unknown argument --force");
  });
});
