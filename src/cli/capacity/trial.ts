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
import { busiestOther, usageOf } from "./process-usage.js";

const REEL = fileURLToPath(new URL("../reel.js", import.meta.url));
const LOAD = fileURLToPath(new URL("./load-process.js", import.meta.url));
const START_LIMIT_MS = 30_000;
const POLL_MS = 20;
/**
 * What is measured of each step, and what passes before, as shares of all. Connections, rings and files are made then.
 * In its first seconds a server also compiles what is hot and takes twice as much: the first step would be as dear as
 * the second, and a stream would seem to cost almost nothing.
 */
const STEPS = [
  { settle: 0.45, measured: 0.15 },
  { settle: 0.15, measured: 0.25 },
] as const;
/** A load that is later than this does not keep up. */
const LATE_LIMIT_MS = 500;

export interface TrialOrder {
  /** For state and files: on the volume that is recorded to. */
  readonly folder: string;
  /** What of the operator's configuration decides the cost. */
  readonly config: Pick<ServerConfig, "workers" | "ingest" | "ring" | "recording">;
  readonly bytesPerSecond: number;
  readonly streams: readonly [number, number];
  /** Of both steps together. */
  readonly seconds: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

export interface TrialResult {
  readonly points: readonly [LoadPoint, LoadPoint];
  /** How late publishers or server were, where it is too much: what was measured is too little then. */
  readonly lateMs: number | undefined;
}

export async function runTrial(order: TrialOrder): Promise<TrialResult> {
  const trial = new Trial(order);
  try {
    const [few, many] = order.streams;
    const first = await trial.step(few, STEPS[0]);
    const second = await trial.step(many, STEPS[1]);
    const lateMs = Math.max(first.lateMs, second.lateMs);
    return { points: [first.point, second.point], lateMs: lateMs > LATE_LIMIT_MS ? lateMs : undefined };
  } finally {
    await trial.close();
  }
}

/** A server and its publishers. */
class Trial {
  readonly #order: TrialOrder;
  readonly #server: ChildProcess;
  readonly #load: ChildProcess;
  /** Rejects when one of them ends, or the operator wants no more. */
  readonly #ended: Promise<never>;
  readonly #readyFile: string;
  #errors = "";

  constructor(order: TrialOrder) {
    this.#order = order;
    this.#readyFile = join(order.folder, "ready.json");
    const configFile = join(order.folder, "reel.json");
    writeFileSync(configFile, JSON.stringify(trialConfig(order)));
    const args = [REEL, "serve", "--config", configFile, "--ready-file", this.#readyFile];
    this.#server = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], env: ownEnvironment() });
    this.#server.stderr?.on("data", (data: Buffer) => {
      this.#errors += data.toString();
    });
    this.#load = fork(LOAD, { stdio: "inherit" });
    const { signal } = order;
    this.#ended = new Promise((_, reject) => {
      const says = (): string => this.#errors.trim() || "it says nothing";
      this.#server.once("error", reject);
      this.#server.once("exit", () => reject(new Error(`the server of the trial ended: ${says()}`)));
      this.#load.once("error", reject);
      this.#load.once("exit", () => reject(new Error("the publishers of the trial ended")));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    this.#ended.catch(() => {});
  }

  async step(
    streams: number,
    { settle, measured }: (typeof STEPS)[number],
  ): Promise<{ point: LoadPoint; lateMs: number }> {
    const { bytesPerSecond, seconds } = this.#order;
    const pid = this.#server.pid as number;
    const wish = { url: `rtmp://${await this.#address()}/live/`, bytesPerSecond, streams };
    await this.#ask(wish);
    await this.#wait(1000 * seconds * settle);
    await this.#ask(wish); // Begins the account of lateness anew.
    const before = usageOf(pid);
    const beforeMs = performance.now();
    await this.#wait(1000 * seconds * measured);
    const after = usageOf(pid);
    const passed = (performance.now() - beforeMs) / 1000;
    const { lateMs, unsentBytes } = await this.#ask(wish);
    const point = {
      streams,
      mainCores: (after.mainSeconds - before.mainSeconds) / passed,
      otherCores: busiestOther(before, after) / passed,
      processCores: (after.processSeconds - before.processSeconds) / passed,
      residentBytes: after.residentBytes,
    };
    // What the server has not taken is late as well.
    return { point, lateMs: Math.max(lateMs, (1000 * unsentBytes) / bytesPerSecond) };
  }

  async close(): Promise<void> {
    for (const child of [this.#load, this.#server]) {
      const isRunning = child.pid !== undefined && child.exitCode === null && child.signalCode === null;
      const exit = isRunning ? once(child, "exit") : undefined;
      child.kill("SIGKILL");
      await exit;
    }
  }

  async #address(): Promise<string> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!existsSync(this.#readyFile)) {
      if (performance.now() > deadlineMs) throw new Error(`the server of the trial does not start: ${this.#errors}`);
      await this.#wait(POLL_MS);
    }
    return (JSON.parse(readFileSync(this.#readyFile, "utf8")) as { rtmp: string }).rtmp;
  }

  #wait(ms: number): Promise<void> {
    return Promise.race([delay(ms), this.#ended]);
  }

  async #ask(wish: LoadWish): Promise<LoadState> {
    const told = once(this.#load, "message") as Promise<[LoadState]>;
    this.#load.send(wish);
    const [state] = await Promise.race([told, this.#ended]);
    if (state.failure !== undefined) throw new Error(`the publishers of the trial failed: ${state.failure}`);
    return state;
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
