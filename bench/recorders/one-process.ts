// A program that records all cameras in one process: it reads `URL<tab>FILE` lines from its input, begins with each at
// once, and ends when the input has ended and all cameras have.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Cameras, RunningRecorder } from "./camera-recorder.js";

/** From the cameras' goodbye to the last finished file. */
const SETTLE_MS = 15_000;

export interface OneProcess {
  title: string;
  program: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export function startOneProcess(folder: string, { title, program, args, env = {} }: OneProcess): RunningRecorder {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(-4096);
  });
  const exited = once(child, "exit");
  const fileOf = (camera: string): string => join(folder, `${camera}.mp4`);
  return {
    title,
    pids: () => (child.pid === undefined ? [] : [child.pid]),
    async record(cameras: Cameras) {
      child.stdin.end([...cameras].map(([camera, url]) => `${url}\t${fileOf(camera)}\n`).join(""));
    },
    filesOf: (camera) => [fileOf(camera)],
    async settled() {
      // One that does not notice that a camera has gone is none the cheaper for it: what it has written counts.
      const timer = setTimeout(() => child.kill("SIGKILL"), SETTLE_MS);
      const [code] = await exited;
      clearTimeout(timer);
      if (code !== 0) console.error(`  ${title} has ended with ${code ?? "a signal"}: ${stderr}`);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await exited;
    },
  };
}
