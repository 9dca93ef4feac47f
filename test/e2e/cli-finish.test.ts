// `reel finish` and `reel verify` as programs: what they print, what they leave on disk, how they exit. Journals and
// torn files are made by the muxers; the programs are the built ones.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { StateLock } from "../../src/recording/state-lock.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { KernelRun } from "../support/kernel-harness.js";
import { recordJournal } from "../support/mp4-journal.js";
import { type ProgramResult, runProgram } from "../support/run-program.js";
import { scratch } from "../support/scratch.js";
import { makeAv } from "../support/test-media.js";

const CLI = new URL("../../dist/cli/reel.js", import.meta.url).pathname;
const root = scratch().path("");
let folder: string;
let serial = 0;
beforeEach(() => {
  folder = join(root, `case-${serial++}`);
  mkdirSync(join(folder, "cam1", "20261122"), { recursive: true });
});
const at = (name: string): string => join(folder, name);

function reel(...args: string[]): Promise<ProgramResult> {
  return runProgram(process.execPath, [CLI, ...args]);
}

function recorded(container: "ts" | "flv", isRecorded = (_track: number): boolean => true): Buffer {
  const run = new KernelRun({ build: "release", container });
  for (const frame of makeAv(run, 2000)) if (isRecorded(frame.track)) run.push(frame);
  return run.finish()[0]?.files[0] ?? Buffer.alloc(0);
}

/** A file that its recorder has not closed: the end is torn. */
function torn(name: string): string {
  const bytes = recorded(name.endsWith("ts") ? "ts" : "flv");
  writeFileSync(at(name), bytes.subarray(0, -70));
  return at(name);
}

