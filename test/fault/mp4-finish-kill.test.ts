// `evo-mp4writer` killed by SIGKILL at any instant of its own work: running it again gives the very file that an
// undisturbed run gives, and leaves nothing beside it. Every call that changes a file is an instant (kill-at-call.mjs);
// some moments of the clock come on top.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { effort, isTorture, seed } from "../support/effort.js";
import { recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { readMp4 } from "../support/mp4-reader.js";
import { ASC, AVCC, makeMedia } from "../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const TOOL = local("../../dist/cli/evo-mp4writer.js");
const CHILD = local("../support/mp4-finish-child.mjs");
const KILL_AT_CALL = local("../support/kill-at-call.mjs");

/** xorshift32, for moments. */
let state = seed || 1;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

interface Way {
  name: string;
  reserveBytes: number;
  durationMs: number;
  args: (path: string) => string[];
}

const WAYS: readonly Way[] = [
  {
    name: "in the reserve",
    reserveBytes: 16_384,
    durationMs: 2000,
    args: (path) => [TOOL, `-path=${path}`, "--recovery"],
  },
  { name: "by inserting", reserveBytes: 0, durationMs: 20_000, args: (path) => [TOOL, `-path=${path}`] },
  { name: "by cutting out", reserveBytes: 1 << 20, durationMs: 2000, args: (path) => [CHILD, path, "collapsed"] },
  {
    name: "by a copy of a small file",
    reserveBytes: 1 << 20,
    durationMs: 2000,
    args: (path) => [TOOL, `-path=${path.slice(0, -".mp4".length)}`],
  },
  {
    name: "by a copy where nothing else is allowed",
    reserveBytes: 0,
    durationMs: 20_000,
    args: (path) => [CHILD, path, "copied"],
  },
];

function makeJournal(way: Way): string {
  const folder = join(scratch.path, way.name.replaceAll(" ", "-"));
  mkdirSync(folder);
  const finalPath = join(folder, "name.mp4");
  recordJournal({ build: "release", finalPath, reserveBytes: way.reserveBytes }, (run) =>
    makeMedia({
      durationMs: way.durationMs,
      video: { config: run.addConfig("h264", AVCC) },
      audio: { config: run.addConfig("aac", ASC) },
    }),
  );
  return folder;
}

let runs = 0;
function copyOf(folder: string): string {
  const copy = join(scratch.path, `run${++runs}`);
  mkdirSync(copy);
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
  return join(copy, "name.mp4");
}

function run(way: Way, path: string, killAt?: number): { signal: string | null; calls: number } {
  const env = { ...process.env, ...(killAt === undefined ? {} : { REEL_KILL_AT: `${killAt}` }) };
  const { signal, status, stderr } = spawnSync(process.execPath, ["--import", KILL_AT_CALL, ...way.args(path)], {
    env,
    encoding: "utf8",
  });
  if (signal === null && status !== 0) throw new Error(`exit ${status}: ${stderr}`);
  return { signal, calls: Number(/calls (\d+)/.exec(stderr)?.[1] ?? 0) };
}

function expectFinished(path: string, wanted: Buffer, what: string): void {
  expect(readdirSync(join(path, "..")), what).toEqual(["name.mp4"]);
  expect(readFileSync(path).equals(wanted), what).toBe(true);
  rmSync(join(path, ".."), { recursive: true });
}

describe.each(WAYS)("a finish $name, killed", (way) => {
  const folder = makeJournal(way);

  it("at its calls gives the same file when it is run again", () => {
    const whole = copyOf(folder);
    const { calls } = run(way, whole);
    readMp4(whole);
    const wanted = readFileSync(whole);
    expect(calls).toBeGreaterThan(10);
    const instants = Array.from({ length: 2 * calls }, (_, i) => i / 2);
    const tried = isTorture
      ? instants
      : Array.from({ length: 4 }, () => instants[Math.floor(random() * instants.length)] ?? 0);
    for (const killAt of tried) {
      const path = copyOf(folder);
      const what = `seed ${seed}, killed at call ${killAt} of ${calls}`;
      expect(run(way, path, killAt).signal, what).toBe("SIGKILL");
      // Before it has its name the file is not there; with it, it is whole.
      if (readdirSync(join(path, "..")).includes("name.mp4"))
        expect(readFileSync(path).equals(wanted), what).toBe(true);
      if (readdirSync(join(path, "..")).includes("name.mp4.info")) run(way, path);
      expectFinished(path, wanted, what);
    }
  });

  it("at moments of the clock, several times over, gives the same file in the end", async () => {
    const whole = copyOf(folder);
    const startMs = performance.now();
    run(way, whole);
    let usualMs = performance.now() - startMs;
    const wanted = readFileSync(whole);
    // A run that ends before its moment gives a finished file, which is looked at; the next kill is for another copy.
    let path = copyOf(folder);
    for (let kills = 0; kills < effort(1, 50); ) {
      const beginMs = performance.now();
      const child = spawn(process.execPath, way.args(path), { stdio: "ignore" });
      const ended = once(child, "exit");
      // The moment is the fault, not a wait for something: any of them must do. The first half of the time is Node's
      // own start.
      await Promise.race([delay(usualMs * (0.5 + 0.5 * random())), ended]);
      child.kill("SIGKILL");
      const [, signal] = (await ended) as [number | null, string | null];
      if (signal === "SIGKILL") kills++;
      // the first run was slow: it would never be in time for a kill
      else usualMs = Math.min(usualMs, performance.now() - beginMs);
      if (readdirSync(join(path, "..")).includes("name.mp4.info")) continue;
      expectFinished(path, wanted, `seed ${seed}, after kill ${kills}`);
      path = copyOf(folder);
    }
    if (readdirSync(join(path, "..")).includes("name.mp4.info")) run(way, path);
    expectFinished(path, wanted, `seed ${seed}`);
  });
});
