// One run of the density benchmark: one server, one load, and everything measured about the two. Used by bench:density,
// bench:scale and their like.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadReport, StreamAccount } from "./load/generator.js";
import { startLoad } from "./load/load.js";
import { Machine, type MachineUsage } from "./measure/machine.js";
import { OtherLoad } from "./measure/other-load.js";
import { type TreeUsage, threadSeconds, treeUsage } from "./measure/process-tree.js";
import { voidReasons } from "./measure/void-reasons.js";
import { countFramesOf } from "./media/count-frames.js";
import { LagProbe, type LagReport, openGrowth } from "./media/lag-probe.js";
import type { RecordingServer, RecordType, RunningServer } from "./servers/recording-server.js";

export interface DensityOrder {
  server: RecordingServer;
  type: RecordType;
  streams: number;
  seconds: number;
  workload: string;
  seed: number;
  chunkBytes: number;
  /** The load in bursts (load/bursts.ts). */
  burstMs?: number;
  rampMs?: number;
  /** Parent of the run's scratch folder; default: the system's. */
  folder?: string;
}

export interface DensityResult {
  server: string;
  type: RecordType;
  streams: number;
  workload: string;
  /** Over the measured window, which begins 3 s after the last stream and ends before the first one leaves. */
  windowSeconds: number;
  /** Of the server with its threads and children, per second of one stream. */
  cpuMsPerStreamSecond: number;
  userMsPerStreamSecond: number;
  systemMsPerStreamSecond: number;
  /** What the machine did besides. */
  otherCores: number;
  /** All of the machine, load and kernel with it, in cores. */
  machine: MachineUsage;
  /** Share of one core. */
  cpuPercent: number;
  /** From the publishers' leaving until all files are final, whole run, both. */
  finishCpuMsPerStream: number;
  writeCallsPerSecond: number;
  fileMegabytesPerSecond: number;
  baseMiB: number;
  peakMiB: number;
  endMiB: number;
  /** Peak beyond the idle server. */
  memoryMiBPerStream: number;
  threads: number;
  /** Of the thread that was busiest, share of one core. */
  busiestThreadPercent: number;
  framesSent: number;
  framesFound: number;
  files: number;
  lag: LagReport;
  generator: Omit<LoadReport, "streams">;
  /** Why the run does not count. */
  voidReasons: string[];
  /** What is wrong with the recordings. */
  faults: string[];
}

const WARM_UP_MS = 3000;
/** Streams whose files are watched for lag. */
const WATCHED = 4;
const MIB = 2 ** 20;

