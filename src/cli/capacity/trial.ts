// Records real streams for some seconds, few and then more, with a server of its own, and reads what the server cost
// each time. Publishers and server are processes of their own, so that their costs are told apart.

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ServerConfig } from "../../server/config-schema.js";
import type { LoadPoint } from "./limits.js";
import type { LoadState, LoadWish } from "./load-process.js";
import { usageOf } from "./process-usage.js";

const REEL = fileURLToPath(new URL("../reel.js", import.meta.url));
const LOAD = fileURLToPath(new URL("./load-process.js", import.meta.url));
const START_LIMIT_MS = 30_000;
const POLL_MS = 20;
/** Connections, rings and files are made, and much is compiled: no part of what a stream costs while it lasts. */
const SETTLE_SHARE = 0.3;
/** A load that is later than this does not keep up. */
const LATE_LIMIT_MS = 500;

export interface TrialOrder {
  /** For state and files: on the volume that is recorded to. */
  readonly folder: string;
  /** What of the operator's configuration decides the cost. */
  readonly config: Pick<ServerConfig, "workers" | "ring" | "recording">;
  readonly bytesPerSecond: number;
  readonly streams: readonly [number, number];
  /** Of both steps together. */
  readonly seconds: number;
}

export interface TrialResult {
  readonly points: readonly [LoadPoint, LoadPoint];
  /** The publishers were late: what was measured is too little. */
  readonly lateMs: number | undefined;
}

export async function runTrial(order: TrialOrder): Promise<TrialResult> {
  const readyFile = join(order.folder, "ready.json");
  const configFile = join(order.folder, "reel.json");
  writeFileSync(configFile, JSON.stringify(trialConfig(order)));
  const args = [REEL, "serve", "--config", configFile, "--ready-file", readyFile];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], env: ownEnvironment() });
  const errors: Buffer[] = [];
  server.stderr.on("data", (data: Buffer) => errors.push(data));
  const load = fork(LOAD, { stdio: "inherit" });
  try {
    const rtmp = await rtmpAddress(server, readyFile, () => Buffer.concat(errors).toString());
    const url = `rtmp://${rtmp}/live/`;
    const [few, many] = order.streams;
    const first = await step(
      server,
      load,
      { url, bytesPerSecond: order.bytesPerSecond, streams: few },
      order.seconds / 2,
    );
    const second = await step(
      server,
      load,
      { url, bytesPerSecond: order.bytesPerSecond, streams: many },
      order.seconds / 2,
    );
    const lateMs = Math.max(first.lateMs, second.lateMs);
    return { points: [first.point, second.point], lateMs: lateMs > LATE_LIMIT_MS ? lateMs : undefined };
  } finally {
    load.kill("SIGKILL");
    server.kill("SIGKILL");
    await Promise.all([ended(load), ended(server)]);
  }
}

function trialConfig({ folder, config }: TrialOrder): ServerConfig {
  return {
    ...config,
    media: { folders: [join(folder, "media")] },
    state: { folder: join(folder, "state") },
    listeners: { http: "off", rtmp: "127.0.0.1:0", rtsp: "off", jsonCli: "off", asciiCli: "off" },
    rules: [{ pattern: "*", pathToFile: "{stream}", type: "mp4" }],
    log: { level: "error" },
  };
}

/** REEL_MEDIA and its like would win over the trial's configuration. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("REEL_")));
}

async function rtmpAddress(server: ChildProcess, readyFile: string, errors: () => string): Promise<string> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (!existsSync(readyFile)) {
    if (server.exitCode !== null || performance.now() > deadlineMs)
      throw new Error(`the server of the trial did not start: ${errors().trim() || "it says nothing"}`);
    await delay(POLL_MS);
  }
  return (JSON.parse(readFileSync(readyFile, "utf8")) as { rtmp: string }).rtmp;
}

async function step(
  server: ChildProcess,
  load: ChildProcess,
  wish: LoadWish,
  seconds: number,
): Promise<{ point: LoadPoint; lateMs: number }> {
  const pid = server.pid as number;
  await ask(load, wish);
  await delay(1000 * seconds * SETTLE_SHARE);
  await ask(load, wish); // Begins the account of lateness anew.
  const before = usageOf(pid);
  const beforeMs = performance.now();
  await delay(1000 * seconds * (1 - SETTLE_SHARE));
  const after = usageOf(pid);
  const passed = (performance.now() - beforeMs) / 1000;
  const { lateMs } = await ask(load, wish);
  const point = {
    streams: wish.streams,
    mainCores: (after.mainSeconds - before.mainSeconds) / passed,
    processCores: (after.processSeconds - before.processSeconds) / passed,
    residentBytes: after.residentBytes,
  };
  return { point, lateMs };
}

async function ask(load: ChildProcess, wish: LoadWish): Promise<LoadState> {
  const told = once(load, "message") as Promise<[LoadState]>;
  load.send(wish);
  const [state] = await Promise.race([
    told,
    once(load, "exit").then(() => Promise.reject(new Error("the publishers of the trial ended"))),
  ]);
  if (state.failure !== undefined) throw new Error(`the publishers of the trial failed: ${state.failure}`);
  return state;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
