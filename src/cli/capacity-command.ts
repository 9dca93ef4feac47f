// `reel capacity`: how many streams this host records, and what ends first. Measures its parts for ten seconds.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { descriptorLimit, descriptorsFor } from "../base/descriptors.js";
import { configReader } from "../server/config.js";
import type { ServerConfig } from "../server/config-schema.js";
import { type Limit, limitsOf, type Measured, secondsUntilFull, type VolumeSpeed } from "./capacity/limits.js";
import { paddedClip } from "./capacity/padded-clip.js";
import { copySpeed, volumeSpeed } from "./capacity/probes.js";
import { availableBytes, networkSpeed } from "./capacity/process-usage.js";
import { runTrial } from "./capacity/trial.js";
import { readClip } from "./clip.js";
import { durationText } from "./quantities.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface CapacityFlags {
  rate: string;
  seconds: string;
  streams: string;
  config?: string;
  media?: string;
  json?: boolean;
}

/** Server and files of the measurement are removed first. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const DEFAULT_RATE = 2.6;
const DEFAULT_SECONDS = 10;
const LEAST_SECONDS = 3;
const MOST_SECONDS = 600;
const MOST_RATE = 400;
const DEFAULT_MEDIA = "media";
/** Of WebAssembly's 4 GiB. */
const MAX_ARENA_MIB = 4095;
/** Of the time; the rest is the trial's. */
const VOLUMES_SHARE = 0.15;
const COPY_SHARE = 0.05;
/** Of the trial's larger step: many, so that the cost of one is seen, and no more than a small host publishes. */
const DEFAULT_STREAMS = 300;
const MOST_STREAMS = 5000;
const TRIAL_BYTES_PER_SECOND = 100e6;
const LEAST_STREAMS = 3;
const FEW_SHARE = 1 / 3;

export function addCapacityCommand(program: Command): void {
  program
    .command("capacity")
    .description("measure this host for ten seconds: how many streams it records, and what ends first")
    .option("--rate <Mb/s>", "of one stream", String(DEFAULT_RATE))
    .option("--seconds <n>", "how long to measure", String(DEFAULT_SECONDS))
    .option("--streams <n>", "most that are recorded meanwhile; fewer of a high rate", String(DEFAULT_STREAMS))
    .option("--config <path>", "configuration file, for media folders and workers (default: reel.json, if it is there)")
    .option("--media <dir>", "media folder (default: media)")
    .option("--json", "print what was measured and the limits as one JSON object")
    .action(async (flags: CapacityFlags) => {
      process.exitCode = await capacity(flags);
    });
}

async function capacity(flags: CapacityFlags): Promise<number> {
  const interrupt = new AbortController();
  const stop = (signal: NodeJS.Signals): void => interrupt.abort(new Error(`ended by ${signal}`));
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    const rate = numberOf("rate", flags.rate, 0.1, MOST_RATE);
    const seconds = numberOf("seconds", flags.seconds, LEAST_SECONDS, MOST_SECONDS);
    const streams = Math.round(numberOf("streams", flags.streams, LEAST_STREAMS, MOST_STREAMS));
    paddedClip(readClip(), (rate * 1e6) / 8); // Throws where it cannot be published.
    const { config: configFile, media } = flags;
    const given = { ...(configFile !== undefined && { config: configFile }), ...(media !== undefined && { media }) };
    const config = configReader(given, process.env, process.cwd())();
    if (!flags.json) console.log(`Measuring for ${seconds} s with streams of ${rate} Mb/s …`);
    const { measured, lateMs } = await measure(config, {
      bytesPerSecond: (rate * 1e6) / 8,
      seconds,
      streams,
      signal: interrupt.signal,
    });
    const limits = limitsOf(measured);
    const first = limits[0] as Limit;
    if (flags.json)
      console.log(JSON.stringify({ ...measured, lateMs: lateMs ?? null, limits, streams: first.streams }));
    else print(measured, limits, rate);
    if (lateMs !== undefined)
      console.error(
        `reel capacity: the publishers were ${Math.round(lateMs)} ms late: this host is busy with other work, or too small to publish and record at once; the figures are too high`,
      );
    return EXIT_OK;
  } catch (error) {
    console.error(`reel capacity: ${(error as Error).message}`);
    return EXIT_FAILED;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new Error(`--${name} ${text} is no number from ${least} to ${most}`);
}

