// CPU time of one outside command, as the shell's `time` tells it: user and system of the process and its children, to
// the millisecond.

import { spawnSync } from "node:child_process";

export interface ProcessCost {
  userSeconds: number;
  systemSeconds: number;
  wallSeconds: number;
  stdout: string;
}

export function timeProcess(program: string, args: readonly string[], options: { cwd?: string } = {}): ProcessCost {
  const run = spawnSync("bash", ["-c", 'TIMEFORMAT="%3U %3S %3R"; time "$0" "$@"', program, ...args], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    ...options,
  });
  const lines = run.stderr.trimEnd().split("\n");
  const [user, system, wall] = (lines.pop() ?? "").split(" ").map(Number);
  if (run.status !== 0 || user === undefined || system === undefined || wall === undefined) {
    throw new Error(`${program} ${args.join(" ")} (exit ${run.status}): ${lines.join("\n")}`);
  }
  return { userSeconds: user, systemSeconds: system, wallSeconds: wall, stdout: run.stdout };
}
