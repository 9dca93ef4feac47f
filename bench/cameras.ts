// npm run bench:cameras -- --streams 100 --vs ffmpeg,node-av --rtmp
// npm run bench:cameras -- --streams 50,100,200,400
// npm run bench:cameras -- --outage --streams 400
//
// What a recorded RTSP camera costs: the same cameras for each recorder in turn, Reel first; with --rtmp also Reel's
// own figure for as many RTMP publishers of the same frames. With several numbers of streams it draws how the cost of
// one changes (results/cameras.svg). With --outage all cameras are cut off and come back at once.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runOutage } from "./cameras-outage.js";
import { type CameraResult, runCameras } from "./cameras-run.js";
import { runDensity } from "./density-run.js";
import {
  environment,
  formatTable,
  median,
  type Row,
  resultsFolder,
  significant,
  writeResult,
} from "./measure/report.js";
import { type PlotLine, svgPlot } from "./measure/svg-plot.js";
import { voidReasons } from "./measure/void-reasons.js";
import type { CameraRecorder } from "./recorders/camera-recorder.js";
import { ffmpegRecorder } from "./recorders/ffmpeg.js";
import { gstreamerRecorder } from "./recorders/gstreamer.js";
import { nodeAvRecorder } from "./recorders/node-av.js";
import { reelRecorder } from "./recorders/reel.js";
import { reel } from "./servers/reel.js";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "100" },
    seconds: { type: "string", default: "15" },
    workload: { type: "string", default: "720p30" },
    vs: { type: "string", default: "" },
    rtmp: { type: "boolean", default: false },
    repeat: { type: "string", default: "1" },
    outage: { type: "boolean", default: false },
    away: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    folder: { type: "string" },
  },
});

const PEERS = [ffmpegRecorder, nodeAvRecorder, gstreamerRecorder];
const steps = values.streams.split(",").map(Number);
const common = {
  workload: values.workload,
  seed: Number(values.seed),
  ...(values.folder !== undefined ? { folder: values.folder } : {}),
};
const command = `npm run bench:cameras -- ${process.argv.slice(2).join(" ")}`;
const env = environment();
const machine = `${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}`;

if (values.outage) await outage();
else await compare();

async function outage(): Promise<void> {
  const results = [];
  for (const cameras of steps) {
    const run = await runOutage({ ...common, cameras, awaySeconds: Number(values.away) });
    for (const reason of run.voidReasons) console.error(`  void: ${reason}`);
    results.push(run);
  }
  const rows = results.map((run) => ({
    cameras: run.cameras,
    "away s": run.awaySeconds,
    "half recorded s": significant(run.halfRecordedSeconds),
    "all recorded s": significant(run.allRecordedSeconds),
    "connections / s, at most": run.maxConnectionsPerSecond,
    "at the start": run.maxStartConnectionsPerSecond,
    connections: run.connections,
  }));
  console.log(`\n${machine}\n\n${formatTable(rows)}\n\n${writeResult("cameras-outage", command, results)}`);
  if (results.some((run) => run.voidReasons.length > 0)) process.exitCode = 1;
}

async function compare(): Promise<void> {
  const recorders = [reelRecorder(), ...values.vs.split(",").filter(Boolean).map(peer)];
  const runs: CameraResult[] = [];
  for (const cameras of steps)
    for (let turn = 0; turn < Number(values.repeat); turn++) {
      for (const recorder of recorders) runs.push(await runOne(recorder, Math.min(cameras, recorder.maxCameras)));
      if (values.rtmp) runs.push(await runRtmp(cameras));
    }
  const valid = runs.filter((run) => run.voidReasons.length === 0);
  console.log(`\n${values.workload}, ${values.seconds} s, ${values.repeat} run(s) each; ${machine}\n`);
  if (valid.length > 0) console.log(formatTable(groups(valid).map((own) => toRow(own, valid))));
  console.log(`\n${writeResult("cameras", command, runs)}`);
  if (steps.length > 1) plot(valid);
  if (valid.length < runs.length) process.exitCode = 1;
}

function peer(name: string): CameraRecorder {
  const recorder = PEERS.find((one) => one.name === name);
  if (!recorder) throw new Error(`no recorder ${name}; there are ${PEERS.map((one) => one.name).join(", ")}`);
  const missing = recorder.missing();
  if (missing !== undefined) throw new Error(`missing: ${missing}`);
  return recorder;
}

