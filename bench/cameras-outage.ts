// All cameras of a host are cut off and come back at once, as behind a switch: how soon every one is recorded again,
// and how many connections a second that takes.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cameraNames, untilPlaying } from "./cameras-run.js";
import { CameraFarm } from "./load/camera-farm.js";
import { voidReasons } from "./measure/void-reasons.js";
import type { RunningRecorder } from "./recorders/camera-recorder.js";
import { reelRecorder } from "./recorders/reel.js";

export interface OutageOrder {
  cameras: number;
  /** How long they are away. */
  awaySeconds: number;
  workload: string;
  seed: number;
  folder?: string;
}

export interface OutageResult {
  title: string;
  cameras: number;
  awaySeconds: number;
  /** From their return until the last one has frames in a file again. */
  allRecordedSeconds: number;
  halfRecordedSeconds: number;
  /** In any second behind their return, and at the start of the server. */
  maxConnectionsPerSecond: number;
  maxStartConnectionsPerSecond: number;
  connections: number;
  farm: { lateP99Ms: number; lateMaxMs: number };
  voidReasons: string[];
}

const SETTLE_MS = 3000;
const DEADLINE_MS = 60_000;
const LOOK_MS = 50;

export async function runOutage(order: OutageOrder): Promise<OutageResult> {
  const folder = mkdtempSync(join(order.folder ?? tmpdir(), "reel-outage-"));
  const farm = await CameraFarm.open(order);
  let recorder: RunningRecorder | undefined;
  try {
    recorder = await reelRecorder({ keepAlive: true }).start(folder);
    return await measure(order, farm, recorder, join(folder, "media"));
  } finally {
    await recorder?.stop();
    farm.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  { cameras, awaySeconds }: OutageOrder,
  farm: CameraFarm,
  recorder: RunningRecorder,
  media: string,
): Promise<OutageResult> {
  const names = cameraNames(cameras);
  await recorder.record(new Map(names.map((name) => [name, farm.url(name)])));
  await untilPlaying(farm, cameras);
  await delay(SETTLE_MS);
  const start = await farm.report();
  await farm.cut();
  await delay(awaySeconds * 1000);
  await farm.back();
  const backMs = Date.now();
  const recordedMs = await untilRecorded(media, names, backMs);
  const { acceptedMs, lateP99Ms, lateMaxMs } = await farm.report();
  const since = acceptedMs.filter((atMs) => atMs >= backMs);
  return {
    title: recorder.title,
    cameras,
    awaySeconds,
    allRecordedSeconds: ((recordedMs.at(-1) ?? Number.NaN) - backMs) / 1000,
    halfRecordedSeconds: ((recordedMs[recordedMs.length >> 1] ?? Number.NaN) - backMs) / 1000,
    maxConnectionsPerSecond: busiestSecond(since),
    maxStartConnectionsPerSecond: busiestSecond(start.acceptedMs),
    connections: since.length,
    farm: { lateP99Ms, lateMaxMs },
    voidReasons: voidReasons({ lateP99Ms, lateMaxMs }, 0),
  };
}

/** When each camera had frames in a file that was begun behind `sinceMs`: sorted, Unix milliseconds. */
async function untilRecorded(media: string, names: readonly string[], sinceMs: number): Promise<number[]> {
  const missing = new Set(names);
  const recordedMs: number[] = [];
  const endMs = Date.now() + DEADLINE_MS;
  while (missing.size > 0) {
    if (Date.now() > endMs) throw new Error(`${missing.size} cameras are not recorded after a minute`);
    for (const name of readdirSync(media)) {
      const camera = /^(cam\d+).*\.track1$/.exec(name)?.[1];
      if (camera === undefined || !missing.has(camera) || !hasFrames(join(media, name), sinceMs)) continue;
      missing.delete(camera);
      recordedMs.push(Date.now());
    }
    await delay(LOOK_MS);
  }
  return recordedMs;
}

/** A journal may be gone when it is looked at: its file is finished. */
function hasFrames(path: string, sinceMs: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.size > 0 && stat.birthtimeMs >= sinceMs;
}

function busiestSecond(atMs: readonly number[]): number {
  return Math.max(0, ...atMs.map((from) => atMs.filter((at) => at >= from && at < from + 1000).length));
}
