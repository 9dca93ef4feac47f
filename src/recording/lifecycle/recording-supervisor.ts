// Record configs and the recordings they have. Configs are matched to in-streams by exact name; every live match is one
// recording.
//
//   stream opened ─┐
//   record ────────┴─▶ start ─▶ Recording ─▶ stopped ─▶ (keepAlive: again) ─▶ ended
//                        ▲ hand-over: the successor begins where the old one ends
//
// keepAlive is tried again while the stream lives (retries.ts).

import type { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../../base/logger.js";
import { asReelError, type ReelError } from "../../base/reel-error.js";
import type { InStream } from "../../stream/in-stream.js";
import type { PastPlace } from "../../stream/past-place.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import { type Clock, TICKS_PER_MS } from "../../time/units.js";
import type { ClaimedTarget, Naming } from "../naming/naming.js";
import { CONFIG_WAITING, type RecordConfig } from "../record-config.js";
import { type RecorderEvents, WAITING_TEXT } from "../recorder-events.js";
import { ADMIT_ALL, type Admission } from "./admission.js";
import { ConfigEntries } from "./config-entries.js";
import { ConfigEntry } from "./config-entry.js";
import { Interruption } from "./interruption.js";
import { RandomAccessWatch } from "./random-access-watch.js";
import { Recording } from "./recording.js";
import type { RecordingDeps } from "./recording-deps.js";
import type { RecordingListener } from "./recording-listener.js";
import type { RecordingReports } from "./recording-reports.js";
import { refusalOf } from "./refusal.js";
import { Retries } from "./retries.js";
import type { Scheduler } from "./scheduler.js";
import { UnrecordedNotes } from "./unrecorded-notes.js";

export interface SupervisorParts {
  events: EventEmitter<RecorderEvents>;
  streams: StreamRegistry;
  naming: Naming;
  scheduler: Scheduler;
  reports: RecordingReports;
  clock: Clock;
  logger: Logger;
  recording: RecordingDeps;
  nextStreamId: () => number;
  /** The configs that must survive a restart have changed. */
  save: () => void;
  /** A config is gone, by whom ever. */
  onForgotten: (entry: ConfigEntry) => void;
}

/** How long inStreamClosed waits for the files of its recordings; longer means a volume that hangs. */
const CLOSE_ORDER_MS = 10_000;

export class RecordingSupervisor {
  admission: Admission = ADMIT_ALL;
  #parts: SupervisorParts;
  #listener: RecordingListener<Recording>;
  readonly #entries = new ConfigEntries();
  #recordings = new Map<number, Recording>();
  #isClosing = false;
  readonly #unrecorded: UnrecordedNotes;
  readonly #retries: Retries;
  readonly #randomAccess = new RandomAccessWatch((recording) => this.#waits(recording));

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#listener = this.#makeListener();
    const { clock, logger, streams, scheduler } = parts;
    this.#unrecorded = new UnrecordedNotes({
      clock,
      logger,
      entriesOf: (name) => this.#entries.of(name),
      onLate: (stream) => this.#refuseOrStart(stream, true),
    });
    this.#retries = new Retries({
      clock,
      isSick: (volume) => scheduler.isSick(volume),
      isAdmitted: ({ config }) => !this.admission(config),
      streamOf: ({ config }) => {
        const stream = streams.get(config.localStreamName);
        return this.#isClosing || stream?.ended ? undefined : stream;
      },
      start: (entry, stream) => this.start(entry, stream, stream.ring.head, undefined),
    });
  }

  get count(): number {
    return this.#entries.count;
  }

  get entries(): readonly ConfigEntry[] {
    return this.#entries.all;
  }

  /** Configs that outlive a restart. */
  get kept(): readonly RecordConfig[] {
    return this.#entries.kept;
  }

  get recordings(): readonly Recording[] {
    return [...this.#recordings.values()];
  }

  entry(configId: number): ConfigEntry | undefined {
    return this.#entries.get(configId);
  }

  entriesOf(localStreamName: string): readonly ConfigEntry[] {
    return this.#entries.of(localStreamName);
  }

  recording(streamId: number): Recording | undefined {
    return this.#recordings.get(streamId);
  }

  /** Takes a config up; it waits for its stream. */
  add(config: RecordConfig, computedPathToFile: string): ConfigEntry {
    const entry = new ConfigEntry(config, computedPathToFile, this.#parts.clock);
    this.#entries.add(entry);
    return entry;
  }

  /** Ends the recordings that may not run any more. Their configs try again every second. */
  enforceAdmission(): void {
    for (const recording of this.recordings) {
      const refusal = recording.isStopped ? undefined : this.admission(recording.config);
      if (refusal) recording.fail(refusal);
    }
  }

  forget(entry: ConfigEntry): void {
    entry.isRemoved = true;
    clearTimeout(entry.retry);
    this.#entries.remove(entry);
    this.#endInterruption(entry);
    // The config goes first: one whose end was dropped before a crash would begin its duration anew.
    if (entry.config.keepAlive) this.#parts.save();
    this.#parts.onForgotten(entry);
  }

  /** Something kept it from beginning to record a stream: it is tried again, and what it misses is told. */
  notBegun(entry: ConfigEntry, stream: InStream): void {
    this.#wait(entry, stream, stream.ring.head, undefined);
  }

  /** Its schedule ends: what passes until it begins again is no gap. */
  leaveOff(entry: ConfigEntry): void {
    for (const recording of entry.recordings) recording.stop();
    this.#endInterruption(entry);
  }

  /** Its schedule begins. */
  goOn(entry: ConfigEntry): void {
    void this.#retries.now(entry);
  }

  /** What it has missed since its recording failed is told: none goes on from there. */
  #endInterruption(entry: ConfigEntry): void {
    const { interruption } = entry;
    entry.interruption = undefined;
    if (interruption) this.#parts.reports.interruptionEnded(entry, interruption);
  }

  /** Nothing is started any more, and what is recorded ends. Resolves when the last file is final. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const entry of this.#entries.all) clearTimeout(entry.retry);
    for (const recording of this.#recordings.values()) recording.stop();
    while (this.#recordings.size > 0) await Promise.all(this.recordings.map((recording) => recording.whenEnded));
  }

  streamOpened(stream: InStream): void {
    stream.on("gap", (gap) => {
      for (const recording of this.#recordings.values())
        if (recording.inStream === stream && !recording.isStopped) recording.onGap(gap);
    });
    stream.on("unrecorded", () => {
      this.#unrecorded.changed(stream);
      this.#refuseOrStart(stream);
    });
    stream.on("config", () => this.#refuseOrStart(stream));
    stream.on("full", () => this.#parts.scheduler.kick());
    stream.on("settled", () => {
      this.#refuseOrStart(stream);
      this.#parts.scheduler.kick();
    });
    this.#parts.events.emit("inStreamCreated", stream);
    for (const entry of this.#entries.of(stream.name)) {
      if (this.#isClosing) break;
      if (entry.lastFailure === "notCarried") entry.lastFailure = undefined; // of another stream
      this.start(entry, stream, stream.ring.head, undefined);
    }
  }

  /** The stream that it could not record is gone. */
  #noLongerRefused(entry: ConfigEntry): void {
    entry.setUnrecorded([]);
    entry.isRefused = entry.recordings.size > 0;
  }

  /** The stream's tracks are known, or others than before. */
  #refuseOrStart(stream: InStream, isLate = false): void {
    if (stream.ended || this.#isClosing) return;
    // A recording waits for the other tracks by itself: its cursor holds what comes meanwhile.
    const hasTrack = stream.settled || stream.tracks.some(({ codec }) => codec !== undefined);
    for (const entry of this.#entries.of(stream.name)) {
      const refusal = refusalOf(stream, entry.config.type, isLate);
      if (!refusal) {
        if (hasTrack && entry.isRefused && entry.recordings.size === 0 && entry.claims === 0)
          this.start(entry, stream, stream.ring.head, undefined);
        continue;
      }
      entry.isRefused = true;
      // What comes from here on could not be recorded anyway, and is no loss.
      if (entry.interruption?.stream === stream) this.#endInterruption(entry);
      for (const recording of [...entry.recordings]) recording.refuse(refusal);
    }
  }

  streamEnded(stream: InStream, reason: string): void {
    const own = this.recordings.filter((recording) => recording.inStream === stream);
    for (const recording of own) recording.stop();
    for (const entry of this.#entries.of(stream.name)) {
      if (entry.isRefused) this.#noLongerRefused(entry);
      if (entry.interruption?.stream === stream) this.#endInterruption(entry);
    }
    // The spec's order at an end: recordChunkClosed, outStreamClosed, inStreamClosed (§6.3). A volume that hangs does
    // not hold it up for ever.
    const report = (): boolean => this.#parts.events.emit("inStreamClosed", stream, reason);
    if (own.length === 0) report();
    else
      void Promise.race([
        Promise.all(own.map((recording) => recording.whenEnded)),
        delay(CLOSE_ORDER_MS, undefined, { ref: false }),
      ]).then(report);
  }

  /** The cursor hangs on the ring from this moment; finding the name takes its time while the ring holds the frames. */
  start(
    entry: ConfigEntry,
    stream: InStream,
    /** Of the stream's ring, or a place in its past. */
    begin: number | PastPlace,
    target: ClaimedTarget | undefined,
    predecessor?: Recording,
  ): void {
    const { naming, nextStreamId } = this.#parts;
    clearTimeout(entry.retry);
    if (!this.#retries.isOnTime(entry)) {
      target?.reservation.release();
      this.#retries.later(entry);
      return;
    }
    // The codec may have changed since the last one failed, or since the command was checked.
    const refusal = refusalOf(stream, entry.config.type);
    entry.isRefused = refusal !== undefined;
    const index = typeof begin === "number" ? begin : begin.stretch ? stream.ring.head : begin.index;
    if (!refusal && this.admission(entry.config)) {
      this.#wait(entry, stream, index, target);
      return;
    }
    let recording: Recording;
    try {
      recording = new Recording(
        nextStreamId(),
        entry.config,
        stream,
        begin,
        this.#parts.recording,
        this.#listener,
        predecessor,
      );
    } catch (error) {
      this.#cannotStart(entry, stream, index, target, error);
      return;
    }
    recording.resume(entry.interruption);
    entry.interruption = undefined;
    this.#recordings.set(recording.id, recording);
    this.#parts.scheduler.add(recording);
    this.#randomAccess.add(recording);
    entry.recordings.add(recording);
    if (refusal && !stream.ended) {
      target?.reservation.release();
      entry.setUnrecorded(stream.unrecorded);
      recording.refuse(refusal);
      return;
    }
    entry.streams(recording.id);
    this.#unrecorded.note(entry, recording);
    if (target) this.#begin(entry, recording, target);
    else {
      entry.claims++;
      naming
        .claim(entry.config)
        .finally(() => entry.claims--)
        .then(
          (found) => this.#begin(entry, recording, found),
          (error: unknown) => recording.fail(asReelError(error)),
        );
    }
  }

  #begin(entry: ConfigEntry, recording: Recording, target: ClaimedTarget): void {
    if (recording.isStopped) {
      target.reservation.release();
      return;
    }
    entry.computedPathToFile = target.computedPathToFile;
    recording.begin(target);
    this.#parts.events.emit("outStreamCreated", recording);
  }

  #makeListener(): RecordingListener<Recording> {
    const { reports, scheduler } = this.#parts;
    const entryOf = (recording: Recording): ConfigEntry | undefined => this.#entries.get(recording.config.configId);
    return {
      segmentOpened: (recording, segment) => {
        this.#randomAccess.remove(recording);
        entryOf(recording)?.hasStreamed(recording.id);
        const heldMs = (recording.inStream.newest90k - segment.zero90k) / TICKS_PER_MS;
        const firstMs = Math.max(segment.startedMs, this.#parts.clock.wallMs() - heldMs);
        reports.segmentOpened(segment, recording.config.durability, firstMs);
      },
      segmentFailed: (recording, segment, error) =>
        reports.segmentFailed(entryOf(recording), recording, segment, error),
      gap: (recording, segment, gap) => reports.gap(recording, segment, gap),
      handOver: (recording, index) => {
        const entry = entryOf(recording);
        if (entry && !this.#isClosing) this.start(entry, recording.inStream, index, undefined, recording);
      },
      stopped: (recording, failure) => this.#stopped(recording, failure),
      ended: (recording) => this.#ended(recording),
      wake: () => scheduler.kick(),
    };
  }

  /** Video comes, and nothing in it that a file could begin with. */
  #waits(recording: Recording): void {
    const { configId } = recording.config;
    this.#entries.get(configId)?.setStatus(CONFIG_WAITING);
    this.#parts.logger.warn({ stream: recording.inStream.name, configId }, WAITING_TEXT);
    this.#parts.events.emit("recordWaiting", recording);
  }

  /** No shared memory for it: neither the stream nor what else is recorded may suffer from that. */
  #cannotStart(
    entry: ConfigEntry,
    stream: InStream,
    index: number,
    target: ClaimedTarget | undefined,
    error: unknown,
  ): void {
    this.#parts.logger.warn(
      { err: error, stream: stream.name, configId: entry.config.configId },
      "a recording could not start",
    );
    this.#wait(entry, stream, index, target);
  }

  /** What comes meanwhile is told as a gap by the recording that goes on. */
  #wait(entry: ConfigEntry, stream: InStream, index: number, target: ClaimedTarget | undefined): void {
    target?.reservation.release();
    entry.failed();
    if (!entry.config.keepAlive) this.forget(entry);
    else if (!this.#isClosing) {
      entry.interruption ??= new Interruption(stream, index, entry.config.hasAudio);
      this.#retries.later(entry, target);
    }
  }

  #stopped(recording: Recording, failure: ReelError | undefined): void {
    this.#randomAccess.remove(recording);
    const entry = this.#entries.get(recording.config.configId);
    const interruption = recording.untold;
    entry?.recordings.delete(recording);
    const [successor] = entry?.recordings ?? [];
    if (successor) {
      successor.resume(interruption);
      return;
    }
    const isWanted = entry?.config.keepAlive && !entry.isRefused && this.#retries.isOnTime(entry);
    const goesOn = isWanted && !recording.inStream.ended && !this.#isClosing;
    if (interruption && !goesOn) this.#parts.reports.interruptionEnded(recording, interruption);
    if (!entry) return;
    if (entry.isRefused) {
      entry.setStatus(CONFIG_WAITING);
      if (recording.inStream.ended) this.#noLongerRefused(entry);
      else this.#refuseOrStart(recording.inStream);
      return;
    }
    if (!entry.config.keepAlive) {
      this.forget(entry);
      return;
    }
    entry.setUnrecorded([]);
    if (goesOn) entry.interruption = interruption;
    if (failure) entry.failed();
    else entry.setStatus(CONFIG_WAITING);
    if (!this.#isClosing) this.#retries.later(entry, recording.target, failure?.code);
  }

  #ended(recording: Recording): void {
    this.#parts.scheduler.remove(recording);
    this.#recordings.delete(recording.id);
    // One that never got a name was never announced.
    if (recording.target) this.#parts.events.emit("outStreamClosed", recording);
  }
}
