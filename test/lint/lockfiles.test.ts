// The check of the lockfiles (scripts/check-lockfiles.mjs) finds what it is for, and covers every lockfile.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { faultsOf, LOCKFILES } from "../../scripts/check-lockfiles.mjs";
import { runProgram } from "../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../..");
const SOUND = { version: "1.0.0", integrity: "sha512-AAAA" };

const lockOf = (packages: Record<string, object>): object => ({
  lockfileVersion: 3,
  packages: { "": {}, ...packages },
});

it("every lockfile in the repository is checked, and sound", async () => {
  const { stdout } = await runProgram("git", ["-C", ROOT, "ls-files", "*package-lock.json"]);
  expect(Object.keys(LOCKFILES).sort()).toEqual(stdout.trim().split("\n").sort());
  for (const [file, known] of Object.entries(LOCKFILES)) {
    const lock = JSON.parse(readFileSync(resolve(ROOT, file), "utf8")) as object;
    expect(faultsOf(lock, Object.keys(known)), file).toEqual([]);
  }
});

describe("a lockfile", () => {
  it.each([
    [{ hasInstallScript: true }, "a runs a script when it is installed"],
    [{ resolved: "git+ssh://git@example.org/a.git#1234" }, "a comes from git+ssh://git@example.org/a.git#1234"],
    [{ resolved: "https://example.org/a.tgz" }, "a comes from https://example.org/a.tgz"],
    [{ integrity: undefined }, "a has no sha512 checksum"],
    [{ integrity: "sha1-AAAA" }, "a has no sha512 checksum"],
  ])("with %j is refused", (change, fault) => {
    expect(faultsOf(lockOf({ "node_modules/b/node_modules/a": { ...SOUND, ...change } }), [])).toEqual([fault]);
  });

  it("may have scripts that are known, and links to its own folders", () => {
    const packages = {
      "node_modules/@x/a": { ...SOUND, hasInstallScript: true },
      "node_modules/b": SOUND,
      "node_modules/c": { link: true, resolved: "packages/c" },
    };
    expect(faultsOf(lockOf(packages), ["@x/a"])).toEqual([]);
    expect(faultsOf(lockOf(packages), ["@x/a", "b"])).toEqual([
      "b no longer runs an install script: take it from the list",
    ]);
  });
});
