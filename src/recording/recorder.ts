// The recorder: the parts of this folder put together, behind the interface of recorder-api.ts. One process may hold
// several recorders; nothing here is global.

import { EventEmitter } from "node:events";
import { Arena } from "../arena/arena.js";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../base/samples.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { ClosedSince } from "../catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "../catalog/segment-report.js";
import { reserveFor } from "../container/mp4/reserve.js";
import type { Gap, GapCause } from "../stream/gap.js";
import { StreamRegistry } from "../stream/stream-registry.js";
import type { Clock } from "../time/units.js";
import { Pools } from "../worker/pools.js";
import { ClockedConfigs } from "./clock/clocked-configs.js";
import { ConfigIds } from "./config-ids.js";
import { stateSamples } from "./config-states.js";
import type { ConfigStore } from "./config-store.js";
import type { EmbeddedRecorder } from "./embedded-recorder.js";
import { Copies } from "./finishing/copies.js";
import { Finisher } from "./finishing/finisher.js";
import { Manifests } from "./finishing/manifests.js";
import { Recovery } from "./finishing/recovery.js";
import { RestartGaps } from "./finishing/restart-gaps.js";
import { FrameWriter } from "./frame-writer.js";
import type { Admission } from "./lifecycle/admission.js";
import type { ConfigEntry } from "./lifecycle/config-entry.js";
import type { OutStream } from "./lifecycle/out-stream.js";
import { type GrowingSegment, PeriodicSync } from "./lifecycle/periodic-sync.js";
import { RecordingReports } from "./lifecycle/recording-reports.js";
import { RecordingSupervisor } from "./lifecycle/recording-supervisor.js";
import { Scheduler } from "./lifecycle/scheduler.js";
import type { Segment } from "./lifecycle/segment.js";
import { SpillFile } from "./past/spill-file.js";
import { CUT_OFF } from "./received-note.js";
import { ReceivedNotes } from "./received-notes.js";
import {
  CONFIG_FAILED,
  CONFIG_STREAMING,
  CONFIG_WAITING,
  type Durability,
  type RecordEntry,
  type RecordOptions,
} from "./record-config.js";
import { readRecordConfigs, type ServerDefaulted, withServerDefaults } from "./record-options.js";
import { RecordStarter } from "./record-starter.js";
import type { RecorderApi } from "./recorder-api.js";
import type { RecorderEvents } from "./recorder-events.js";
import {
  completeRecorderOptions,
  pastSettings,
  type RecorderOptions,
  type RecorderSettings,
} from "./recorder-options.js";
import { giveBack, openRecorderState, type RecorderState } from "./recorder-state.js";
import { type Loss, type RecordedTotals, RecordingTotals } from "./recording-totals.js";
import { RecordRules, type RulesApi } from "./rules/record-rules.js";
import { RuleList } from "./rules/rule-list.js";
import { SectionWriter } from "./section-writer.js";

const MIB = 1024 * 1024;
const RECORD_STATES = [CONFIG_STREAMING, CONFIG_WAITING, CONFIG_FAILED] as const;
const CONFIGS_SECTION = "record";

export class Recorder extends EventEmitter<RecorderEvents> implements RecorderApi, EmbeddedRecorder {
  readonly streams: StreamRegistry;
  readonly arena: Arena;
  /** Also of the rooms above that keep something of their own. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  #state: RecorderState;
  #pools: Pools;
  #scheduler: Scheduler;
  #finisher: Finisher;
  #recovery: Recovery;
  readonly #copies: Copies;
  readonly #spillFile: SpillFile | undefined;
  #periodicSync: PeriodicSync;
  #supervisor: RecordingSupervisor;
  readonly #receivedNotes: ReceivedNotes;
  readonly #totals: RecordingTotals;
  readonly #savedConfigs: SectionWriter;
  #nextStreamId: number;
  readonly #starter: RecordStarter;
  readonly #rules: RecordRules;
  readonly #ruleList: RuleList;
  readonly #clocked: ClockedConfigs;
  readonly #settle: <O extends ServerDefaulted>(options: O) => O;
  readonly #configIds: ConfigIds;
  #closed: Promise<void> | undefined;

  /** Opens the state folder, reads what the last run left, and takes up its record configs. */
  static async open(options: RecorderOptions = {}): Promise<Recorder> {
    const settings = completeRecorderOptions(options);
    const state = await openRecorderState(settings);
    try {
      return new Recorder(settings, state);
    } catch (error) {
      await giveBack(state);
      throw error;
    }
  }

