// The recorder: in-streams, record configs and what becomes of them. Configs are matched by exact name; every live match is one recording.
//
//   stream opened ─┐
//   record ────────┴─▶ start ─▶ Recording ─▶ stopped ─▶ (keepAlive: again) ─▶ ended
//
// One process may hold several recorders; nothing here is global.

import { EventEmitter } from "node:events";
import { statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Arena } from "../arena/arena.js";
import { type Logger, silentLogger } from "../arena/logger.js";
import { type ErrorCode, ReelError } from "../arena/reel-error.js";
import type { Gap } from "../stream/gap.js";
import type { InStream } from "../stream/in-stream.js";
import { StreamRegistry } from "../stream/stream-registry.js";
import { type Clock, systemClock } from "../time/units.js";
import { reserveFor } from "../worker/mp4/reserve.js";
import { Pools } from "../worker/pools.js";
import { JsonConfigStore } from "./config-store.js";
import { Finisher } from "./finisher.js";
import type { Interruption } from "./interruption.js";
import { Ledger } from "./ledger.js";
import { Naming, type Target } from "./naming.js";
import type { OutStream } from "./out-stream.js";
import { PeriodicSync } from "./periodic-sync.js";
import {
  CONFIG_FAILED,
  CONFIG_STREAMING,
  CONFIG_WAITING,
  type ConfigStatusCode,
  type Durability,
  type RecordConfig,
  type RecordEntry,
  type RecordOptions,
} from "./record-config.js";
import { completeRecordConfig, readRecordConfigs } from "./record-options.js";
import type { ClosedSince, ConfigStore, RecorderApi } from "./recorder-api.js";
import type { ClosedSegmentReport, FailedSegmentReport, RecorderEvents } from "./recorder-events.js";
import { Recording, type RecordingDeps } from "./recording.js";
import { Recovery } from "./recovery.js";
import { Reservations } from "./reservations.js";
import { DEFAULT_SCHEDULER_OPTIONS, Scheduler, type SchedulerOptions } from "./scheduler.js";
import type { Segment } from "./segment.js";
import { StateLock } from "./state-lock.js";

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
  scheduler?: Partial<SchedulerOptions>;
  clock?: Clock;
  logger?: Logger;
}

const MIB = 1024 * 1024;
const DEFAULT_RING_BYTES = 512 * 1024;
const DEFAULT_MAX_RING_BYTES = 64 * MIB;
const MIN_RING_BYTES = 65536;
const DEFAULT_LAG_LIMIT_MS = 2000;
const SYNC_INTERVAL_MS = 1000;
/** ems-record-spec §3.2: the config is retried on a one-second timer. */
const RETRY_MS = 1000;
/** How long inStreamClosed waits for the files of its recordings; longer means a volume that hangs. */
const CLOSE_ORDER_MS = 10_000;
/** After a full disk recording goes on when so much, or a quarter of a smaller volume, is free: some seconds of a few streams. */
const RESUME_BYTES = 32 * MIB;
const CONFIGS_SECTION = "record";
const NEXT_CONFIG_ID_SECTION = "nextConfigId";

interface Entry extends RecordEntry {
  recordings: Set<Recording>;
  retry: NodeJS.Timeout | undefined;
  isRemoved: boolean;
  /** Where its last recording failed, until the next one has begun. */
  interruption: Interruption | undefined;
  /** The failure that has had its event and lasts. */
  lastFailure: ErrorCode | undefined;
}

function checkRingBytes(initial: number, maximum: number): void {
  for (const bytes of [initial, maximum]) {
    if (bytes < MIN_RING_BYTES || (bytes & (bytes - 1)) !== 0)
      throw new ReelError("badArgument", `ring sizes are powers of two from ${MIN_RING_BYTES} bytes, not ${bytes}`);
  }
  if (initial > maximum) throw new ReelError("badArgument", `ring.bytes (${initial}) is larger than ring.maximumBytes (${maximum})`);
}

