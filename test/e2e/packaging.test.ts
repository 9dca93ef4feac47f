// What packaging/ holds is true, without a container engine: the files that the Containerfile copies are there, systemd
// takes the unit, nginx its configuration, Reel its reel.json.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { parseConfigFile } from "../../src/server/config.js";
import { isTorture } from "../support/effort.js";
import { runProgram } from "../support/run-program.js";
import { certificateFiles } from "../support/test-certificate.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PACKAGING = join(ROOT, "packaging");
const read = (name: string) => readFileSync(join(PACKAGING, name), "utf8");

/** Instructions with their continued lines joined. */
function instructions(text: string): { name: string; rest: string }[] {
  return text
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ name: line.split(" ", 1)[0] ?? "", rest: line.replace(/^\S+\s+/, "") }));
}

it("the Containerfile copies files that exist, from stages that exist, and runs as nobody else", () => {
  const all = instructions(read("Containerfile"));
  const known = "FROM WORKDIR COPY RUN USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split(" ");
  expect(all.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
  const stages = all.filter(({ name }) => name === "FROM").map(({ rest }) => / AS (\S+)$/.exec(rest)?.[1]);
  expect(stages).toEqual(["build", undefined]);
  for (const { rest } of all.filter(({ name }) => name === "COPY")) {
    const words = rest.split(/\s+/);
    const from = words[0]?.startsWith("--from=") ? words.shift()?.slice("--from=".length) : undefined;
    words.pop();
    if (from !== undefined) expect(stages).toContain(from);
    else for (const source of words) expect(existsSync(join(ROOT, source)), source).toBe(true);
  }
  expect(all.find(({ name }) => name === "USER")?.rest).toBe("10001:10001");
  const command = JSON.parse(all.find(({ name }) => name === "CMD")?.rest ?? "") as string[];
  expect(command[0]).toBe("serve");
});

// A quarter of a minute of npm ci and builds, for which torture has time.
if (isTorture)
  it("the Containerfile's build steps build a server from what it copies", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reel-container-"));
    try {
      const build = instructions(read("Containerfile")).slice(0, 12);
      for (const { rest } of build.filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from"))) {
        const words = rest.split(/\s+/);
        const target = words.pop() ?? "";
        for (const source of words)
          cpSync(join(ROOT, source), join(folder, target === "./" ? source : target), { recursive: true });
      }
      cpSync(join(ROOT, "node_modules"), join(folder, "node_modules"), { recursive: true, mode: 2 });
      const built = await runProgram(process.execPath, ["scripts/build.mjs"], { cwd: folder });
      expect(built.code, built.stderr).toBe(0);
      const version = await runProgram(process.execPath, ["dist/cli/reel.js", "--version"], { cwd: folder });
      expect(version).toMatchObject({ code: 0, stderr: "" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 500_000);

it("systemd takes the unit and its user and folders", async () => {
  const unit = await runProgram("systemd-analyze", ["verify", "--man=no", join(PACKAGING, "reel.service")]);
  expect(unit.stderr.split("\n").filter((line) => line.includes("reel.service"))).toEqual([]);
  expect(read("reel.service")).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
  const folder = mkdtempSync(join(tmpdir(), "reel-sysusers-"));
  try {
    mkdirSync(join(folder, "etc"));
    const users = await runProgram("systemd-sysusers", [`--root=${folder}`, join(PACKAGING, "reel.sysusers.conf")]);
    expect(users.code, users.stderr).toBe(0);
    expect(readFileSync(join(folder, "etc/passwd"), "utf8")).toMatch(/^reel:/m);
    const folders = ["--create", `--root=${folder}`, join(PACKAGING, "reel.tmpfiles.conf")];
    const made = await runProgram("systemd-tmpfiles", folders);
    expect(made.code, made.stderr).toBe(0);
    expect(existsSync(join(folder, "srv/media"))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("Reel takes the example reel.json, nginx its configuration", async () => {
  expect(parseConfigFile(read("reel.json"), "reel.json").media?.folders).toEqual(["/srv/media"]);
  const folder = mkdtempSync(join(tmpdir(), "reel-nginx-"));
  try {
    const tls = await certificateFiles(folder);
    const text = read("nginx.conf")
      .replace("/etc/ssl/reel/fullchain.pem", tls.certificate)
      .replace("/etc/ssl/reel/privkey.pem", tls.key);
    writeFileSync(join(folder, "nginx.conf"), `pid ${folder}/pid;\n${text}`);
    const checked = await runProgram("nginx", ["-t", "-c", join(folder, "nginx.conf")]);
    expect(checked.code, checked.stderr).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
