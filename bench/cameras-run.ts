// One run of the camera benchmark: one recorder, so many cameras, and what the recorder cost.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CameraFarm } from "./load/camera-farm.js";
import type { FarmReport } from "./load/camera-farm-process.js";
import { OtherLoad } from "./measure/other-load.js";
import { privateBytes, type TreeUsage, treeUsage } from "./measure/process-tree.js";
import { voidReasons } from "./measure/void-reasons.js";
import { countFramesOf } from "./media/count-frames.js";
import type { CameraRecorder, RunningRecorder } from "./recorders/camera-recorder.js";

export interface CameraOrder {
  recorder: CameraRecorder;
  cameras: number;
  /** From the last camera's first packet on, of which the first three are left out. */
  seconds: number;
  workload: string;
  seed: number;
  /** Parent of the run's scratch folder; default: the system's. */
  folder?: string;
}

export interface CameraResult {
  recorder: string;
  title: string;
  cameras: number;
  workload: string;
  windowSeconds: number;
  /** Of all its processes and threads, per second of one camera. */
  cpuMsPerStreamSecond: number;
  userMsPerStreamSecond: number;
  systemMsPerStreamSecond: number;
  otherCores: number;
  idleMiB: number;
  peakMiB: number;
  /** Peak beyond the idle recorder. */
  memoryMiBPerCamera: number;
  /** At the end of the window, of pages that it shares with nobody. */
  ownMiBPerCamera: number;
  threads: number;
  framesSent: number;
  framesFound: number;
  farm: { lateP99Ms: number; lateMaxMs: number; cpuSeconds: number };
  voidReasons: string[];
  faults: string[];
}

const WARM_UP_MS = 3000;
const DEADLINE_MS = 60_000;
const MIB = 2 ** 20;

export function cameraNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `cam${String(i).padStart(4, "0")}`);
}

export async function runCameras(order: CameraOrder): Promise<CameraResult> {
  const folder = mkdtempSync(join(order.folder ?? tmpdir(), "reel-cameras-"));
  const farm = await CameraFarm.open(order);
  let recorder: RunningRecorder | undefined;
  try {
    recorder = await order.recorder.start(folder);
    return await measure(order, farm, recorder);
  } finally {
    await recorder?.stop();
    farm.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(order: CameraOrder, farm: CameraFarm, recorder: RunningRecorder): Promise<CameraResult> {
  const { cameras, seconds, workload } = order;
  const names = cameraNames(cameras);
  const idle = usageOf(recorder);
  await recorder.record(new Map(names.map((name) => [name, farm.url(name)])));
  await untilPlaying(farm, cameras);
  await delay(WARM_UP_MS);

  const others = new OtherLoad();
  others.start();
  const before = usageOf(recorder);
  const beforeMs = performance.now();
  await delay(seconds * 1000 - WARM_UP_MS);
  const after = usageOf(recorder);
  const windowSeconds = (performance.now() - beforeMs) / 1000;
  const otherCores = others.stop();
  const own = recorder.pids().reduce((sum, pid) => sum + privateBytes(pid), 0);

  await farm.finish();
  const report = await farm.report();
  await recorder.settled();
  return {
    recorder: order.recorder.name,
    title: recorder.title,
    cameras,
    workload,
    windowSeconds,
    ...costs(cameras, windowSeconds, idle, before, after),
    ownMiBPerCamera: own / MIB / cameras,
    otherCores,
    ...(await compareFrames(names, recorder, report)),
    farm: { lateP99Ms: report.lateP99Ms, lateMaxMs: report.lateMaxMs, cpuSeconds: report.cpuSeconds },
    // What else the machine does is told beside it: recorders of one run have it in common.
    voidReasons: voidReasons(report, 0),
  };
}

function usageOf(recorder: RunningRecorder): TreeUsage {
  const all = recorder.pids().map(treeUsage);
  const sum = (pick: (usage: TreeUsage) => number): number => all.reduce((total, usage) => total + pick(usage), 0);
  return {
    userSeconds: sum((usage) => usage.userSeconds),
    systemSeconds: sum((usage) => usage.systemSeconds),
    residentBytes: sum((usage) => usage.residentBytes),
    peakBytes: sum((usage) => usage.peakBytes),
    writeCalls: sum((usage) => usage.writeCalls),
    fileBytes: sum((usage) => usage.fileBytes),
    threads: sum((usage) => usage.threads),
    descriptors: sum((usage) => usage.descriptors),
  };
}

function costs(cameras: number, windowSeconds: number, idle: TreeUsage, before: TreeUsage, after: TreeUsage) {
  const perStreamSecond = 1000 / (cameras * windowSeconds);
  const user = (after.userSeconds - before.userSeconds) * perStreamSecond;
  const system = (after.systemSeconds - before.systemSeconds) * perStreamSecond;
  return {
    cpuMsPerStreamSecond: user + system,
    userMsPerStreamSecond: user,
    systemMsPerStreamSecond: system,
    idleMiB: idle.residentBytes / MIB,
    peakMiB: after.peakBytes / MIB,
    memoryMiBPerCamera: (after.peakBytes - idle.residentBytes) / MIB / cameras,
    threads: after.threads,
  };
}

/** Until so many cameras have a client that plays; then all have had one for a moment. */
export async function untilPlaying(farm: CameraFarm, cameras: number, sinceMs = 0): Promise<FarmReport> {
  const endMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const report = await farm.report();
    const live = report.plays.filter(({ playedMs, hasLeft }) => playedMs >= sinceMs && !hasLeft);
    const playing = new Set(live.map(({ camera }) => camera)).size;
    if (playing >= cameras) return report;
    if (performance.now() > endMs) throw new Error(`${playing} of ${cameras} cameras are played after a minute`);
    await delay(100);
  }
}

/** Every file is read back by ffprobe; what a camera's files hold must be what it sent. */
async function compareFrames(names: readonly string[], recorder: RunningRecorder, { plays }: FarmReport) {
  const faults: string[] = [];
  let framesSent = 0;
  let framesFound = 0;
  const filesOf = names.map((name) => recorder.filesOf(name));
  const counts = await countFramesOf(filesOf.flat());
  for (const [i, name] of names.entries()) {
    const own = counts.splice(0, filesOf[i]?.length ?? 0);
    const video = own.reduce((sum, { videoFrames }) => sum + videoFrames, 0);
    const audio = own.reduce((sum, { audioFrames }) => sum + audioFrames, 0);
    const sent = plays.filter(({ camera }) => camera === name);
    const sentVideo = sent.reduce((sum, { videoFrames }) => sum + videoFrames, 0);
    const sentAudio = sent.reduce((sum, { audioFrames }) => sum + audioFrames, 0);
    framesSent += sentVideo + sentAudio;
    framesFound += video + audio;
    if (sent.length !== 1) faults.push(`${name}: played ${sent.length} times`);
    if (video !== sentVideo || audio !== sentAudio)
      faults.push(`${name}: sent ${sentVideo} + ${sentAudio} frames, found ${video} + ${audio}`);
    for (const { complaint } of own) if (complaint) faults.push(`${name}: ${complaint.split("\n")[0]}`);
  }
  return { framesSent, framesFound, faults };
}
