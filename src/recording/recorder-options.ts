// What a recorder is opened with, and the defaults (design.md §2, §8 for the numbers of rings and lags).

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { LogLimit } from "../base/log-limit.js";
import { type Logger, silentLogger } from "../base/logger.js";
import { asReelError, ReelError } from "../base/reel-error.js";
import type { DeletionGuard } from "../catalog/segment-deletion.js";
import type { SegmentNode } from "../container/segment-origin.js";
import { MAX_PAST_SECONDS, type PastSettings } from "../stream/past.js";
import { PastBudget } from "../stream/past-budget.js";
import type { PastStore } from "../stream/spilled-past.js";
import { type Clock, systemClock } from "../time/units.js";
import type { ConfigStore } from "./config-store.js";
import { DEFAULT_SCHEDULER_OPTIONS, type SchedulerOptions } from "./lifecycle/scheduler.js";
import type { Durability } from "./record-config.js";
import { type NamePattern, namePattern } from "./rules/name-pattern.js";
import type { RuleOptions } from "./rules/record-rule.js";

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
  /** So much of every stream is kept for recordings that begin in the past. Default 0. */
  preRecordSeconds?: number;
  /** The same of single streams, by their names or by patterns (rules/name-pattern.ts); the first that matches. */
  preRecordStreams?: Readonly<Record<string, number>>;
  /** What all streams may keep together in memory. Default 512. */
  preRecordMib?: number;
  /** What they may keep on a disk besides. Default 0: nothing goes there. */
  preRecordSpillMib?: number;
  /** Where that is. Default: the state folder. */
  preRecordSpillFolder?: string;
  durability?: Durability;
  /** Record configs that do not say have manifests beside their files. Default false. */
  manifests?: boolean;
  /** With durability=interval: how often growing files are synced. */
  syncIntervalMs?: number;
  /** They stand in front of those that are added by `rules.add`. */
  rules?: readonly RuleOptions[];
  /** Record configs at most. Default 10 000. */
  maxConfigs?: number;
  /** Stored configs of another version are set aside; without it such a store cannot be opened. Default false. */
  discardConfigs?: boolean;
  /** What must not be deleted, also where a crash has interrupted its deletion: asked once, at the start. */
  guard?: (store: ConfigStore) => DeletionGuard;
  /** Where ids come from; asked once the state folder is this recorder's. Default: numbers of its own. */
  ids?: () => Promise<RecorderIds>;
  scheduler?: Partial<SchedulerOptions>;
  clock?: Clock;
  logger?: Logger;
}

/** Ids that are unique among several recorders. */
export interface RecorderIds {
  /** Stream ids are above it. */
  readonly firstStreamId: number;
  nextConfigId(): number;
  /** What files of a stream that begin now are marked with. */
  nodeOf(localStreamName: string): SegmentNode;
}

export type RecorderSettings = Required<Omit<RecorderOptions, "arenaMib" | "guard" | "ids" | "scheduler">> & {
  guard: RecorderOptions["guard"];
  arenaMib: number | undefined;
  ids: (() => Promise<RecorderIds>) | undefined;
  scheduler: SchedulerOptions;
};

const MIB = 1024 * 1024;
const DEFAULT_RING_BYTES = 512 * 1024;
const DEFAULT_MAX_RING_BYTES = 64 * MIB;
export const DEFAULT_PRE_RECORD_MIB = 512;
const MIN_RING_BYTES = 65536;
/** What lies between two indices of a ring is less than half of what 32 bits count. */
const MAX_RING_BYTES = 2 ** 30;
const DEFAULT_LAG_LIMIT_MS = 2000;
/** Below the working directory. */
export const DEFAULT_STATE_FOLDER = ".reel";
export const DEFAULT_MAX_CONFIGS = 10_000;
/**
 * With what waits in the ring (500 ms, and a tick of 100) and the sync itself a power cut takes less than a second:
 * 1000 took 1.2 s of media.
 */
const SYNC_INTERVAL_MS = 250;