export class Recorder extends EventEmitter<RecorderEvents> implements RecorderApi {
  readonly streams: StreamRegistry;
  readonly arena: Arena;
  readonly clock: Clock;
  readonly logger: Logger;
  #store: JsonConfigStore;
  #lock: StateLock;
  #ledger: Ledger;
  #naming: Naming;
  #reservations: Reservations;
  #pools: Pools;
  #scheduler: Scheduler;
  #finisher: Finisher;
  #recovery: Recovery;
  #periodicSync: PeriodicSync;
  #deps: RecordingDeps;
  #entries = new Map<number, Entry>();
  #recordings = new Map<number, Recording>();
  #nextStreamId = 1;
  #nextConfigId: number;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  /** Opens the state folder, reads what the last run left, and takes up its record configs. */
  static async open(options: RecorderOptions = {}): Promise<Recorder> {
    const logger = options.logger ?? silentLogger;
    checkRingBytes(options.ringBytes ?? DEFAULT_RING_BYTES, options.maxRingBytes ?? DEFAULT_MAX_RING_BYTES);
    const stateFolder = options.stateFolder ?? join(process.cwd(), ".reel");
    const lock = await StateLock.take(stateFolder);
    let ledger: Ledger | undefined;
    try {
      const reservations = new Reservations();
      const naming = await Naming.open(options.mediaFolders ?? [join(process.cwd(), "media")], reservations);
      const store = await JsonConfigStore.open(stateFolder, logger);
      ledger = await Ledger.open(stateFolder, logger);
      return new Recorder(options, logger, lock, reservations, naming, store, ledger);
    } catch (error) {
      await ledger?.close();
      lock.release();
      throw error;
    }
  }

