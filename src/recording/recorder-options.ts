// What a recorder is opened with, and the defaults (design.md §2, §8 for the numbers of rings and lags).

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Logger, silentLogger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { type Clock, systemClock } from "../time/units.js";
import { DEFAULT_SCHEDULER_OPTIONS, type SchedulerOptions } from "./lifecycle/scheduler.js";
import type { Durability } from "./record-config.js";

export interface RecorderOptions {
  /** The first is the base of relative paths. Default: `media` below the working directory. */
  mediaFolders?: readonly string[];
  /** Default: `.reel` below the working directory. */
  stateFolder?: string;
  /** Threads that drain. Default: one for every two cores. */
  workers?: number;
  arenaMib?: number;
  ringBytes?: number;
  maxRingBytes?: number;
  lagLimitMs?: number;
  durability?: Durability;
  /** With durability=interval: how often growing files are synced. */
  syncIntervalMs?: number;
  /** Record configs at most. Default 10 000. */
  maxConfigs?: number;
  /** Stored configs of another version are set aside; without it such a store cannot be opened. Default false. */
  discardConfigs?: boolean;
  scheduler?: Partial<SchedulerOptions>;
  clock?: Clock;
  logger?: Logger;
}

export type RecorderSettings = Required<Omit<RecorderOptions, "arenaMib" | "scheduler">> & {
  arenaMib: number | undefined;
  scheduler: SchedulerOptions;
};

const MIB = 1024 * 1024;
const DEFAULT_RING_BYTES = 512 * 1024;
const DEFAULT_MAX_RING_BYTES = 64 * MIB;
const MIN_RING_BYTES = 65536;
const DEFAULT_LAG_LIMIT_MS = 2000;
export const DEFAULT_MAX_CONFIGS = 10_000;
/**
 * With what waits in the ring (500 ms, and a tick of 100) and the sync itself a power cut takes less than a second:
 * 1000 took 1.2 s of media.
 */
const SYNC_INTERVAL_MS = 250;

/** Throws ReelError `badArgument`. */
export function completeRecorderOptions(options: RecorderOptions): RecorderSettings {
  const settings: RecorderSettings = {
    mediaFolders: options.mediaFolders ?? [join(process.cwd(), "media")],
    stateFolder: options.stateFolder ?? join(process.cwd(), ".reel"),
    workers: options.workers ?? Math.max(1, Math.floor(availableParallelism() / 2)),
    arenaMib: options.arenaMib,
    ringBytes: options.ringBytes ?? DEFAULT_RING_BYTES,
    maxRingBytes: options.maxRingBytes ?? DEFAULT_MAX_RING_BYTES,
    lagLimitMs: options.lagLimitMs ?? DEFAULT_LAG_LIMIT_MS,
    durability: options.durability ?? "close",
    syncIntervalMs: options.syncIntervalMs ?? SYNC_INTERVAL_MS,
    maxConfigs: options.maxConfigs ?? DEFAULT_MAX_CONFIGS,
    discardConfigs: options.discardConfigs ?? false,
    scheduler: { ...DEFAULT_SCHEDULER_OPTIONS, ...options.scheduler },
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  };
  checkRingBytes(settings.ringBytes, settings.maxRingBytes);
  return settings;
}

function checkRingBytes(initial: number, maximum: number): void {
  for (const bytes of [initial, maximum]) {
    if (bytes < MIN_RING_BYTES || (bytes & (bytes - 1)) !== 0)
      throw new ReelError("badArgument", `ring sizes are powers of two from ${MIN_RING_BYTES} bytes, not ${bytes}`);
  }
  if (initial > maximum)
    throw new ReelError("badArgument", `ring.bytes (${initial}) is larger than ring.maximumBytes (${maximum})`);
}
