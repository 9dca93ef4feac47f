// What all of a machine does, from /proc/stat: what programs ask of the kernel, what it does by itself, what is free.

import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;
const KTHREADD = "2";
/** Of the fields behind the name in parentheses. */
const PPID = 1;
const STIME = 12;

/** Cores. */
export interface MachineUsage {
  user: number;
  system: number;
  /** Of system: interrupts, the network's among them, on whomever they fall. */
  interrupts: number;
  /** Of system: threads of its own: write-back, reclaim. */
  kernelThreads: number;
  idle: number;
  stolen: number;
}

export class Machine {
  #before = usage();
  #startMs = performance.now();

  /** On average since this was made. */
  mean(): MachineUsage {
    const now = usage();
    const seconds = (performance.now() - this.#startMs) / 1000;
    const since = (key: keyof MachineUsage): number => (now[key] - this.#before[key]) / seconds;
    return {
      user: since("user"),
      system: since("system"),
      interrupts: since("interrupts"),
      kernelThreads: since("kernelThreads"),
      idle: since("idle"),
      stolen: since("stolen"),
    };
  }
}

function usage(): MachineUsage {
  // cpu user nice system idle iowait irq softirq steal (proc(5))
  const [, user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, steal = 0] = (
    readFileSync("/proc/stat", "utf8").split("\n")[0] ?? ""
  )
    .split(/\s+/)
    .map((text) => Number(text) / TICKS_PER_SECOND);
  return {
    user: user + nice,
    system: system + irq + softirq,
    interrupts: irq + softirq,
    kernelThreads: kernelThreadSeconds(),
    idle: idle + waiting,
    stolen: steal,
  };
}

function kernelThreadSeconds(): number {
  let ticks = 0;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const line = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
      if (fields[PPID] === KTHREADD) ticks += Number(fields[STIME]);
    } catch {} // It has ended meanwhile.
  }
  return ticks / TICKS_PER_SECOND;
}
