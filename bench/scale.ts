// npm run bench:scale -- --steps 50,100,200,400,800 --vs nginx-rtmp
//
// How the cost of a stream changes with their number, and where it breaks: the density run at each step, and an SVG
// plot of CPU and memory per stream. A step breaks where frames are missing, or where the machine is so full that the
// generator, which shares it, can no longer send in time; a server's later steps are left out then.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type DensityResult, runDensity } from "./density-run.js";
import { environment, formatTable, resultsFolder, significant, writeResult } from "./measure/report.js";
import { type PlotLine, svgPlot } from "./measure/svg-plot.js";
import { contestants } from "./servers/all.js";
import type { RecordType } from "./servers/recording-server.js";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "50,100,200,400,800" },
    seconds: { type: "string", default: "20" },
    type: { type: "string", default: "mp4" },
    workload: { type: "string", default: "720p30" },
    vs: { type: "string", default: "" },
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    "chunk-size": { type: "string", default: "4096" },
    folder: { type: "string" },
  },
});

const names = values.only !== undefined ? values.only.split(",") : ["reel", ...values.vs.split(",").filter(Boolean)];
const steps = values.steps.split(",").map(Number);
const field = contestants(names, values.type.split(",") as RecordType[]);
const results: DensityResult[] = [];
const broken = new Set<(typeof field)[number]>();
const breaks: string[] = [];

// All servers at one step, then the next step: what the machine does meanwhile hits all alike.
for (const streams of steps) {
  for (const contestant of field.filter((one) => !broken.has(one))) {
    const run = await runDensity({
      ...contestant,
      streams,
      seconds: Number(values.seconds),
      workload: values.workload,
      seed: Number(values.seed),
      chunkBytes: Number(values["chunk-size"]),
      ...(values.folder !== undefined ? { folder: values.folder } : {}),
    });
    results.push(run);
    console.error(
      `${run.server}, ${streams} streams: ${run.cpuMsPerStreamSecond.toFixed(3)} ms of CPU per stream second, ${run.framesFound} of ${run.framesSent} frames`,
    );
    const problems = [...run.voidReasons, ...run.faults];
    if (problems.length === 0) continue;
    broken.add(contestant);
    breaks.push(
      `${run.server} breaks at ${streams} streams: ${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ""}`,
    );
  }
}

const good = results.filter((run) => run.voidReasons.length === 0 && run.faults.length === 0);
const env = environment();
console.log(
  `\n${values.workload}, ${values.seconds} s a step; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
if (good.length > 0) {
  const rows = good.map((run) => ({
    server: run.server,
    streams: run.streams,
    "CPU ms / stream s": significant(run.cpuMsPerStreamSecond),
    "CPU %": significant(run.cpuPercent),
    "peak MiB": significant(run.peakMiB),
    "MiB / stream": significant(run.memoryMiBPerStream),
    "lag p50 / p99 / max ms": [run.lag.p50Ms, run.lag.p99Ms, run.lag.maxMs].map((ms) => significant(ms)).join(" / "),
    "sent late p99 ms": run.generator.lateP99Ms,
  }));
  console.log(formatTable(rows));
}
for (const line of breaks) console.log(line);
const file = writeResult("scale", `npm run bench:scale -- ${process.argv.slice(2).join(" ")}`, { results, breaks });
if (good.length > 0) {
  const lines = (pick: (run: DensityResult) => number): PlotLine[] =>
    [...new Set(good.map((run) => run.server))].map((name) => ({
      name,
      points: good.filter((run) => run.server === name).map((run) => ({ x: run.streams, y: pick(run) })),
    }));
  const plot = svgPlot("streams", [
    { title: `CPU per stream, ms per second (${values.workload})`, lines: lines((run) => run.cpuMsPerStreamSecond) },
    { title: "Memory per stream beyond the idle server, MiB", lines: lines((run) => run.memoryMiBPerStream) },
  ]);
  writeFileSync(join(resultsFolder, "scale.svg"), plot);
  console.log(`\n${file}, bench/results/scale.svg`);
}
