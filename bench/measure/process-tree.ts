// What a server and its children cost, from /proc: CPU time with all threads, ended ones too; resident memory; write
// calls and bytes. Linux only.

import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: the unit of /proc/PID/stat, 100 on every Linux in use. */
const TICKS_PER_SECOND = 100;

export interface TreeUsage {
  userSeconds: number;
  systemSeconds: number;
  /** Resident now, and each process's own peak, added up. */
  residentBytes: number;
  peakBytes: number;
  /** Calls of write(2) and its kin, sockets included; bytes handed to the page cache for files. */
  writeCalls: number;
  fileBytes: number;
  threads: number;
  descriptors: number;
}

export function treeUsage(root: number): TreeUsage {
  const sum: TreeUsage = {
    userSeconds: 0,
    systemSeconds: 0,
    residentBytes: 0,
    peakBytes: 0,
    writeCalls: 0,
    fileBytes: 0,
    threads: 0,
    descriptors: 0,
  };
  for (const pid of processTree(root)) {
    const stat = statOf(pid);
    if (!stat) continue;
    // 14 utime, 15 stime, 16 cutime, 17 cstime (proc(5), counted from 1): children that have ended and were waited for
    // are in the last two.
    sum.userSeconds += (stat(14) + stat(16)) / TICKS_PER_SECOND;
    sum.systemSeconds += (stat(15) + stat(17)) / TICKS_PER_SECOND;
    sum.threads += stat(20);
    const status = fields(`/proc/${pid}/status`);
    sum.residentBytes += 1024 * (status.get("VmRSS") ?? 0);
    sum.peakBytes += 1024 * (status.get("VmHWM") ?? 0);
    const io = fields(`/proc/${pid}/io`);
    sum.writeCalls += io.get("syscw") ?? 0;
    sum.fileBytes += io.get("write_bytes") ?? 0;
    sum.descriptors += list(`/proc/${pid}/fd`).length;
  }
  return sum;
}

/** User and system time of each thread of a process, by its number and name. */
export function threadSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const task of list(`/proc/${pid}/task`)) {
    const stat = statOf(`${pid}/task/${task}`);
    const name = read(`/proc/${pid}/task/${task}/comm`).trim();
    if (stat) seconds.set(`${name} ${task}`, (stat(14) + stat(15)) / TICKS_PER_SECOND);
  }
  return seconds;
}

/** Of pages that a process shares with nobody: what one more of its kind adds. */
export function privateBytes(root: number): number {
  return processTree(root).reduce((sum, pid) => {
    const pages = fields(`/proc/${pid}/smaps_rollup`);
    return sum + 1024 * ((pages.get("Private_Clean") ?? 0) + (pages.get("Private_Dirty") ?? 0));
  }, 0);
}

function processTree(root: number): number[] {
  const tree = [root];
  for (let i = 0; i < tree.length; i++) {
    for (const task of list(`/proc/${tree[i]}/task`)) {
      const children = read(`/proc/${tree[i]}/task/${task}/children`);
      tree.push(...children.split(" ").filter(Boolean).map(Number));
    }
  }
  return tree;
}

/**
 * Field n of /proc/PID/stat, counted from 1. The second, the name, may hold spaces and parentheses: counting starts
 * behind its end.
 */
function statOf(pid: number | string): ((n: number) => number) | undefined {
  const line = read(`/proc/${pid}/stat`);
  const rest = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return line === "" ? undefined : (n) => Number(rest[n - 3]);
}

function fields(path: string): Map<string, number> {
  const entries = read(path)
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name, value]): [string, number] => [name ?? "", Number.parseInt(value ?? "", 10)]);
  return new Map(entries);
}

// A process may end between two reads: it then counts as nothing.
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
