// Retention: deletes what the rules of record configs and media folders no longer keep, oldest first, and stops
// recordings where a volume fills up all the same (ladder.ts). It reads the catalogue, which is the one place that
// deletes; what grows, is held or waits for its finish is never touched.
//
//   poll (1 s) ─▶ look at the volumes ─▶ ladder ─▶ plan ─▶ catalog.delete
//                                            └─▶ admission: who may record

import { EventEmitter } from "node:events";
import { isAbsolute, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { LogLimit } from "../base/log-limit.js";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { DELETION_CAUSES, type DeletionCause } from "../catalog/segment-report.js";
import type { RecordConfig } from "../recording/record-config.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import { MAX_PRIORITY, RETENTION_FIELDS, type RetentionRule } from "../recording/retention-rule.js";
import type { Clock } from "../time/units.js";
import { Deleter } from "./deleter.js";
import { FolderWatch, folderOf, type LookAt } from "./folder-watch.js";
import { type Hold, Holds, type HoldWish, holdsGuard } from "./holds.js";
import { RETENTION_STEPS, type RetentionStepName } from "./ladder.js";
import { RetainsFiles } from "./own-rules.js";
import { planSteps } from "./plan-all.js";
import type { PlannedDeletion } from "./retention-plan.js";
import { SegmentIndex } from "./segment-index.js";
import { patienceMs, SpaceToCome } from "./space-to-come.js";

export interface RetentionSettings extends RetentionRule {
  /** Rules of single media folders, for all files in them. */
  readonly folders?: readonly (RetentionRule & { readonly folder: string })[] | undefined;
}

export interface RetentionParts {
  readonly recorder: RecorderApi;
  /** `seconds`, `bytes` and `segments` are the defaults of record configs, the others those of media folders. */
  readonly settings?: RetentionSettings | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A file that somebody else still needs (its upload is to come): no rule deletes it. */
  readonly isNeeded?: (id: number) => boolean;
  /** What a media folder and its volume say; a test answers in their place. */
  readonly lookAt?: LookAt;
}

/** A step of the ladder was taken. */
export interface RetentionStep {
  readonly folder: string;
  readonly step: RetentionStepName;
  readonly freeBytes: number;
  readonly minimumFreeBytes: number;
  /** Of the recordings that it ended. */
  readonly configIds: readonly number[];
}

/** A recording, and the volume that it writes to: priorities are compared on the whole of it. */
interface Running {
  readonly config: RecordConfig;
  readonly folder: FolderWatch | undefined;
}

const POLL_MS = 1000;
/** Expired files are looked for so often where nothing else asks for it. */
const IDLE_MS = 10_000;
/** It rests for so many times as long as it has worked, but where a volume is low. */
const PLAN_SHARE = 20;
/** The catalogue is read again so long after it could not be. */
const LOAD_RETRY_MS = 60_000;
/** EMS writes the first media folder so. */
const EMS_PREFIX = /^\.\.\/media\//;
/** Looks, steps and deletions of one poll. */
const MAX_ROUNDS = 8;

export class Retention extends EventEmitter<{ step: [step: RetentionStep] }> implements Collector {
  readonly #parts: RetentionParts;
  readonly #folders: readonly FolderWatch[];
  readonly #index: SegmentIndex;
  readonly #holds: Holds;
  readonly #retainsFiles: RetainsFiles;
  readonly #deleter: Deleter;
  readonly #deleted = new Map<DeletionCause, { segments: number; bytes: number }>();
  readonly #failures: LogLimit;
  /** By volume. */
  readonly #toCome = new Map<FolderWatch["volume"], SpaceToCome>();
  #needsLoad = true;
  #loading: Promise<void> | undefined;
  #loadAfterMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  /** Its end, and how long it rests after that at least. */
  #plannedMs = Number.NEGATIVE_INFINITY;
  #restMs = 0;
  #isDirty = true;
  #isClosed = false;

  private constructor(parts: RetentionParts) {
    super();
    const { recorder, settings = {}, clock, logger } = parts;
    this.#parts = parts;
    this.#failures = new LogLimit(clock, 1);
    this.#holds = new Holds(recorder.store, clock, logger);
    this.#retainsFiles = new RetainsFiles(recorder.store, logger);
    this.#folders = recorder.mediaFolders.map((folder) => {
      const own = settings.folders?.find((entry) => entry.folder === folder);
      const { freeBytes, freePercent } = settings;
      return new FolderWatch(folder, { freeBytes, freePercent, ...own }, clock, parts.lookAt);
    });
    for (const cause of Object.keys(DELETION_CAUSES) as DeletionCause[])
      this.#deleted.set(cause, { segments: 0, bytes: 0 });
    this.#index = new SegmentIndex(recorder.catalog, () => {
      this.#isDirty = true;
      if (this.#index.hasOwnRules) this.#retainsFiles.value = true;
    });
    // Its config may be gone before anybody looks, and so may this process.
    recorder.on("segmentOpened", ({ sequence, wishes }) => {
      this.#index.opened(sequence, wishes);
      if (wishes?.retain) this.#retainsFiles.value = true;
    });
    this.#deleter = new Deleter(recorder.catalog, this.#index, clock, logger);
    // For as long as the catalogue is open: others may delete behind the end of this.
    recorder.catalog.guard(holdsGuard(this.#holds));
    recorder.catalog.onDeleted(({ cause, sizeBytes }) => {
      const sum = this.#deleted.get(cause) as { segments: number; bytes: number };
      sum.segments++;
      sum.bytes += sizeBytes;
    });
    recorder.admission = (config) => this.#refusalOf(config);
  }

  /** Throws ReelError `badArgument` where a rule names a folder that is none of the recorder's. */
  static start(parts: RetentionParts): Retention {
    for (const { folder } of parts.settings?.folders ?? [])
      if (!parts.recorder.mediaFolders.includes(folder))
        throw new ReelError(
          "badArgument",
          `retention.folders: ${folder} is no media folder; they are ${parts.recorder.mediaFolders.join(", ")}`,
        );
    const retention = new Retention(parts);
    retention.#timer = setInterval(() => retention.#poll(), POLL_MS).unref();
    retention.#keepLoaded();
    return retention;
  }

  /** Without any rule the catalogue is not read. */
  #keepLoaded(): void {
    const changed = this.#folders.filter((folder) => folder.takeChange());
    if (changed.length > 0) this.#needsLoad = true;
    const hasRules = this.#hasRules();
    if (!this.#needsLoad || this.#loading || !hasRules) return;
    if (this.#parts.clock.monotonicMs() < this.#loadAfterMs) return;
    this.#needsLoad = false;
    this.#loading = this.#load().finally(() => {
      this.#loading = undefined;
      this.#isDirty = true;
    });
  }

  async #load(): Promise<void> {
    try {
      await this.#parts.recorder.whenCatalogued();
      if (!this.#isClosed) await this.#index.load();
    } catch (error) {
      this.#needsLoad = true;
      this.#loadAfterMs = this.#parts.clock.monotonicMs() + LOAD_RETRY_MS;
      if (!this.#isClosed)
        this.#parts.logger.warn({ err: error }, "the catalogue could not be read for retention; it is tried again");
    }
  }

  #hasRules(): boolean {
    const { settings = {}, recorder } = this.#parts;
    const isBound = (rule: RetentionRule): boolean => RETENTION_FIELDS.some((field) => rule[field]);
    const hasOwn = recorder.configs().some(({ config }) => isBound(config.retain)) || this.#index.hasOwnRules;
    // Until the catalogue has been read nobody knows what its files have brought.
    if (hasOwn || this.#index.isLoaded) this.#retainsFiles.value = hasOwn;
    return this.#retainsFiles.value || [settings, ...this.#folders.map(({ rule }) => rule)].some(isBound);
  }

  /** Resolves when it has looked once more and done what there was to do. */
  async run(): Promise<void> {
    await this.#polling;
    this.#isDirty = true;
    this.#restMs = 0;
    await this.#poll();
  }

  /** What a run would delete now, oldest first; nothing is changed. */
  async plan(): Promise<PlannedDeletion[]> {
    await this.#look();
    return this.#plan(true);
  }

  /** True when the catalogue has been read: until then age alone is a reason, and files may be missing from a plan. */
  get isComplete(): boolean {
    return this.#index.isLoaded || !this.#hasRules();
  }

  /** Throws ReelError `badArgument`, `limit`, and `targetBusy` where the file goes just now. */
  hold(wish: HoldWish): Hold {
    const { sequence } = wish;
    if (sequence !== undefined && this.#parts.recorder.catalog.isGoing(sequence))
      throw new ReelError("targetBusy", `the file of ${sequence} is just being deleted`);
    return this.#holds.add(wish);
  }
  release(holdId: number): Hold | undefined {
    this.#isDirty = true;
    return this.#holds.release(holdId);
  }
  get holds(): readonly Hold[] {
    return this.#holds.all;
  }

  /** Until the volume that a config records to has no more than its minimum free; undefined where it does not fill. */
  hoursLeft(pathToFile: string): number | undefined {
    return this.#folderOf(pathToFile)?.hoursLeft;
  }

  collect(): readonly Sample[] {
    const causes = [...this.#deleted].flatMap(([cause, { segments, bytes }]) => [
      counter("reel_deleted_segments_total", "Files that were deleted, by cause.", segments, { cause }),
      counter("reel_deleted_bytes_total", "Bytes of files that were deleted, by cause.", bytes, { cause }),
    ]);
    const steps = this.#folders.map(({ folder, ladder }) =>
      gauge(
        "reel_retention_step",
        "Step of the ladder that a media folder is on: 0 none, 1 deletes what has expired, 2 the oldest, 3 stops the lowest priority, 4 all.",
        RETENTION_STEPS.indexOf(ladder.step),
        { folder },
      ),
    );
    return [
      ...causes,
      ...steps,
      gauge("reel_retained_segments", "Files that retention looks after.", this.#index.size),
      gauge("reel_holds", "Holds.", this.#holds.all.length),
    ];
  }

  /** Deletes nothing any more; to be called before the recorder closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#index.stop();
    await this.#polling;
    await this.#holds.whenSaved();
    await this.#retainsFiles.whenSaved();
  }

  #poll(): Promise<void> {
    this.#polling ??= this.#work()
      .catch((error: unknown) =>
        this.#failures.pass(() => this.#parts.logger.warn({ err: error }, "retention failed; it is tried again")),
      )
      .finally(() => {
        this.#polling = undefined;
      });
    return this.#polling;
  }

  async #work(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS && !this.#isClosed; round++) {
      await this.#look();
      this.#keepLoaded();
      // One look for all folders: what one of them stops must not be the next one's reason to stop more.
      const running = this.#running();
      const nowMs = this.#parts.clock.monotonicMs();
      const isLow = this.#folders.some((folder) => folder.isLow);
      if (!isLow && !this.#isDue(nowMs)) {
        // Whoever has room again needs no plan.
        for (const folder of this.#folders) this.#climb(folder, [], running, nowMs);
        return;
      }
      this.#isDirty = false;
      let plan = await this.#plan(false);
      const stepped = this.#folders.filter((folder) => this.#climb(folder, plan, running, nowMs));
      if (stepped.length > 0) plan = await this.#plan(false);
      const deleted = await this.#deleter.carryOut(plan, () => this.#isClosed);
      const endMs = this.#parts.clock.monotonicMs();
      this.#plannedMs = endMs;
      this.#restMs = Math.min((endMs - nowMs) * PLAN_SHARE, IDLE_MS);
      for (const [volume, toCome] of this.#toCome) toCome.deleted(this.#bytesOn(volume, deleted), endMs);
      if (deleted.length === 0 && stepped.length === 0) return;
    }
  }

  async #look(): Promise<void> {
    await Promise.all(this.#folders.map((watch) => watch.look(() => this.#index.someIn(watch.folder))));
    const nowMs = this.#parts.clock.monotonicMs();
    // One look for each volume, whatever the number of its folders.
    for (const { volume, type, room } of new Map(this.#folders.map((folder) => [folder.volume, folder])).values()) {
      if (!room) continue;
      const toCome = this.#toCome.get(volume) ?? new SpaceToCome(patienceMs(type));
      this.#toCome.set(volume, toCome);
      toCome.seen(room.freeBytes, nowMs);
    }
  }

  #isDue(nowMs: number): boolean {
    const sinceMs = nowMs - this.#plannedMs;
    return sinceMs >= IDLE_MS || (this.#isDirty && sinceMs >= this.#restMs);
  }

  /** Others have their turn in between; a file that has got a hold meanwhile is kept where it is deleted. */
  async #plan(isDry: boolean): Promise<PlannedDeletion[]> {
    const { recorder, settings = {}, clock, isNeeded } = this.#parts;
    const { seconds, bytes, segments } = settings;
    const configs = new Map(recorder.configs().map(({ config }) => [config.configId, config]));
    const ofStreams = [...configs.values()].filter(({ retain }) => retain.scope === "stream");
    const streamRules = new Map(ofStreams.map(({ localStreamName, retain }) => [localStreamName, retain]));
    const steps = planSteps({
      segments: this.#index.sorted(),
      mayGo: (segment) =>
        this.#deleter.mayTry(segment) && this.#holds.holdOf(segment) === undefined && !isNeeded?.(segment.id),
      folders: this.#folders,
      configOf: (configId) => configs.get(configId),
      streamRuleOf: (name) => streamRules.get(name),
      byDefault: { seconds, bytes, segments },
      makesRoom: (folder) => isDry || makesRoom(folder),
      toCome: ({ volume }) => this.#toCome.get(volume)?.bytes ?? 0,
      isComplete: this.#index.isLoaded,
      nowMs: clock.wallMs(),
    });
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      await setImmediate();
    }
  }

  /** Takes the next step of a folder, where there is one to take. */
  #climb(folder: FolderWatch, plan: readonly PlannedDeletion[], all: readonly Running[], nowMs: number): boolean {
    const { room, ladder, minimumBytes, volume } = folder;
    if (!room || minimumBytes === 0) return false;
    const running = all.filter((one) => one.folder?.volume === volume);
    const { freeBytes } = room;
    const deletableBytes = this.#index.isLoaded
      ? this.#bytesOn(volume, plan) + (this.#toCome.get(volume)?.bytes ?? 0)
      : Number.POSITIVE_INFINITY;
    const step = ladder.look({ freeBytes, minimumBytes, deletableBytes, canStop: running.length > 0, nowMs });
    if (step === undefined) return false;
    if (step === "stopAll") folder.stoppedUpTo = MAX_PRIORITY;
    else if (step === "stopLowest") folder.stoppedUpTo = Math.min(...running.map(({ config }) => config.priority));
    else folder.stoppedUpTo = -1;
    const configIds = running
      .filter((one) => one.folder === folder && this.#refusalOf(one.config))
      .map(({ config }) => config.configId);
    const told = { folder: folder.folder, step, freeBytes, minimumFreeBytes: minimumBytes, configIds };
    this.#parts.logger.warn(told, "step of retention");
    this.#parts.recorder.enforceAdmission();
    this.emit("step", told);
    return true;
  }

  #running(): Running[] {
    const running = this.#parts.recorder.outStreams().filter(({ isStopped }) => !isStopped);
    return running.map(({ currentPath, config }) => ({
      config,
      folder: this.#folderOf(currentPath ?? config.pathToFile),
    }));
  }

  #refusalOf({ pathToFile, priority }: RecordConfig): ReelError | undefined {
    const folder = this.#folderOf(pathToFile);
    if (!folder || priority > folder.stoppedUpTo) return undefined;
    const { room, minimumBytes, folder: name } = folder;
    return new ReelError(
      "diskFull",
      `${name} has ${room?.freeBytes ?? 0} bytes free of the ${minimumBytes} that retention keeps free, and nothing is left to delete: recordings of priority ${folder.stoppedUpTo} and below are stopped`,
      { folder: name },
    );
  }

  /** Relative paths start at the first media folder. */
  #folderOf(pathToFile: string): FolderWatch | undefined {
    const [first] = this.#folders;
    const path = isAbsolute(pathToFile) ? pathToFile : join(first?.folder ?? "/", pathToFile.replace(EMS_PREFIX, ""));
    return folderOf(this.#folders, path) ?? first;
  }

  #bytesOn(volume: FolderWatch["volume"], deletions: readonly PlannedDeletion[]): number {
    const there = deletions.filter(({ segment }) => folderOf(this.#folders, segment.path)?.volume === volume);
    return there.reduce((sum, { segment }) => sum + segment.sizeBytes, 0);
  }
}

/** From the second step on. */
function makesRoom({ ladder, room }: FolderWatch): boolean {
  return room !== undefined && ladder.step !== "ok" && ladder.step !== "deleteExpired";
}
