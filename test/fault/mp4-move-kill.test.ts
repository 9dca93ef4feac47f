// The move of an unfinished MP4 to another name, killed by SIGKILL at any call that changes a file: whoever looks next
// completes it, by either name, and the finished file is the very one that an undisturbed journal gives.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { finishMp4 } from "../../src/container/mp4/finish.js";
import { isTorture, seed } from "../support/effort.js";
import { testModule } from "../support/kernel-harness.js";
import { recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { readMp4 } from "../support/mp4-reader.js";
import { mulberry32 } from "../support/random.js";
import { ASC, AVCC, makeMedia } from "../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CHILD = local("../support/mp4-move-child.mjs");
const KILL_AT_CALL = local("../support/kill-at-call.mjs");
const options = { durability: "none", module: testModule("release") } as const;

/** Of its instants, as many as a short run can afford. */
const INSTANTS = 8;

let runs = 0;
function copyOf(folder: string): string {
  const copy = join(scratch.path, `run${++runs}`);
  mkdirSync(copy);
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

function makeJournal(): string {
  const folder = join(scratch.path, "journal");
  mkdirSync(folder);
  recordJournal({ build: "release", finalPath: join(folder, "cam.mp4"), late: true }, (run) =>
    makeMedia({
      durationMs: 2000,
      video: { config: run.addConfig("h264", AVCC) },
      audio: { config: run.addConfig("aac", ASC) },
    }),
  );
  // What a finish by copy that was killed has left belongs to the journal too.
  writeFileSync(join(folder, "cam.mp4.copy"), "half a copy");
  writeFileSync(join(folder, "cam.mp4.new"), "half a name");
  return folder;
}

function move(folder: string, killAt?: number): { signal: string | null; calls: number } {
  const env = { ...process.env, ...(killAt === undefined ? {} : { REEL_KILL_AT: `${killAt}` }) };
  const args = ["--import", KILL_AT_CALL, CHILD, join(folder, "cam.mp4"), join(folder, "cam_0001.mp4")];
  const { signal, status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  if (signal === null && status !== 0) throw new Error(`exit ${status}: ${stderr}`);
  return { signal, calls: Number(/calls (\d+)/.exec(stderr)?.[1] ?? 0) };
}

it("loses nothing at any of its calls, and takes every file of the journal with it", () => {
  const folder = makeJournal();
  const plain = copyOf(folder);
  const frames = finishMp4(join(plain, "cam.mp4"), options);
  const wanted = readFileSync(join(plain, "cam.mp4"));
  readMp4(join(plain, "cam.mp4"));
  expect(Math.min(frames.videoFrames, frames.audioFrames)).toBeGreaterThan(40);

  const whole = copyOf(folder);
  const { calls } = move(whole);
  expect(readdirSync(whole).sort()).toEqual(
    readdirSync(folder)
      .map((name) => name.replace("cam.mp4", "cam_0001.mp4"))
      .sort(),
  );
  expect(calls).toBeGreaterThan(8);
  const instants = Array.from({ length: 2 * calls }, (_, i) => i / 2);
  const random = mulberry32(seed);
  const tried = isTorture ? instants : instants.sort(() => random() - 0.5).slice(0, INSTANTS);
  for (const killAt of tried) {
    const killed = copyOf(folder);
    const what = `seed ${seed}, killed at call ${killAt} of ${calls}`;
    expect(move(killed, killAt).signal, what).toBe("SIGKILL");
    for (const name of ["cam.mp4", "cam_0001.mp4"]) {
      if (!readdirSync(killed).includes(`${name}.info`)) continue;
      // Not both: a copy would make two files of what is one `.info` under two names.
      const again = join(scratch.path, `again${++runs}`);
      spawnSync("cp", ["-a", killed, again]);
      const { videoFrames, audioFrames } = finishMp4(join(again, name), { ...options, dryRun: true });
      expect([videoFrames, audioFrames], `${what}, ${name}, dry`).toEqual([frames.videoFrames, frames.audioFrames]);
      const { path } = finishMp4(join(again, name), options);
      expect(readdirSync(again), `${what}, ${name}`).toEqual([path?.slice(again.length + 1)]);
      expect(readFileSync(path as string).equals(wanted), `${what}, ${name}`).toBe(true);
      rmSync(again, { recursive: true });
    }
    // A second move of the killed one completes the first.
    move(killed);
    expect(readdirSync(killed), what).toContain("cam_0001.mp4.info");
    expect(readdirSync(killed), what).not.toContain("cam.mp4.info");
    rmSync(killed, { recursive: true });
  }
});