interface CapacityOrder {
  readonly bytesPerSecond: number;
  readonly seconds: number;
  readonly streams: number;
  readonly signal: AbortSignal;
}

async function measure(
  config: ServerConfig,
  { bytesPerSecond, seconds, streams, signal }: CapacityOrder,
): Promise<{ measured: Measured; lateMs: number | undefined }> {
  const volumes = (config.media?.folders ?? [DEFAULT_MEDIA]).map((folder) => resolve(folder));
  const copyBytesPerSecond = copySpeed(seconds * COPY_SHARE);
  const speeds: VolumeSpeed[] = [];
  for (const volume of volumes) {
    const share = (seconds * VOLUMES_SHARE) / volumes.length;
    speeds.push(await inScratch(volume, (folder) => volumeSpeed(volume, folder, share, signal)));
  }
  const many = Math.max(LEAST_STREAMS, Math.min(streams, Math.round(TRIAL_BYTES_PER_SECOND / bytesPerSecond)));
  const { workers, ingest, ring, recording } = config;
  const order = {
    bytesPerSecond,
    signal,
    streams: [Math.max(1, Math.round(many * FEW_SHARE)), many],
    seconds: seconds * (1 - VOLUMES_SHARE - COPY_SHARE),
    config: {
      ...(workers !== undefined && { workers }),
      ...{ ...(ingest && { ingest }), ...(ring && { ring }), ...(recording && { recording }) },
    },
  } as const;
  const available = availableBytes();
  const trial = await inScratch(volumes[0] as string, (folder) => runTrial({ ...order, folder }));
  const host = {
    cores: availableParallelism(),
    availableBytes: available,
    copyBytesPerSecond,
    arenaBytes: (config.arena?.maximumMib ?? MAX_ARENA_MIB) * 2 ** 20,
    descriptors: descriptorLimit(),
    descriptorsAtStart: descriptorsFor(0),
    descriptorsPerStream: descriptorsFor(1) - descriptorsFor(0),
    networkBytesPerSecond: networkSpeed(),
  };
  return { measured: { bytesPerSecond, points: trial.points, volumes: speeds, host }, lateMs: trial.lateMs };
}

/** Nothing of a measurement stays in a media folder, nor a folder that was not there. */
async function inScratch<T>(volume: string, work: (folder: string) => Promise<T>): Promise<T> {
  const made = await mkdir(volume, { recursive: true }).catch((error: Error) => {
    throw new Error(`${volume} is no folder that can be measured: ${error.message}`);
  });
  const folder = await mkdtemp(join(volume, ".reel-capacity-")).catch((error: Error) => {
    throw new Error(`nothing can be written into ${volume}: ${error.message}`);
  });
  try {
    return await work(folder);
  } finally {
    await rm(made ?? folder, { recursive: true, force: true });
  }
}

function print({ volumes, bytesPerSecond }: Measured, limits: readonly Limit[], rate: number): void {
  const rows = limits.map(({ part, found, streams }) => [part, found, countText(streams)]);
  console.log();
  printTable(["part", "measured", "streams"], rows, [2]);
  const [first] = limits as [Limit];
  console.log(
    `\nThis host records about ${countText(first.streams)} streams of ${rate} Mb/s; ${first.part} ends first.`,
  );
  for (const volume of volumes) {
    const left = secondsUntilFull(volume, first.streams, bytesPerSecond);
    if (Number.isFinite(left)) console.log(`${volume.folder} is full after ${durationText(1000 * left)} of that.`);
  }
}

/** Two digits that mean something; more would promise what noise decides. */
function countText(streams: number): string {
  if (!Number.isFinite(streams)) return "no limit";
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, streams))) - 1);
  return String(Math.floor(streams / unit) * unit);
}