function journal(name: string, lockPath = ""): string {
  recordJournal({ build: "release", finalPath: at(name), lockPath }, (run) => makeAv(run, 2000));
  return at(name);
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("reel finish", () => {
  it("finishes the orphans of a folder and below, and nothing else", async () => {
    journal("a.mp4");
    journal("cam1/20261122/b.mp4");
    torn("c.ts");
    torn("cam1/d.flv");
    const sound = at("sound.ts");
    writeFileSync(sound, recorded("ts"));
    writeFileSync(at("types.ts"), "export type A = string;\n".repeat(50));
    const before = readFileSync(sound);
    const done = await reel("finish", "--json", folder);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    const outcomes = lines(done.stdout);
    expect(outcomes.map((outcome) => String(outcome.path).slice(folder.length + 1)).sort()).toEqual([
      "a.mp4",
      "c.ts",
      "cam1/20261122/b.mp4",
      "cam1/d.flv",
    ]);
    expect(
      outcomes.every(
        (outcome) => outcome.outcome === "finished" && outcome.dryRun === false && Number(outcome.videoFrames) >= 49,
      ),
    ).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["a.mp4", "c.ts", "cam1", "sound.ts", "types.ts"]);
    expect(readFileSync(sound).equals(before)).toBe(true);
    const verified = await reel(
      "verify",
      at("a.mp4"),
      at("c.ts"),
      at("cam1/d.flv"),
      at("cam1/20261122/b.mp4"),
      "--json",
    );
    expect(verified.code).toBe(0);
    expect(lines(verified.stdout).map((report) => report.defectCount)).toEqual([0, 0, 0, 0]);
    torn("e.ts");
    writeFileSync(at("f.mp4.info"), "no journal");
    const mixed = await reel("finish", folder);
    expect([mixed.code, mixed.stderr]).toEqual([1, expect.stringMatching(/^reel finish: .*f\.mp4/)]);
    expect(mixed.stdout).toMatch(/^\S*e\.ts: finished: .*\n1 finished, 1 failed\n$/);
    rmSync(at("f.mp4.info"));
    const again = await reel("finish", folder);
    expect([again.code, again.stdout]).toEqual([0, "nothing to finish\n"]);
  });

  it("takes a journal by its final name, by a temporary file, and without .mp4", async () => {
    for (const name of ["x.mp4", "x.mp4.mdat", "x"]) {
      journal("x.mp4");
      const done = await reel("finish", at(name));
      expect(done.stdout).toMatch(/x\.mp4: finished: 50 video and 94 audio frames, 2\.\d{3} s, index \w+\n$/);
      expect(done.code).toBe(0);
      rmSync(at("x.mp4"));
    }
  });

  it("says with --dry-run what would be lost, and changes nothing", async () => {
    const paths = [torn("c.ts"), torn("d.flv")];
    journal("a.mp4");
    const names = readdirSync(folder).sort();
    const bytes = names.filter((name) => name !== "cam1").map((name) => readFileSync(at(name)));
    const dry = await reel("finish", "--dry-run", ...paths, at("a.mp4"));
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /c\.ts: would be finished: \d+ video and \d+ audio frames, \d\.\d{3} s; 1 frame \(\d+ bytes\) at the end would be lost/,
    );
    expect(dry.stdout).toMatch(/d\.flv: would be finished: .*; 1 frame \(\d+ bytes\) at the end would be lost/);
    expect(dry.stdout).toMatch(/a\.mp4: would be finished: 50 video and 94 audio frames/);
    expect(readdirSync(folder).sort()).toEqual(names);
    expect(names.filter((name) => name !== "cam1").every((name, i) => bytes[i]?.equals(readFileSync(at(name))))).toBe(
      true,
    );
  });

  it("gives a segment the next free number where its name has been taken", async () => {
    journal("a.mp4");
    writeFileSync(at("a.mp4"), "another recording");
    const done = await reel("finish", "--json", at("a.mp4"));
    expect(done.code).toBe(0);
    expect(lines(done.stdout)[0]?.path).toBe(at("a_0001.mp4"));
    expect(readFileSync(at("a.mp4"), "utf8")).toBe("another recording");
    expect((await verifyFile(at("a_0001.mp4"))).tracks.map((track) => track.frames)).toEqual([50, 94]);
  });

  it("refuses a journal whose server runs, and takes it when the server is gone", async () => {
    const lock = await StateLock.take(at(".reel"));
    journal("a.mp4", lock.path);
    try {
      const refused = await reel("finish", at("a.mp4"));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`is being recorded or finished by the running server that holds ${lock.path}`);
      expect(existsSync(at("a.mp4.info"))).toBe(true);
    } finally {
      lock.release();
    }
    expect((await reel("finish", at("a.mp4"))).code).toBe(0);
  });

  it.each(["live.ts", "live.flv"])("refuses %s while a process writes it", async (name) => {
    const path = torn(name);
    const bytes = readFileSync(path);
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(path, old, old);
    const fd = openSync(path, "r+");
    try {
      const refused = await reel("finish", path);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(new RegExp(`is not touched: process ${process.pid} \\(.+\\) is writing it`));
      expect(readFileSync(path).equals(bytes)).toBe(true);
    } finally {
      closeSync(fd);
    }
    // Reading is no reason.
    const reader = openSync(path, "r");
    expect((await reel("finish", path)).code).toBe(0);
    closeSync(reader);
  });

  it("leaves what it cannot finish, names it, and goes on with the others", async () => {
    const damaged = at("damaged.ts");
    const bytes = recorded("ts");
    writeFileSync(damaged, Buffer.concat([bytes.subarray(0, 10_000), bytes.subarray(10_007)]));
    const fine = torn("fine.ts");
    const done = await reel("finish", damaged, at("nowhere.mp4"), fine, at("cam1"));
    expect(done.code).toBe(1);
    expect(done.stderr).toContain(`reel finish: ${damaged} is damaged at byte`);
    expect(done.stderr).toContain(`reel finish: ${at("nowhere.mp4")}: no such file, and no journal of that name`);
    expect(done.stdout).toContain("fine.ts: finished");
    const json = await reel("finish", "--json", damaged);
    expect(lines(json.stdout)[0]).toMatchObject({ path: damaged, outcome: "failed", code: "corrupt" });
  });

  it("waits for no pipe", async () => {
    await runProgram("mkfifo", [at("pipe.ts")]);
    for (const command of ["finish", "verify"]) {
      const { code, stderr } = await reel(command, at("pipe.ts"));
      expect(code).toBe(1);
      expect(stderr).toMatch(/pipe\.ts: (is neither a file nor a folder|not a regular file)$/m);
    }
  });

  it("ends with 2 on a wrong command line", async () => {
    for (const args of [["finish"], ["finish", "--nonsense", folder], ["verify"], ["verify", "--nonsense", folder]]) {
      const { code, stderr } = await reel(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toMatch(/^error: /);
    }
    expect((await reel("finish", "--help")).code).toBe(0);
  });

  it("leaves a whole file when it is killed at any moment, for the next run", async () => {
    const path = at("killed.flv");
    const bytes = recorded("flv").subarray(0, -70);
    for (const delayMs of [50, 90, 130]) {
      writeFileSync(path, bytes);
      const child = spawn(process.execPath, [CLI, "finish", path], { stdio: "ignore" });
      const timer = setTimeout(() => child.kill("SIGKILL"), delayMs);
      await once(child, "close");
      clearTimeout(timer);
      expect((await reel("finish", path)).code).toBe(0);
      expect((await reel("verify", path)).code).toBe(0);
    }
  });
});

