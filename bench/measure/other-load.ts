// How busy the machine was with what is no part of a measurement: CPU time of all processes less that of ours, and what
// the hypervisor took. Interrupts are left out: those of a load on the loopback interface are ours.

import { readFileSync } from "node:fs";
import { treeUsage } from "./process-tree.js";

const TICKS_PER_SECOND = 100;

export class OtherLoad {
  #others = 0;
  #startMs = 0;

  start(): void {
    this.#others = othersSeconds();
    this.#startMs = performance.now();
  }

  /** Cores kept busy by others since `start`. */
  stop(): number {
    return Math.max(0, (othersSeconds() - this.#others) / ((performance.now() - this.#startMs) / 1000));
  }
}

function othersSeconds(): number {
  // cpu user nice system idle iowait irq softirq steal (proc(5))
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = (
    readFileSync("/proc/stat", "utf8").split("\n")[0] ?? ""
  )
    .split(/\s+/)
    .map(Number);
  const own = treeUsage(process.pid);
  return (user + nice + system + steal) / TICKS_PER_SECOND - own.userSeconds - own.systemSeconds;
}
