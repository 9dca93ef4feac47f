// npm run bench:ring -- --seconds 1
//
// The parts between a socket and write(2), each alone on one thread: putting frames into a ring, and taking them out by
// each muxer kernel (nothing is written). Beside them the floor: the same bytes copied between two places of ordinary
// and of shared memory. V8 copies into shared memory byte by byte unless source and target lie alike modulo the word,
// which is what the two shared rows show.

import { parseArgs } from "node:util";
import { loadFrames, WORKLOADS } from "./load/workload.js";
import { environment, formatTable, type Row, significant, writeResult } from "./measure/report.js";
import { KernelBench, type Timed } from "./media/kernel-bench.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "1" }, workload: { type: "string", default: "720p30" } },
});
const workload = WORKLOADS[values.workload];
if (!workload) throw new Error(`no workload ${values.workload}; there are ${Object.keys(WORKLOADS).join(", ")}`);

const seconds = Number(values.seconds);
const { headers, frames } = loadFrames(workload, 1, 1);
const bench = new KernelBench(headers, frames);
const { payloads, ring } = bench;

const rows: Row[] = [];
function add(part: string, timed: Timed): void {
  rows.push({
    part,
    "GB / s": significant(timed.bytes / 1e9 / timed.seconds),
    "ns / frame": significant((timed.seconds * 1e9) / timed.frames),
  });
}

/** Where each frame of a period lies in memory of its own, on cache lines. */
const places: number[] = [];
for (let i = 0, at = 0; i < payloads.length; i++) {
  places.push(at);
  at += ((payloads[i]?.bytes.length ?? 0) + 63) & ~63;
}
for (const { isShared, offset, title } of [
  { isShared: false, offset: 0, title: "ordinary memory" },
  { isShared: true, offset: 0, title: "shared memory, aligned alike" },
  { isShared: true, offset: 1, title: "shared memory, not aligned alike" },
]) {
  const target = new Uint8Array(new WebAssembly.Memory({ initial: 128, maximum: 128, shared: isShared }).buffer);
  const source = Buffer.alloc(target.length, 1);
  const copy = (): void => {
    for (const [i, { bytes }] of payloads.entries()) {
      const at = places[i] as number;
      target.set(source.subarray(at + offset, at + offset + bytes.length), at);
    }
  };
  add(`floor: copy into ${title}`, bench.time(seconds, copy));
}
for (const [title, hasPayload] of [
  ["ring: reserve and commit, no payload", false],
  ["ring: reserve, copy, commit", true],
] as const) {
  const work = (): void => {
    bench.fill(hasPayload);
    ring.setTail(ring.head);
  };
  add(title, bench.time(seconds, work));
}
for (const container of ["flv", "ts", "mp4"] as const) add(`kernel: ${container}`, bench.measure(container, seconds));

const env = environment();
console.log(
  `\nframes of ${values.workload}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
console.log(formatTable(rows));
console.log(`\n${writeResult("ring", `npm run bench:ring -- ${process.argv.slice(2).join(" ")}`, rows)}`);