  private constructor(settings: RecorderSettings, state: RecorderState) {
    super();
    this.setMaxListeners(0);
    const { clock, logger, durability, ringBytes, maxRingBytes, lagLimitMs } = settings;
    const { naming, reservations, ledger, catalog } = state;
    this.logger = logger;
    this.clock = clock;
    this.stateFolder = settings.stateFolder;
    this.#state = state;
    this.#nextStreamId = (state.ids?.firstStreamId ?? 0) + 1;
    this.#savedConfigs = new SectionWriter(state.store, CONFIGS_SECTION, logger);
    this.arena = new Arena(settings.arenaMib === undefined ? {} : { maximumBytes: settings.arenaMib * MIB });
    this.#pools = new Pools(this.arena, {
      workers: settings.workers,
      spareThreads: settings.scheduler.spareThreads,
      onThreadError: (error) => logger.warn({ err: error }, "a thread without work has died"),
    });
    this.#scheduler = new Scheduler(this.arena, this.#pools, clock, logger, settings.scheduler);
    const onClosed = (report: ClosedSegmentReport): boolean => this.emit("segmentClosed", report);
    const onFailed = (report: FailedSegmentReport): void => {
      catalog.failed(report);
      this.emit("segmentFailed", report);
    };
    const closing = {
      pools: this.#pools,
      clock,
      ledger,
      naming,
      logger,
      lockPath: state.lock.path,
      onClosed,
      onFailed,
      onLost: (gap: Gap, report: SegmentReport): boolean => this.emit("gap", gap, report),
      reservations,
      manifests: new Manifests(this.#pools, ledger, logger),
    };
    const restarts: RestartGaps = new RestartGaps(state.received, ledger.unclosed, (gap, report) =>
      reports.restarted(gap, report),
    );
    const reports = new RecordingReports(this, ledger, clock, logger, restarts);
    this.#recovery = new Recovery({ ...closing, restarts });
    this.#finisher = new Finisher({ ...closing, arena: this.arena, durability, recovery: this.#recovery });
    this.#periodicSync = new PeriodicSync({
      pools: this.#pools,
      logger,
      intervalMs: settings.syncIntervalMs,
      growing: () => this.#growing(durability),
      onFailed: (segment) => this.#syncFailed(segment),
    });
    const { preRecordSpillMib, preRecordSpillFolder: folder } = settings;
    const { giveUpMs: hangMs } = settings.scheduler;
    if (preRecordSpillMib > 0)
      this.#spillFile = new SpillFile({ folder, limitBytes: preRecordSpillMib * MIB, hangMs, clock, logger });
    const past = pastSettings(settings, {
      forRules: (name) => this.#ruleList.pastSecondsOf(name),
      store: this.#spillFile,
      onShort: (name, kept) => this.emit("pastShort", name, kept),
    });
    this.streams = new StreamRegistry(this.arena, clock, { ringBytes, maxRingBytes, lagLimitMs, past }, () =>
      this.nextStreamId(),
    );
    this.#supervisor = new RecordingSupervisor({
      events: this,
      streams: this.streams,
      naming,
      scheduler: this.#scheduler,
      reports,
      clock,
      logger,
      recording: {
        arena: this.arena,
        clock,
        naming,
        reservations,
        finisher: this.#finisher,
        lockPath: state.lock.path,
        replayRings: { ringBytes: 2 * ringBytes, maxRingBytes },
        reserveBytes: reserveFor,
        nodeOf: (localStreamName) => state.ids?.nodeOf(localStreamName),
        onFileAdded: () => this.#periodicSync.kick(),
      },
      nextStreamId: () => this.nextStreamId(),
      save: () => this.#save(),
      onForgotten: (entry) => this.#clocked.forget(entry),
    });
    this.#receivedNotes = new ReceivedNotes(
      settings.stateFolder,
      (records) => {
        // A config that is gone has no source to come back.
        for (const note of restarts.unsettled)
          if (note.sequence !== CUT_OFF || this.#supervisor.entry(note.configId)) records.add(note);
        const wallMs = clock.wallMs();
        for (const recording of this.#supervisor.recordings)
          if (!recording.isStopped) records.add(recording.received(wallMs));
      },
      logger,
    );
    this.#totals = new RecordingTotals(this, () => this.#supervisor.recordings);
    this.on("segmentOpened", () => this.#periodicSync.kick());
    catalog.onDeleted((report) => this.emit("segmentDeleted", report));
    this.#copies = new Copies({
      ...{ catalog, pools: this.#pools, mediaFolders: naming.folders, clock, logger },
      onCopied: (report) => this.emit("segmentCopied", report),
      onFailed: (failure) => this.emit("copyFailed", failure),
    });
    this.#settle = (options) => withServerDefaults(options, naming, settings.manifests);
    this.streams.on("opened", (stream) => {
      this.#rules.streamOpened(stream.name);
      this.#supervisor.streamOpened(stream);
    });
    this.streams.on("ended", (stream, reason) => this.#supervisor.streamEnded(stream, reason));
    const saved = readRecordConfigs(state.store.get(CONFIGS_SECTION)?.value, naming, logger);
    this.#configIds = new ConfigIds(state.store, logger, saved, state.ids);
    const shared = {
      streams: this.streams,
      supervisor: this.#supervisor,
      nextConfigId: () => this.nextConfigId(),
      save: () => this.#save(),
      onAdded: (entry: ConfigEntry) => this.#clocked.begin(entry),
    };
    this.#clocked = new ClockedConfigs({
      clock,
      store: state.store,
      logger,
      removeConfig: (configId) => this.removeConfig(configId),
      leaveOff: (entry) => this.#supervisor.leaveOff(entry),
      goOn: (entry) => this.#supervisor.goOn(entry),
    });
    this.#starter = new RecordStarter({ ...shared, naming, maxConfigs: settings.maxConfigs });
    const configured = settings.rules.map(this.#settle);
    this.#ruleList = new RuleList(state.store, configured, shared.nextConfigId, logger, () => clock.wallMs());
    this.#rules = new RecordRules({
      ...shared,
      list: this.#ruleList,
      starter: this.#starter,
      settle: this.#settle,
      removeConfig: (configId) => this.removeConfig(configId),
      onFailed: (config, error) => reports.notStarted(config, error),
      logger,
    });
    void this.#spillFile?.start();
    catalog.start(settings.guard?.(state.store));
    void this.#copies.start();
    this.#recovery.start(naming.folders);
    for (const config of this.#rules.restore(saved)) this.#supervisor.add(config, config.pathToFile);
    this.#clocked.restore(this.#supervisor.entries);
  }

  /** Resolves when what an earlier run left unfinished is finished, or named as not recoverable. */
  whenRecovered(): Promise<void> {
    return this.#recovery.whenDone();
  }

  get mediaFolders(): readonly string[] {
    return this.#state.naming.folders;
  }
  get catalog(): SegmentCatalog {
    return this.#state.catalog;
  }
  /** Resolves when the catalogue holds all that the ledger and the media folders do. */
  whenCatalogued(): Promise<void> {
    return this.#state.catalog.whenComplete();
  }
  get store(): ConfigStore {
    return this.#state.store;
  }
  /** The lock that the journals of this recorder name; tools refuse them while it is held. */
  get lockPath(): string {
    return this.#state.lock.path;
  }

  nextStreamId(): number {
    return this.#nextStreamId++;
  }

  nextConfigId(): number {
    return this.#configIds.next((id) => this.#supervisor.entry(id) !== undefined);
  }

  openStream(name: string): FrameWriter {
    return new FrameWriter(this.streams.open(name));
  }

  async record(options: RecordOptions): Promise<RecordEntry> {
    return this.#starter.record(this.#settle(options));
  }

  get rules(): RulesApi {
    return this.#rules;
  }

  configs(): readonly RecordEntry[] {
    return this.#supervisor.entries;
  }

  get admission(): Admission {
    return this.#supervisor.admission;
  }
  set admission(admission: Admission) {
    this.#supervisor.admission = admission;
  }
  enforceAdmission(): void {
    this.#supervisor.enforceAdmission();
  }

  /**
   * Takes up a stored record config that another recorder has made, id included. Throws ReelError `badArgument`,
   * `badPath`, `limit`.
   */
  adopt(stored: unknown): void {
    const [config] = readRecordConfigs([stored], this.#state.naming, this.logger);
    if (!config || this.#supervisor.entry(config.configId))
      throw new ReelError("badArgument", "the record config cannot be read, or its id is another's");
    this.#starter.checkCount();
    const entry = this.#supervisor.add(config, config.pathToFile);
    this.#clocked.begin(entry);
    this.#save();
    const stream = this.streams.get(config.localStreamName);
    if (stream && !stream.ended) this.#supervisor.start(entry, stream, stream.ring.head, undefined);
  }

  /** Takes up a stored rule that another recorder has made, id included. Throws ReelError `badArgument`, `limit`. */
  adoptRule(stored: unknown): void {
    this.#rules.adopt(stored);
  }

  removeConfig(configId: number): RecordEntry | undefined {
    const entry = this.#supervisor.entry(configId);
    if (!entry) return undefined;
    this.#supervisor.forget(entry);
    for (const recording of entry.recordings) recording.stop();
    return entry;
  }

  outStreams(): readonly OutStream[] {
    return this.#supervisor.recordings;
  }

  lossesOf(outStreamId: number): ReadonlyMap<GapCause, Readonly<Loss>> {
    return this.#totals.lossesOf(outStreamId);
  }

  recordedTotals(): RecordedTotals {
    return this.#totals.sum();
  }

  outStreamsOf(inStreamId: number): readonly OutStream[] {
    return this.#supervisor.recordings.filter(
      (recording) => recording.inStream.id === inStreamId && !recording.isStopped,
    );
  }

  stopOutStream(id: number, permanently: boolean): boolean {
    const recording = this.#supervisor.recording(id);
    if (!recording) return false;
    const entry = this.#supervisor.entry(recording.config.configId);
    if (entry && !permanently && entry.config.keepAlive) recording.handOver();
    else {
      if (entry) this.#supervisor.forget(entry);
      // A hand-over may have given it a successor, which belongs to the same config.
      for (const own of entry?.recordings ?? []) own.stop();
      recording.stop();
    }
    return true;
  }

  cutOutStream(id: number): boolean {
    return this.#supervisor.recording(id)?.cut() ?? false;
  }

  /** What every part of the recorder counts; of each stream and recording it is `collectEach`. */
  collect(): readonly Sample[] {
    const parts: readonly Collector[] = [
      this.arena,
      this.streams,
      this.#pools,
      this.#scheduler,
      this.#finisher,
      this.#totals,
      this.#copies,
    ];
    const { entries } = this.#supervisor;
    const own = stateSamples("reel_recordings", "Record configs by state.", RECORD_STATES, entries);
    own.unshift(gauge("reel_record_configs", "Record configs.", entries.length));
    return own.concat(...parts.map((part) => part.collect()));
  }

  *collectEach(): Generator<readonly Sample[]> {
    yield* this.streams.collectEach();
    yield* this.#totals.collectEach();
  }

  closedSince(sequence: number): Promise<ClosedSince> {
    return this.#state.ledger.closedSince(sequence);
  }

  close(): Promise<void> {
    this.#starter.close();
    this.#clocked.close();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { store, ledger, catalog, lock, reservations } = this.#state;
    const recorded = this.#supervisor.close();
    for (const stream of this.streams.list()) stream.end("server stopping");
    this.#finisher.close();
    await recorded;
    await this.#finisher.whenIdle();
    await this.#recovery.close();
    await this.#copies.close();
    if (reservations.paths.length > 0)
      this.logger.warn({ paths: reservations.paths }, "names are still reserved though nothing is recorded any more");
    this.#scheduler.close();
    this.#spillFile?.close();
    this.#periodicSync.close();
    await this.#receivedNotes.close();
    await Promise.all([
      this.#savedConfigs.whenIdle(),
      this.#configIds.whenSaved(),
      this.#ruleList.whenSaved(),
      this.#clocked.whenSaved(),
    ]);
    await store.flush();
    await catalog.close();
    await ledger.close();
    await this.#pools.close();
    lock.release();
  }

  #growing(byDefault: Durability): GrowingSegment[] {
    return this.#supervisor.recordings.flatMap(({ segment, config }) =>
      segment?.isOpen ? [{ segment, container: config.type, durability: config.durability ?? byDefault }] : [],
    );
  }

  #syncFailed(segment: Segment): void {
    const { code, message } = segment.syncFailure as ReelError;
    this.logger.warn({ path: segment.path, code }, message);
    const report = { ...segment.report(), code, error: message };
    void this.#state.ledger.append({ type: "unsynced", opened: segment.sequence, report });
    this.emit("segmentFailed", report);
  }

  #save(): void {
    this.#savedConfigs.write(this.#supervisor.kept);
  }
}
