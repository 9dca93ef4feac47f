// npm run bench:metrics -- --streams 800
//
// What a scrape of GET /metrics takes on the main thread with so many streams, each recorded: the samples of every part
// and their text, and the longest that the event loop stood still for meanwhile.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { TRACK_VIDEO } from "../src/abi/frame.js";
import { silentLogger } from "../src/base/logger.js";
import type { RouteHandler } from "../src/base/routes.js";
import { metricsRoutes } from "../src/metrics/metrics-routes.js";
import { VolumeWatch } from "../src/metrics/volumes.js";
import { Recorder } from "../src/recording/recorder.js";
import { AVCC, accessUnit, NAL_IDR, nalUnit } from "../test/support/test-media.js";
import { environment, formatTable, quantile, type Row, significant, writeResult } from "./measure/report.js";

const { values } = parseArgs({
  options: { streams: { type: "string", default: "800" }, scrapes: { type: "string", default: "60" } },
});
/** A server's code is compiled by the first scrapes of its first minutes. */
const WARM_UP = 20;
const IDLE_MS = 50;

const root = mkdtempSync(join(tmpdir(), "reel-metrics-"));
const recorder = await Recorder.open({
  mediaFolders: [join(root, "media")],
  stateFolder: join(root, "state"),
  logger: silentLogger,
});
const rows: Row[] = [];
try {
  const count = Number(values.streams);
  for (let i = 0; i < count; i++) {
    const stream = recorder.streams.open(`camera-${i}`);
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    await recorder.record({ localStreamName: stream.name, pathToFile: stream.name, type: "ts" });
    for (let frame = 0; frame < 2; frame++)
      stream.writeFrame(TRACK_VIDEO, accessUnit([nalUnit(NAL_IDR, 400, frame)]), frame * 3600, 0, true);
    stream.reportSourceLoss({ track: null, frames: 1, bytes: 400, durationMs: 40 });
  }
  while (recorder.outStreams().some(({ currentPath }) => currentPath === undefined)) await pause();
  const scrape = handlerOf(recorder);
  for (const perStream of [true, false]) rows.push(await measure(perStream, scrape(perStream), count));
} finally {
  await recorder.close();
  rmSync(root, { recursive: true, force: true });
}
const env = environment();
console.log(`\n${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
console.log(formatTable(rows));
console.log(`\n${writeResult("metrics", `npm run bench:metrics -- ${process.argv.slice(2).join(" ")}`, rows)}`);

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, IDLE_MS));
}

function handlerOf(recorder: Recorder): (perStream: boolean) => RouteHandler {
  return (perStream) => {
    const { mediaFolders, clock } = recorder;
    const volumes = mediaFolders.map((folder) => new VolumeWatch(folder, clock));
    let handler: RouteHandler | undefined;
    metricsRoutes({ collectors: () => [recorder], volumes, options: { perStream } }).routes(
      (_method, _path, answer) => {
        handler = answer;
      },
    );
    if (!handler) throw new Error("there is no route");
    return handler;
  };
}

/** What the kernel gave this thread, in nanoseconds, is the first number. */
function mainThreadCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

async function measure(perStream: boolean, answer: RouteHandler, streams: number): Promise<Row> {
  const request = {
    method: "GET" as const,
    isHead: false,
    role: "owner" as const,
    parameters: {},
    query: new URLSearchParams(),
    headers: {},
    body: "",
  };
  const cpuMs: number[] = [];
  const wholeMs: number[] = [];
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  let bytes = 0;
  for (let i = 0; i < WARM_UP + Number(values.scrapes); i++) {
    await pause();
    if (i === WARM_UP) stalls.enable();
    const before = mainThreadCpuMs();
    const startedMs = performance.now();
    const { body } = await answer(request);
    const took = mainThreadCpuMs() - before;
    if (i < WARM_UP) continue;
    bytes = Buffer.byteLength(body as string);
    wholeMs.push(performance.now() - startedMs);
    cpuMs.push(took);
  }
  stalls.disable();
  for (const list of [cpuMs, wholeMs]) list.sort((a, b) => a - b);
  return {
    streams,
    perStream: String(perStream),
    KiB: Math.round(bytes / 1024),
    "CPU p50 ms": significant(quantile(Float64Array.from(cpuMs), 0.5)),
    "CPU p99 ms": significant(quantile(Float64Array.from(cpuMs), 0.99)),
    "whole p50 ms": significant(quantile(Float64Array.from(wholeMs), 0.5)),
    "longest stall ms": significant(stalls.max / 1e6),
    "CPU ms / s at a scrape each 15 s": significant(quantile(Float64Array.from(cpuMs), 0.5) / 15),
  };
}
