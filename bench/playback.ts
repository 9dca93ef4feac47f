// npm run bench:playback -- --viewers 100 --streams 200 --type mp4,ts
//
// What viewers cost beside recordings: so many streams are recorded, first alone, then with viewers of HLS of what
// grows, in one run. Told: the server's CPU in both windows and per viewer, the lag from send to disk in both, and
// whether the files have every frame.

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startLoad } from "./load/load.js";
import type { ViewersOrder, ViewersReport } from "./load/viewers.js";
import { treeUsage } from "./measure/process-tree.js";
import { environment, formatTable, type Row, significant, writeResult } from "./measure/report.js";
import { countFramesOf } from "./media/count-frames.js";
import { LagProbe, type LagReport, openGrowth } from "./media/lag-probe.js";
import type { RecordType } from "./servers/recording-server.js";
import { type RunningReel, startReel } from "./servers/reel.js";

const { values } = parseArgs({
  options: {
    viewers: { type: "string", default: "100" },
    streams: { type: "string", default: "200" },
    seconds: { type: "string", default: "15" },
    type: { type: "string", default: "mp4,ts" },
    workload: { type: "string", default: "720p30" },
  },
});
const viewers = Number(values.viewers);
const streams = Number(values.streams);
const windowMs = Number(values.seconds) * 1000;
const WARM_UP_MS = 5000;
/** Streams whose files are watched for lag. */
const WATCHED = 8;

interface Run {
  type: RecordType;
  alone: { cpuPercent: number; lag: LagReport };
  watched: { cpuPercent: number; lag: LagReport };
  cpuMsPerViewerSecond: number;
  peakMiB: number;
  viewers: ViewersReport;
  framesSent: number;
  framesFound: number;
  faults: string[];
  lateP99Ms: number;
}

async function run(type: RecordType): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "reel-playback-"));
  const names = Array.from({ length: streams }, (_, i) => `s${String(i).padStart(4, "0")}`);
  const server = await startReel({ folder, streams: names, type });
  const seconds = Math.ceil((2 * windowMs + 3 * WARM_UP_MS) / 1000);
  const load = startLoad({
    ...{ port: server.port, app: server.app, names, workload: values.workload, seconds, seed: 1, chunkBytes: 4096 },
  });
  const watching = fork(fileURLToPath(new URL("load/viewers.ts", import.meta.url)), { stdio: "inherit" });
  try {
    const { streams: accounts } = await load.publishing;
    const starts = new Map(accounts.map(({ name, startEpochMs }) => [name, startEpochMs]));
    await delay(WARM_UP_MS);
    const alone = await window(server, starts);
    const { http } = JSON.parse(readFileSync(join(dirname(server.media), "ready.json"), "utf8")) as { http: string };
    const watched = Array.from({ length: viewers }, (_, i) => names[i % names.length] ?? "");
    const order: ViewersOrder = { base: `http://${http}`, streams: watched, fromMs: Date.now() };
    watching.send(order);
    await delay(WARM_UP_MS);
    const beside = await window(server, starts);
    watching.send("stop");
    const [report] = (await once(watching, "message")) as [ViewersReport];
    const sent = await load.done;
    await server.settled();
    const counts = await countFramesOf(names.flatMap((name) => server.filesOf(name)));
    const faults = sent.streams.flatMap(({ name, failure }) => (failure ? [`${name}: ${failure}`] : []));
    return {
      ...{ type, alone, watched: beside, viewers: report },
      cpuMsPerViewerSecond: (10 * (beside.cpuPercent - alone.cpuPercent)) / viewers,
      peakMiB: treeUsage(server.pid).peakBytes / 2 ** 20,
      framesSent: sent.streams.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0),
      framesFound: counts.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0),
      faults: [...faults, ...counts.flatMap(({ complaint }) => (complaint ? [complaint] : []))],
      lateP99Ms: sent.lateP99Ms,
    };
  } finally {
    watching.kill();
    load.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function window(server: RunningReel, starts: ReadonlyMap<string, number>) {
  const probe = new LagProbe();
  const step = Math.max(1, Math.floor(streams / WATCHED));
  for (const [name, startEpochMs] of [...starts].filter((_, i) => i % step === 0).slice(0, WATCHED))
    probe.watch(() => {
      const file = server.growingFile(name);
      return file && openGrowth(file.kind, file.path);
    }, startEpochMs);
  const before = treeUsage(server.pid);
  const beforeMs = performance.now();
  probe.start(Date.now());
  await delay(windowMs);
  const after = treeUsage(server.pid);
  const cpu = after.userSeconds + after.systemSeconds - before.userSeconds - before.systemSeconds;
  return { cpuPercent: (100_000 * cpu) / (performance.now() - beforeMs), lag: probe.stop() };
}

function toRow({ type, alone, watched, cpuMsPerViewerSecond, peakMiB, viewers: seen, ...run }: Run): Row {
  return {
    type,
    "CPU % alone": significant(alone.cpuPercent),
    "with viewers": significant(watched.cpuPercent),
    "CPU ms / viewer s": significant(cpuMsPerViewerSecond),
    "lag p50 / p99 / max ms alone": lagText(alone.lag),
    "with viewers ": lagText(watched.lag),
    parts: seen.parts,
    MB: significant(seen.bytes / 1e6),
    "first list p50 / p99 ms": `${seen.firstListP50Ms} / ${seen.firstListP99Ms}`,
    "list p50 / p99 ms": `${seen.listP50Ms} / ${seen.listP99Ms}`,
    "part p99 ms": seen.partP99Ms,
    "behind p50 ms": seen.behindP50Ms,
    failures: seen.failures.length,
    sent: run.framesSent,
    found: run.framesFound,
    "peak MiB": Math.round(peakMiB),
    "sent late p99 ms": significant(run.lateP99Ms),
  };
}

function lagText({ p50Ms, p99Ms, maxMs }: LagReport): string {
  return [p50Ms, p99Ms, maxMs].map((ms) => Math.round(ms)).join(" / ");
}

const runs: Run[] = [];
for (const type of values.type.split(",") as RecordType[]) {
  const result = await run(type);
  for (const fault of [...result.faults, ...result.viewers.failures].slice(0, 5)) console.error(`  ${fault}`);
  runs.push(result);
}
const env = environment();
console.log(
  `\n${viewers} viewers beside ${streams} streams, ${values.workload}, ${values.seconds} s each; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
console.log(formatTable(runs.map(toRow)));
console.log(`\n${writeResult("playback", `npm run bench:playback -- ${process.argv.slice(2).join(" ")}`, runs)}`);
if (runs.some(({ framesSent, framesFound, faults }) => framesSent !== framesFound || faults.length > 0))
  process.exitCode = 1;