it.each(["verify", "finish"])("reel %s shows a bar on a terminal, and takes it away", async (command) => {
  torn("c.ts");
  journal("a-long-name-of-a-stream-that-would-wrap-the-line-of-a-narrow-terminal.mp4");
  if (command === "verify") await reel("finish", folder);
  const line = `stty cols 80; ${process.execPath} ${CLI} ${command} ${folder}`;
  const { stdout } = await runProgram("script", ["-qec", line, "/dev/null"]);
  const drawn = stdout.split("\r\u001b[K");
  const bars = drawn.filter((text) => text.endsWith("%"));
  expect(bars.length).toBeGreaterThan(1);
  for (const bar of bars) expect(bar.length).toBeLessThan(80);
  expect(drawn.at(-1)).not.toContain("%");
});

describe("reel verify", () => {
  it("prints a table a file, and validators each by itself", async () => {
    const clip = await makeClip({ seconds: 2, format: "mp4" });
    const broken = at("broken.mp4");
    writeFileSync(broken, readFileSync(clip).subarray(0, -500));
    const done = await reel("verify", broken, at("nowhere.ts"), clip);
    expect(done.code).toBe(1);
    expect(done.stdout).toMatch(/broken\.mp4: mp4, /);
    expect(done.stdout).toMatch(/\n\d+ defects?:\n {2}\/moov/);
    expect(done.stderr).toBe(`${at("nowhere.ts")}: no such file\n`);
    expect(done.stdout).toMatch(/video {2}h264 {3}320 × 240 +50 +2 +0\.000 s +2\.000 s/);
    expect(done.stdout).toContain("no defects");
    expect((await reel("verify", clip)).code).toBe(0);
  });

  it("notes on the line of a file of a folder what is odd in it", async () => {
    writeFileSync(
      at("early.ts"),
      recorded("ts", (track) => track === TRACK_VIDEO),
    );
    const { code, stdout } = await reel("verify", folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+early\.ts: sound, .*; note: the PMT lists a track \(aac\) that has no frames\n/);
  });

  it("takes a folder for the recordings in it and below", async () => {
    mkdirSync(at("2026/11"), { recursive: true });
    copyFileSync(await makeClip({ seconds: 2, format: "mp4" }), at("2026/11/a.mp4"));
    copyFileSync(await makeClip({ seconds: 2, format: "flv" }), at("2026/b.flv"));
    writeFileSync(at("2026/c.mp4.mdat"), "grows");
    const done = await reel("verify", at("2026"));
    expect(done.code).toBe(0);
    expect(done.stdout.replaceAll(at("2026"), "")).toMatch(
      /^\/11\/a\.mp4: sound, 2\.\d{3} s, 50 video and \d+ audio frames, \S+ KiB\n\/b\.flv: sound, .*\n2 files: 2 sound; 4s, \S+ KiB\n$/,
    );
    writeFileSync(at("2026/z.flv"), readFileSync(at("2026/b.flv")).subarray(0, -500));
    writeFileSync(at("2026/zz.mp4"), "no film");
    const bad = await reel("verify", at("2026"));
    const names = bad.stdout.split("\n").map((line) => line.slice(folder.length).split(":")[0]);
    expect([bad.code, names.slice(0, 4)]).toEqual([
      1,
      ["/2026/z.flv", "/2026/zz.mp4", "/2026/11/a.mp4", "/2026/b.flv"],
    ]);
    expect(bad.stdout).toMatch(/\n4 files: 2 sound, \d (with defects|unreadable).*; \S+, \S+ KiB\n$/);
    rmSync(at("2026/z.flv"));
    rmSync(at("2026/zz.mp4"));
    rmSync(at("2026/11"), { recursive: true });
    rmSync(at("2026/b.flv"));
    expect(await reel("verify", at("2026"))).toMatchObject({
      code: 1,
      stderr: `${at("2026")}: holds no finished MP4, MPEG-TS or FLV file\n`,
    });
  });
});