/** Throws ReelError `badArgument`. */
export function completeRecorderOptions(options: RecorderOptions): RecorderSettings {
  const stateFolder = options.stateFolder ?? join(process.cwd(), DEFAULT_STATE_FOLDER);
  const settings: RecorderSettings = {
    mediaFolders: options.mediaFolders ?? [join(process.cwd(), "media")],
    stateFolder,
    workers: options.workers ?? Math.max(1, Math.floor(availableParallelism() / 2)),
    arenaMib: options.arenaMib,
    ringBytes: options.ringBytes ?? DEFAULT_RING_BYTES,
    maxRingBytes: options.maxRingBytes ?? DEFAULT_MAX_RING_BYTES,
    lagLimitMs: options.lagLimitMs ?? DEFAULT_LAG_LIMIT_MS,
    preRecordSeconds: options.preRecordSeconds ?? 0,
    preRecordStreams: { ...options.preRecordStreams },
    preRecordMib: options.preRecordMib ?? DEFAULT_PRE_RECORD_MIB,
    preRecordSpillMib: options.preRecordSpillMib ?? 0,
    preRecordSpillFolder: options.preRecordSpillFolder ?? stateFolder,
    durability: options.durability ?? "close",
    manifests: options.manifests ?? false,
    syncIntervalMs: options.syncIntervalMs ?? SYNC_INTERVAL_MS,
    rules: options.rules ?? [],
    maxConfigs: options.maxConfigs ?? DEFAULT_MAX_CONFIGS,
    discardConfigs: options.discardConfigs ?? false,
    guard: options.guard,
    ids: options.ids,
    scheduler: { ...DEFAULT_SCHEDULER_OPTIONS, ...options.scheduler },
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  };
  checkRingBytes(settings.ringBytes, settings.maxRingBytes);
  for (const seconds of [settings.preRecordSeconds, ...Object.values(settings.preRecordStreams)])
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_PAST_SECONDS)
      throw new ReelError("badArgument", `preRecord.seconds is a whole number from 0 to ${MAX_PAST_SECONDS}`);
  for (const pattern of Object.keys(settings.preRecordStreams)) patternOf(pattern);
  return settings;
}

function checkRingBytes(initial: number, maximum: number): void {
  for (const bytes of [initial, maximum]) {
    if (bytes < MIN_RING_BYTES || bytes > MAX_RING_BYTES || (bytes & (bytes - 1)) !== 0)
      throw new ReelError(
        "badArgument",
        `ring sizes are powers of two from ${MIN_RING_BYTES} to ${MAX_RING_BYTES} bytes, not ${bytes}`,
      );
  }
  if (initial > maximum)
    throw new ReelError("badArgument", `ring.bytes (${initial}) is larger than ring.maximumBytes (${maximum})`);
}

export interface PastParts {
  /** Seconds that the rules for a stream want. */
  readonly forRules: (localStreamName: string) => number;
  /** Where goes what is more than memory may hold. */
  readonly store: PastStore | undefined;
  readonly onShort: NonNullable<PastSettings["onShort"]>;
}

/** Throws ReelError `badArgument`. */
export function pastSettings(settings: RecorderSettings, { forRules, store, onShort }: PastParts): PastSettings {
  const { preRecordSeconds, preRecordStreams, preRecordMib } = settings;
  const byName = new Map(Object.entries(preRecordStreams));
  const byPattern = Object.entries(preRecordStreams).map(([pattern, seconds]) => ({
    matches: patternOf(pattern),
    seconds,
  }));
  const configured = (name: string): number =>
    byName.get(name) ?? byPattern.find(({ matches }) => matches(name))?.seconds ?? preRecordSeconds;
  const lines = new LogLimit(settings.clock, 1);
  return {
    secondsOf: (name) => Math.max(configured(name), forRules(name)),
    budget: new PastBudget(preRecordMib * MIB, store),
    onShort: (stream, kept) => {
      lines.pass((suppressed) =>
        settings.logger.warn(
          { stream, ...kept, suppressed },
          "there is no room for all of a stream's past: see preRecord.maximumMib, preRecord.spillMib and ring.maximumBytes",
        ),
      );
      onShort(stream, kept);
    },
  };
}

function patternOf(pattern: string): NamePattern {
  try {
    return namePattern(pattern);
  } catch (error) {
    const { code, message } = asReelError(error);
    throw new ReelError(code, `preRecord.streams: ${message}`, {}, { cause: error });
  }
}