  private constructor(
    options: RecorderOptions,
    logger: Logger,
    lock: StateLock,
    reservations: Reservations,
    naming: Naming,
    store: JsonConfigStore,
    ledger: Ledger,
  ) {
    super();
    this.setMaxListeners(0);
    this.logger = logger;
    this.clock = options.clock ?? systemClock;
    this.#lock = lock;
    this.#naming = naming;
    this.#reservations = reservations;
    this.#store = store;
    this.#ledger = ledger;
    this.arena = new Arena(options.arenaMib === undefined ? {} : { maximumBytes: options.arenaMib * MIB });
    const schedulerOptions = { ...DEFAULT_SCHEDULER_OPTIONS, ...options.scheduler };
    const workers = options.workers ?? Math.max(1, Math.floor(availableParallelism() / 2));
    this.#pools = new Pools(this.arena, { workers, spareThreads: schedulerOptions.spareThreads });
    this.#scheduler = new Scheduler(this.arena, this.#pools, this.clock, logger, schedulerOptions);
    const onClosed = (report: ClosedSegmentReport): boolean => this.emit("segmentClosed", report);
    const onFailed = (report: FailedSegmentReport): boolean => this.emit("segmentFailed", report);
    this.#recovery = new Recovery({ pools: this.#pools, ledger, reservations, naming, clock: this.clock, logger, lockPath: lock.path, onClosed, onFailed });
    this.#finisher = new Finisher({
      arena: this.arena,
      pools: this.#pools,
      clock: this.clock,
      ledger,
      naming,
      logger,
      lockPath: lock.path,
      durability: options.durability ?? "close",
      onClosed,
      onFailed,
      reservations,
      recovery: this.#recovery,
    });
    const durability = options.durability ?? "close";
    this.#periodicSync = new PeriodicSync(this.#pools, logger, options.syncIntervalMs ?? SYNC_INTERVAL_MS, () =>
      [...this.#recordings.values()].flatMap((recording) =>
        recording.segment?.isOpen && (recording.config.durability ?? durability) === "interval" ? [recording.segment] : [],
      ),
    );
    this.#deps = {
      arena: this.arena,
      clock: this.clock,
      naming,
      reservations,
      finisher: this.#finisher,
      lockPath: lock.path,
      reserveBytes: reserveFor,
      listener: {
        segmentOpened: (recording, segment) => {
          const entry = this.#entries.get(recording.config.configId);
          if (entry) entry.lastFailure = undefined;
          this.#segmentOpened(segment);
        },
        segmentFailed: (recording, segment, error) => this.#segmentFailed(recording, segment, error),
        gap: (recording, segment, gap) => this.#gap(recording, segment, gap),
        handOver: (recording, index) => this.#handOver(recording, index),
        stopped: (recording, failure) => this.#stopped(recording, failure),
        ended: (recording) => this.#ended(recording),
        wake: () => this.#scheduler.kick(),
      },
    };
    this.streams = new StreamRegistry(
      this.arena,
      this.clock,
      {
        ringBytes: options.ringBytes ?? DEFAULT_RING_BYTES,
        maxRingBytes: options.maxRingBytes ?? DEFAULT_MAX_RING_BYTES,
        lagLimitMs: options.lagLimitMs ?? DEFAULT_LAG_LIMIT_MS,
      },
      () => this.nextStreamId(),
    );
    this.streams.on("opened", (stream) => this.#streamOpened(stream));
    this.streams.on("ended", (stream, reason) => this.#streamEnded(stream, reason));
    const saved = readRecordConfigs(store.get(CONFIGS_SECTION), logger);
    const savedNext = store.get(NEXT_CONFIG_ID_SECTION);
    this.#nextConfigId = Math.max(typeof savedNext === "number" ? savedNext : 1, ...saved.map((config) => config.configId + 1));
    this.#recovery.start(naming.folders);
    for (const config of saved) this.#entries.set(config.configId, this.#newEntry(config, config.pathToFile));
  }

  /** Resolves when what an earlier run left unfinished is finished, or named as not recoverable. */
  whenRecovered(): Promise<void> {
    return this.#recovery.whenDone();
  }

  get mediaFolders(): readonly string[] {
    return this.#naming.folders;
  }
  get store(): ConfigStore {
    return this.#store;
  }
  /** The lock that the journals of this recorder name; tools refuse them while it is held. */
  get lockPath(): string {
    return this.#lock.path;
  }

  nextStreamId(): number {
    return this.#nextStreamId++;
  }

  nextConfigId(): number {
    const id = this.#nextConfigId++;
    this.#store.set(NEXT_CONFIG_ID_SECTION, this.#nextConfigId);
    return id;
  }

  async record(options: RecordOptions): Promise<RecordEntry> {
    if (this.#isClosing) throw new ReelError("closed", "the server is stopping");
    const complete = completeRecordConfig(options);
    const isLive = this.streams.get(complete.localStreamName) !== undefined;
    const target = isLive ? await this.#naming.claim(complete) : await this.#naming.resolve(complete);
    const config: RecordConfig = { ...complete, configId: this.nextConfigId() };
    const entry = this.#newEntry(config, target.computedPathToFile);
    this.#entries.set(config.configId, entry);
    if (config.keepAlive) this.#save();
    const stream = this.streams.get(config.localStreamName);
    if (stream) this.#start(entry, stream, stream.ring.head, isLive ? target : undefined);
    else if (isLive && !config.dateFolderStructure) this.#reservations.giveBack(target.basePath);
    return entry;
  }

  configs(): readonly RecordEntry[] {
    return [...this.#entries.values()];
  }

  removeConfig(configId: number): RecordEntry | undefined {
    const entry = this.#entries.get(configId);
    if (!entry) return undefined;
    this.#forget(entry);
    for (const recording of entry.recordings) recording.stop();
    return entry;
  }

  outStreams(): readonly OutStream[] {
    return [...this.#recordings.values()];
  }

  outStreamsOf(inStreamId: number): readonly OutStream[] {
    return [...this.#recordings.values()].filter((recording) => recording.inStream.id === inStreamId && !recording.isStopped);
  }

  stopOutStream(id: number, permanently: boolean): boolean {
    const recording = this.#recordings.get(id);
    if (!recording) return false;
    const entry = this.#entries.get(recording.config.configId);
    if (entry && !permanently && entry.config.keepAlive) recording.handOver();
    else {
      if (entry) this.#forget(entry);
      // A hand-over may have given it a successor, which belongs to the same config.
      for (const own of entry?.recordings ?? []) own.stop();
      recording.stop();
    }
    return true;
  }

  closedSince(sequence: number): Promise<ClosedSince> {
    return this.#ledger.closedSince(sequence);
  }

  close(): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const entry of this.#entries.values()) clearTimeout(entry.retry);
    for (const stream of this.streams.list()) stream.end("server stopping");
    for (const recording of this.#recordings.values()) recording.stop();
    this.#finisher.close();
    while (this.#recordings.size > 0) await Promise.all([...this.#recordings.values()].map((recording) => recording.whenEnded));
    await this.#finisher.whenIdle();
    await this.#recovery.close();
    this.#scheduler.close();
    this.#periodicSync.close();
    await this.#store.flush();
    await this.#ledger.close();
    await this.#pools.close();
    this.#lock.release();
  }

  #newEntry(config: RecordConfig, computedPathToFile: string): Entry {
    const current = { code: CONFIG_WAITING, timestamp: Math.floor(this.clock.wallMs() / 1000), uniqueStreamId: 0 } as const;
    return {
      config,
      computedPathToFile,
      status: { current, previous: null },
      recordings: new Set(),
      retry: undefined,
      isRemoved: false,
      interruption: undefined,
      lastFailure: undefined,
    };
  }

  #setStatus(entry: Entry, code: ConfigStatusCode, uniqueStreamId = 0): void {
    if (entry.status.current.code === code && entry.status.current.uniqueStreamId === uniqueStreamId) return;
    entry.status = { current: { code, uniqueStreamId, timestamp: Math.floor(this.clock.wallMs() / 1000) }, previous: entry.status.current };
  }

  #streamOpened(stream: InStream): void {
    stream.on("gap", (gap) => {
      for (const recording of this.#recordings.values()) if (recording.inStream === stream && !recording.isStopped) recording.onGap(gap);
    });
    stream.on("full", () => this.#scheduler.kick());
    stream.on("settled", () => this.#scheduler.kick());
    this.emit("inStreamCreated", stream);
    for (const entry of this.#entries.values()) {
      if (entry.config.localStreamName === stream.name && !this.#isClosing) this.#start(entry, stream, stream.ring.head, undefined);
    }
  }

  #streamEnded(stream: InStream, reason: string): void {
    const own = [...this.#recordings.values()].filter((recording) => recording.inStream === stream);
    for (const recording of own) recording.stop();
    for (const entry of this.#entries.values()) if (entry.interruption?.stream === stream) this.#endInterruption(entry, entry.interruption);
    // The spec's order at an end: recordChunkClosed, outStreamClosed, inStreamClosed (§6.3). A volume that hangs does not hold it up for ever.
    const report = (): boolean => this.emit("inStreamClosed", stream, reason);
    if (own.length === 0) report();
    else void Promise.race([Promise.all(own.map((recording) => recording.whenEnded)), delay(CLOSE_ORDER_MS, undefined, { ref: false })]).then(report);
  }

  /** The cursor hangs on the ring from this moment; finding the name takes its time while the ring holds the frames. */
  #start(entry: Entry, stream: InStream, index: number, target: Target | undefined): void {
    clearTimeout(entry.retry);
    let recording: Recording;
    try {
      recording = new Recording(this.nextStreamId(), entry.config, stream, index, this.#deps);
    } catch (error) {
      this.#cannotStart(entry, stream, target, error);
      return;
    }
    recording.resumes = entry.interruption;
    entry.interruption = undefined;
    this.#recordings.set(recording.id, recording);
    entry.recordings.add(recording);
    this.#setStatus(entry, CONFIG_STREAMING, recording.id);
    const begin = (found: Target): void => {
      if (recording.isStopped) {
        if (!entry.config.dateFolderStructure) this.#reservations.giveBack(found.basePath);
        return;
      }
      entry.computedPathToFile = found.computedPathToFile;
      recording.begin(found);
      this.#scheduler.add(recording);
      this.emit("outStreamCreated", recording);
    };
    if (target) begin(target);
    else {
      this.#naming.claim(entry.config).then(begin, (error: unknown) => {
        recording.fail(error instanceof ReelError ? error : new ReelError("io", (error as Error).message, {}, { cause: error }));
      });
    }
  }

  /** No shared memory for it: neither the stream nor what else is recorded may suffer from that. */
  #cannotStart(entry: Entry, stream: InStream, target: Target | undefined, error: unknown): void {
    this.logger.warn({ err: error, stream: stream.name, configId: entry.config.configId }, "a recording could not start");
    if (target && !entry.config.dateFolderStructure) this.#reservations.giveBack(target.basePath);
    this.#setStatus(entry, CONFIG_FAILED);
    if (!entry.config.keepAlive) this.#forget(entry);
    else if (!this.#isClosing) this.#retryLater(entry, target, undefined);
  }

  #handOver(recording: Recording, index: number): void {
    const entry = this.#entries.get(recording.config.configId);
    if (entry && !this.#isClosing) this.#start(entry, recording.inStream, index, undefined);
  }

  #stopped(recording: Recording, failure: ReelError | undefined): void {
    const entry = this.#entries.get(recording.config.configId);
    if (!entry) return;
    entry.recordings.delete(recording);
    if (entry.recordings.size > 0) return; // its successor is running
    if (!entry.config.keepAlive) {
      this.#forget(entry);
      return;
    }
    entry.interruption = recording.interruption ?? recording.resumes;
    this.#setStatus(entry, failure ? CONFIG_FAILED : CONFIG_WAITING);
    if (!this.#isClosing) this.#retryLater(entry, recording.target, failure?.code);
  }

  /** keepAlive: tried again every second while the stream lives. A sick volume, or a full one, is waited for: a state, not an event a second. */
  #retryLater(entry: Entry, target: Target | undefined, cause: ErrorCode | undefined): void {
    clearTimeout(entry.retry);
    entry.retry = setTimeout(() => {
      void this.#mayWriteAgain(target, cause).then((may) => {
        if (entry.isRemoved || entry.recordings.size > 0 || this.#isClosing) return;
        const stream = this.streams.get(entry.config.localStreamName);
        if (!stream || stream.ended) return;
        if (may) this.#start(entry, stream, stream.ring.head, undefined);
        else this.#retryLater(entry, target, cause);
      });
    }, RETRY_MS);
  }

  async #mayWriteAgain(target: Target | undefined, cause: ErrorCode | undefined): Promise<boolean> {
    if (!target) return true;
    if (this.#scheduler.isSick(target.volume)) return false;
    if (cause !== "diskFull") return true;
    try {
      const volume = await statfs(dirname(target.basePath));
      return volume.bavail * volume.bsize >= Math.min(RESUME_BYTES, (volume.blocks * volume.bsize) / 4);
    } catch {
      return true; // the volume is gone: the next try says so
    }
  }

  #ended(recording: Recording): void {
    this.#scheduler.remove(recording);
    this.#recordings.delete(recording.id);
    // One that never got a name was never announced.
    if (recording.target) this.emit("outStreamClosed", recording);
  }

  /** The stream ended before its recording could go on. */
  #endInterruption(entry: Entry, interruption: Interruption): void {
    entry.interruption = undefined;
    const gap = interruption.untilEnd();
    this.logger.warn({ stream: interruption.stream.name, path: entry.computedPathToFile, ...gap }, "gap");
    this.emit("gap", gap, { path: entry.computedPathToFile, variables: entry.config.variables, startedMs: interruption.stream.createdMs, sequence: 0 });
  }

  #segmentOpened(segment: Segment): void {
    segment.sequence = this.#ledger.nextSequence();
    const report = segment.report();
    void this.#ledger.append({ type: "opened", report }).then(() => this.emit("segmentOpened", report));
  }

  #segmentFailed(recording: Recording, segment: Segment | undefined, error: ReelError): void {
    const entry = this.#entries.get(recording.config.configId);
    // A config that is tried again every second and fails the same way each time is a state: it has had its event.
    if (!segment?.isOpen && entry?.lastFailure === error.code) return;
    if (entry) entry.lastFailure = error.code;
    const path = segment?.path ?? recording.target?.basePath ?? recording.config.pathToFile;
    this.logger.warn({ stream: recording.inStream.name, path, code: error.code }, error.message);
    const base = segment?.report() ?? { path, variables: recording.config.variables, startedMs: this.clock.wallMs(), sequence: 0 };
    this.emit("segmentFailed", { ...base, code: error.code, error: error.message });
  }

  #gap(recording: Recording, segment: Segment | undefined, gap: Gap): void {
    const path = segment?.path ?? recording.target?.basePath ?? recording.config.pathToFile;
    this.logger.warn({ stream: recording.inStream.name, path, ...gap }, "gap");
    this.emit("gap", gap, segment?.report() ?? { path, variables: recording.config.variables, startedMs: recording.createdMs, sequence: 0 });
  }

  #forget(entry: Entry): void {
    entry.isRemoved = true;
    clearTimeout(entry.retry);
    this.#entries.delete(entry.config.configId);
    if (entry.config.keepAlive) this.#save();
  }

  #save(): void {
    this.#store.set(
      CONFIGS_SECTION,
      [...this.#entries.values()].filter((entry) => entry.config.keepAlive).map((entry) => entry.config),
    );
  }
}