export async function runDensity(order: DensityOrder): Promise<DensityResult> {
  const folder = mkdtempSync(join(order.folder ?? tmpdir(), "reel-density-"));
  const names = Array.from({ length: order.streams }, (_, i) => `s${String(i).padStart(4, "0")}`);
  let server: RunningServer | undefined;
  try {
    server = await order.server.start({ folder, streams: names, type: order.type });
    return await measure(order, server, names);
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(order: DensityOrder, server: RunningServer, names: readonly string[]): Promise<DensityResult> {
  const { streams, seconds, workload, seed, chunkBytes, burstMs, rampMs } = order;
  const idle = treeUsage(server.pid);
  const load = startLoad({
    port: server.port,
    app: server.app,
    names: [...names],
    workload,
    seconds,
    seed,
    chunkBytes,
    ...(burstMs !== undefined && { burstMs }),
    ...(rampMs !== undefined && { rampMs }),
  });
  try {
    const { streams: accounts, lastStartEpochMs } = await load.publishing;
    const probe = watchLag(server, accounts);
    const beginEpochMs = lastStartEpochMs + WARM_UP_MS;
    const endEpochMs = Math.min(...accounts.map((account) => account.startEpochMs)) + seconds * 1000;
    if (endEpochMs - beginEpochMs < 1000) throw new Error("--seconds leaves no window to measure: 10 at least");

    await untilEpoch(beginEpochMs);
    probe.start(beginEpochMs);
    const others = new OtherLoad();
    others.start();
    const machine = new Machine();
    const before = treeUsage(server.pid);
    const threadsBefore = threadSeconds(server.pid);
    const beforeMs = performance.now();
    await untilEpoch(endEpochMs);
    const after = treeUsage(server.pid);
    const windowSeconds = (performance.now() - beforeMs) / 1000;
    const busiest = [...threadSeconds(server.pid)].map(([thread, s]) => s - (threadsBefore.get(thread) ?? 0));
    const machineUsage = machine.mean();
    // Write-back of what is measured is not another program's.
    const otherCores = Math.max(0, others.stop() - machineUsage.kernelThreads);
    const lag = probe.stop();

    const report = await load.done;
    await server.settled();
    const end = treeUsage(server.pid);
    const readBack = await compareFrames(server, report.streams);
    return {
      ...readBack,
      ...costs(streams, windowSeconds, idle, before, after, end),
      server: server.title,
      type: order.type,
      streams,
      workload,
      windowSeconds,
      otherCores,
      machine: machineUsage,
      busiestThreadPercent: (100 * Math.max(0, ...busiest)) / windowSeconds,
      lag,
      generator: {
        lateP50Ms: report.lateP50Ms,
        lateP99Ms: report.lateP99Ms,
        lateMaxMs: report.lateMaxMs,
        maxBacklogBytes: report.maxBacklogBytes,
        cpuSeconds: report.cpuSeconds,
      },
      voidReasons: voidReasons(report, otherCores),
    };
  } finally {
    load.stop();
  }
}

function watchLag(server: RunningServer, accounts: readonly StreamAccount[]): LagProbe {
  const probe = new LagProbe();
  const step = Math.max(1, Math.floor(accounts.length / WATCHED));
  for (const account of accounts.filter((_, i) => i % step === 0).slice(0, WATCHED)) {
    probe.watch(() => {
      const file = server.growingFile(account.name);
      return file && openGrowth(file.kind, file.path);
    }, account.startEpochMs);
  }
  return probe;
}

function costs(
  streams: number,
  windowSeconds: number,
  idle: TreeUsage,
  before: TreeUsage,
  after: TreeUsage,
  end: TreeUsage,
) {
  const user = after.userSeconds - before.userSeconds;
  const system = after.systemSeconds - before.systemSeconds;
  const perStreamSecond = 1000 / (streams * windowSeconds);
  const finish = end.userSeconds + end.systemSeconds - after.userSeconds - after.systemSeconds;
  return {
    cpuMsPerStreamSecond: (user + system) * perStreamSecond,
    userMsPerStreamSecond: user * perStreamSecond,
    systemMsPerStreamSecond: system * perStreamSecond,
    cpuPercent: (100 * (user + system)) / windowSeconds,
    finishCpuMsPerStream: (1000 * finish) / streams,
    writeCallsPerSecond: (after.writeCalls - before.writeCalls) / windowSeconds,
    fileMegabytesPerSecond: (after.fileBytes - before.fileBytes) / windowSeconds / 1e6,
    baseMiB: idle.residentBytes / MIB,
    peakMiB: end.peakBytes / MIB,
    endMiB: end.residentBytes / MIB,
    memoryMiBPerStream: (end.peakBytes - idle.residentBytes) / MIB / streams,
    threads: after.threads,
  };
}

/** Every file is read back by ffprobe; what a stream's files hold must be what was sent. */
export async function compareFrames(server: RunningServer, accounts: readonly StreamAccount[]) {
  if (server.hasFrames === false) return compareBytes(server, accounts);
  const faults: string[] = [];
  let framesSent = 0;
  let framesFound = 0;
  let files = 0;
  const filesOf = accounts.map((account) => server.filesOf(account.name));
  const counts = await countFramesOf(filesOf.flat());
  for (const [i, account] of accounts.entries()) {
    const own = counts.splice(0, filesOf[i]?.length ?? 0);
    files += own.length;
    const found = own.reduce(
      (sum, count) => ({ video: sum.video + count.videoFrames, audio: sum.audio + count.audioFrames }),
      { video: 0, audio: 0 },
    );
    framesSent += account.videoFrames + account.audioFrames;
    framesFound += found.video + found.audio;
    if (account.failure) faults.push(`${account.name}: ${account.failure}`);
    if (found.video !== account.videoFrames || found.audio !== account.audioFrames) {
      const sent = `${account.videoFrames} + ${account.audioFrames} frames`;
      faults.push(`${account.name}: sent ${sent}, found ${found.video} + ${found.audio}`);
    }
    for (const { complaint } of own) if (complaint) faults.push(`${account.name}: ${complaint.split("\n")[0]}`);
  }
  return { framesSent, framesFound, files, faults };
}

export async function untilEpoch(epochMs: number): Promise<void> {
  const waitMs = epochMs - (performance.timeOrigin + performance.now());
  if (waitMs > 0) await delay(waitMs);
}

/** Of a server that keeps bytes as they come: at least as many as the frames had. */
function compareBytes(server: RunningServer, accounts: readonly StreamAccount[]) {
  const files = accounts.flatMap((account) => server.filesOf(account.name));
  const faults = accounts.flatMap(({ name, failure }) => (failure ? [`${name}: ${failure}`] : []));
  const sent = accounts.reduce((sum, { bytes }) => sum + bytes, 0);
  const found = files.reduce((sum, path) => sum + statSync(path).size, 0);
  if (found < sent) faults.push(`sent ${sent} bytes of media, found ${found}`);
  const framesSent = accounts.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0);
  return { framesSent, framesFound: Number.NaN, files: files.length, faults };
}