async function runOne(recorder: CameraRecorder, cameras: number): Promise<CameraResult> {
  const run = await runCameras({ ...common, recorder, cameras, seconds: Number(values.seconds) });
  tell(run);
  return run;
}

/** The same frames, published over RTMP. */
async function runRtmp(streams: number): Promise<CameraResult> {
  const seconds = Number(values.seconds);
  const run = await runDensity({ ...common, server: reel, type: "mp4", streams, seconds, chunkBytes: 4096 });
  const { lateP99Ms, lateMaxMs, cpuSeconds } = run.generator;
  const result: CameraResult = {
    ...run,
    recorder: "reel-rtmp",
    title: `${run.server}, RTMP`,
    cameras: streams,
    idleMiB: run.baseMiB,
    memoryMiBPerCamera: run.memoryMiBPerStream,
    ownMiBPerCamera: Number.NaN,
    farm: { lateP99Ms, lateMaxMs, cpuSeconds },
    voidReasons: voidReasons(run.generator, 0),
  };
  tell(result);
  return result;
}

function tell(run: CameraResult): void {
  const found = `${run.framesFound} of ${run.framesSent} frames`;
  console.error(
    `${run.title}, ${run.cameras}: ${run.cpuMsPerStreamSecond.toFixed(3)} ms of CPU per stream second, ${found}`,
  );
  for (const reason of run.voidReasons) console.error(`  void: ${reason}`);
  for (const fault of run.faults.slice(0, 3)) console.error(`  ${fault}`);
  if (run.faults.length > 3) console.error(`  … and ${run.faults.length - 3} more`);
}

/** Runs of one recorder with one number of cameras. */
function groups(runs: readonly CameraResult[]): CameraResult[][] {
  const keys = [...new Set(runs.map((run) => `${run.recorder} ${run.cameras}`))];
  return keys.map((key) => runs.filter((run) => `${run.recorder} ${run.cameras}` === key));
}

function toRow(own: readonly CameraResult[], all: readonly CameraResult[]): Row {
  const of = (pick: (run: CameraResult) => number, digits = 3) => significant(median(own.map(pick)), digits);
  const first = own[0] as CameraResult;
  const ffmpeg = median(all.filter((run) => run.recorder === "ffmpeg").map((run) => run.cpuMsPerStreamSecond));
  const ownMiB = of((run) => run.ownMiBPerCamera);
  return {
    recorder: first.title,
    cameras: first.cameras,
    "CPU ms / stream s": of((run) => run.cpuMsPerStreamSecond),
    user: of((run) => run.userMsPerStreamSecond),
    system: of((run) => run.systemMsPerStreamSecond),
    "of ffmpeg": Number.isNaN(ffmpeg) ? "–" : significant(of((run) => run.cpuMsPerStreamSecond, 9) / ffmpeg),
    "idle MiB": of((run) => run.idleMiB),
    "MiB / camera": of((run) => run.memoryMiBPerCamera),
    "of its own": Number.isNaN(ownMiB) ? "–" : ownMiB,
    threads: of((run) => run.threads),
    "frames sent": of((run) => run.framesSent, 9),
    found: of((run) => run.framesFound, 9),
    "sent late p99 ms": of((run) => run.farm.lateP99Ms),
    "other cores": of((run) => run.otherCores),
  };
}

function plot(valid: readonly CameraResult[]): void {
  const lines = (pick: (run: CameraResult) => number): PlotLine[] =>
    [...new Set(valid.map((run) => run.recorder))].map((name) => ({
      name,
      points: groups(valid.filter((run) => run.recorder === name)).map((own) => ({
        x: (own[0] as CameraResult).cameras,
        y: median(own.map(pick)),
      })),
    }));
  const svg = svgPlot("cameras", [
    { title: `CPU per camera, ms per second (${values.workload})`, lines: lines((run) => run.cpuMsPerStreamSecond) },
    { title: "Memory per camera beyond the idle recorder, MiB", lines: lines((run) => run.memoryMiBPerCamera) },
  ]);
  writeFileSync(join(resultsFolder, "cameras.svg"), svg);
  console.log("bench/results/cameras.svg");
}
