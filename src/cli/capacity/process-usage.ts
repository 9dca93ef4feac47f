// What a process costs, by thread, from /proc (proc(5)). Linux only.

import { readdirSync, readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly mainSeconds: number;
  /** Of each other thread that lives, by its number. */
  readonly otherSeconds: ReadonlyMap<string, number>;
  readonly processSeconds: number;
  readonly residentBytes: number;
}

/** USER_HZ: the unit of /proc/PID/stat, 100 on every Linux in use. */
const TICKS_PER_SECOND = 100;
const NANOSECONDS_PER_SECOND = 1e9;
/** Of utime in what follows the name in parentheses; stime is next. */
const UTIME = 11;

export function usageOf(pid: number): ProcessUsage {
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return {
    mainSeconds: threadSeconds(pid, pid),
    otherSeconds: otherSeconds(pid),
    processSeconds: secondsOf(`/proc/${pid}/stat`),
    residentBytes: 1024 * Number(kibibytes),
  };
}

function otherSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    if (thread === String(pid)) continue;
    try {
      seconds.set(thread, threadSeconds(pid, thread));
    } catch {} // It has ended meanwhile.
  }
  return seconds;
}

/** What the busiest of them was busy since. */
export function busiestOther(before: ProcessUsage, after: ProcessUsage): number {
  const busy = [...after.otherSeconds].map(([thread, s]) => s - (before.otherSeconds.get(thread) ?? 0));
  return Math.max(0, ...busy);
}

/** To the nanosecond where the kernel says it: a second of a thread that is a little busy is a few ticks. */
function threadSeconds(pid: number, thread: number | string): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds) / NANOSECONDS_PER_SECOND;
  } catch {
    return secondsOf(`/proc/${pid}/task/${thread}/stat`);
  }
}

function secondsOf(path: string): number {
  const text = readFileSync(path, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME]) + Number(fields[UTIME + 1])) / TICKS_PER_SECOND;
}

/** Of the fastest card that is up and says its speed, bytes a second. Virtual ones mostly say nothing. */
export function networkSpeed(folder = "/sys/class/net"): number | undefined {
  const speeds = cardsIn(folder).map((card) => {
    try {
      return readFileSync(`${folder}/${card}/operstate`, "utf8").trim() === "up"
        ? Number(readFileSync(`${folder}/${card}/speed`, "utf8"))
        : 0;
    } catch {
      return 0; // lo, and cards that are down, refuse to be asked.
    }
  });
  const megabits = Math.max(0, ...speeds.filter(Number.isFinite));
  return megabits > 0 ? (megabits * 1e6) / 8 : undefined;
}

/** None where the system hides them. */
function cardsIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What can be had without swapping, as the kernel estimates it; less where a container has less. */
export function availableBytes(): number {
  const host = 1024 * Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
  return Math.min(host, process.availableMemory());
}
