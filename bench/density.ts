// npm run bench:density -- --streams 200 --seconds 30 --type mp4 --vs nginx-rtmp,node-media-server
//
// How much one host can record: the same load to each server in turn, Reel first, and what each one cost. With --repeat
// n the servers take turns n times and the table shows medians. A run whose generator was late is void, and one whose
// files lack frames says so.

import { parseArgs } from "node:util";
import { type DensityResult, runDensity } from "./density-run.js";
import { WORKLOADS } from "./load/workload.js";
import { environment, formatTable, median, type Row, significant, writeResult } from "./measure/report.js";
import { contestants } from "./servers/all.js";
import type { RecordType } from "./servers/recording-server.js";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "200" },
    seconds: { type: "string", default: "30" },
    type: { type: "string", default: "mp4" },
    workload: { type: "string", default: "720p30" },
    vs: { type: "string", default: "" },
    only: { type: "string" },
    repeat: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    "chunk-size": { type: "string", default: "4096" },
    folder: { type: "string" },
    "burst-ms": { type: "string" },
    "ramp-seconds": { type: "string" },
  },
});

function toRow(runs: readonly DensityResult[]): Row {
  const of = (pick: (run: DensityResult) => number, digits = 3) => significant(median(runs.map(pick)), digits);
  const first = runs[0] as DensityResult;
  return {
    server: first.server,
    "CPU ms / stream s": of((run) => run.cpuMsPerStreamSecond),
    user: of((run) => run.userMsPerStreamSecond),
    system: of((run) => run.systemMsPerStreamSecond),
    "busiest thread %": of((run) => run.busiestThreadPercent),
    "finish ms": of((run) => run.finishCpuMsPerStream),
    "base MiB": of((run) => run.baseMiB),
    "peak MiB": of((run) => run.peakMiB),
    "MiB / stream": of((run) => run.memoryMiBPerStream),
    "writes / s": of((run) => run.writeCallsPerSecond),
    "MB / s": of((run) => run.fileMegabytesPerSecond),
    "frames sent": of((run) => run.framesSent, 9),
    found: of((run) => run.framesFound, 9),
    "lag p50 / p99 / max ms": [of((run) => run.lag.p50Ms), of((run) => run.lag.p99Ms), of((run) => run.lag.maxMs)].join(
      " / ",
    ),
    "machine: user + system of it interrupts, kernel's threads; idle": machineText(runs),
    "sent late p99 ms": of((run) => run.generator.lateP99Ms),
  };
}

function machineText(runs: readonly DensityResult[]): string {
  const of = (key: keyof DensityResult["machine"]) => significant(median(runs.map(({ machine }) => machine[key])), 2);
  return `${of("user")} + ${of("system")} (${of("interrupts")}, ${of("kernelThreads")}); ${of("idle")}`;
}

const order = {
  streams: Number(values.streams),
  seconds: Number(values.seconds),
  workload: values.workload,
  seed: Number(values.seed),
  chunkBytes: Number(values["chunk-size"]),
  ...(values.folder !== undefined ? { folder: values.folder } : {}),
  ...(values["burst-ms"] !== undefined ? { burstMs: Number(values["burst-ms"]) } : {}),
  ...(values["ramp-seconds"] !== undefined ? { rampMs: 1000 * Number(values["ramp-seconds"]) } : {}),
};
if (!WORKLOADS[order.workload])
  throw new Error(`no workload ${order.workload}; there are ${Object.keys(WORKLOADS).join(", ")}`);

const names = values.only !== undefined ? values.only.split(",") : ["reel", ...values.vs.split(",").filter(Boolean)];
const field = contestants(names, values.type.split(",") as RecordType[]);
const runs: DensityResult[][] = field.map(() => []);
for (let turn = 0; turn < Number(values.repeat); turn++) {
  for (const [i, { server, type }] of field.entries()) {
    const run = await runDensity({ ...order, server, type });
    console.error(
      `${run.server}: ${run.cpuMsPerStreamSecond.toFixed(3)} ms of CPU per stream second, ${run.framesFound} of ${run.framesSent} frames`,
    );
    for (const reason of run.voidReasons) console.error(`  void: ${reason}`);
    for (const fault of run.faults.slice(0, 5)) console.error(`  ${fault}`);
    if (run.faults.length > 5) console.error(`  … and ${run.faults.length - 5} more`);
    runs[i]?.push(run);
  }
}
const valid = runs.map((own) => own.filter((run) => run.voidReasons.length === 0)).filter((own) => own.length > 0);
const env = environment();
console.log(
  `\n${order.streams} streams, ${order.workload}, ${order.seconds} s, ${values.repeat} run(s) each; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
if (valid.length > 0) console.log(formatTable(valid.map(toRow)));
console.log(`\n${writeResult("density", `npm run bench:density -- ${process.argv.slice(2).join(" ")}`, runs)}`);
if (valid.length < field.length) process.exitCode = 1;
