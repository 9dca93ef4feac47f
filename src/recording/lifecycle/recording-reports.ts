// What recordings report on their way, as events and log lines: openings (by way of the ledger), failures, gaps.

import type { EventEmitter } from "node:events";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import type { ReelError } from "../../base/reel-error.js";
import type { Ledger } from "../../catalog/ledger.js";
import type { SegmentReport } from "../../catalog/segment-report.js";
import type { Gap } from "../../stream/gap.js";
import { type Clock, type Millis, TICKS_PER_MS } from "../../time/units.js";
import type { RestartGaps } from "../finishing/restart-gaps.js";
import { type Durability, originOf, type RecordConfig } from "../record-config.js";
import type { RecorderEvents } from "../recorder-events.js";
import type { ConfigEntry } from "./config-entry.js";
import type { Interruption } from "./interruption.js";
import type { Recording } from "./recording.js";
import type { Segment } from "./segment.js";

const GAP_LINES_PER_SECOND = 10;

export class RecordingReports {
  readonly #gapLines: LogLimit;
  /** Segments whose opening is on its way through the ledger. */
  readonly #openings = new WeakMap<Segment, Promise<void>>();

  constructor(
    private readonly events: EventEmitter<RecorderEvents>,
    private readonly ledger: Ledger,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly restarts?: RestartGaps,
  ) {
    this.#gapLines = new LogLimit(clock, GAP_LINES_PER_SECOND);
  }

  /** `firstMs`: when its first frame came. */
  segmentOpened(segment: Segment, durability?: Durability, firstMs: Millis = segment.startedMs): void {
    segment.sequence = this.ledger.nextSequence();
    const report = segment.report();
    const zeroMs = segment.zero90k / TICKS_PER_MS;
    const isDurable = durability === undefined ? undefined : durability !== "none"; // the server's where it is not said
    const opening = this.ledger.append({ type: "opened", report }, isDurable).then(() => {
      this.#openings.delete(segment);
      this.events.emit("segmentOpened", report);
      this.restarts?.opened(report, zeroMs, firstMs);
    });
    this.#openings.set(segment, opening);
  }

  segmentFailed(
    entry: ConfigEntry | undefined,
    recording: Recording,
    segment: Segment | undefined,
    error: ReelError,
  ): void {
    // A config that is tried again every second and fails the same way each time is a state: it has had its event.
    if (!segment?.isOpen && entry?.lastFailure === error.code) return;
    if (entry) entry.lastFailure = error.code;
    const path = pathOf(recording, segment);
    this.logger.warn({ stream: recording.inStream.name, path, code: error.code }, error.message);
    const base = segment?.report() ?? withoutSegment(recording, this.clock.wallMs());
    this.#afterOpening(segment, () =>
      this.events.emit("segmentFailed", { ...base, code: error.code, error: error.message }),
    );
  }

  gap(recording: Recording, segment: Segment | undefined, gap: Gap): void {
    const path = pathOf(recording, segment);
    this.#logGap(recording.inStream.name, path, gap);
    const report = segment?.report() ?? withoutSegment(recording, recording.createdMs);
    this.#afterOpening(segment, () => this.events.emit("gap", gap, report));
  }

  /** A rule is for a stream, and there can be no config for it. */
  notStarted(config: Omit<RecordConfig, "configId">, { code, message }: ReelError): void {
    const { localStreamName, ruleId } = config;
    this.#gapLines.pass((suppressed) =>
      this.logger.warn({ stream: localStreamName, ruleId, code, suppressed }, `a rule does not record: ${message}`),
    );
    const waiting = { ...config, configId: 0 };
    const report = withoutSegment({ config: waiting, origin: originOf(waiting, 0) }, this.clock.wallMs());
    this.events.emit("segmentFailed", { ...report, code, error: message });
  }

  /** What a crash took from a config, with the first segment after it. */
  restarted(gap: Gap, report: SegmentReport): void {
    this.#logGap(report.localStreamName, report.path, gap);
    this.events.emit("gap", gap, report);
  }

  /** The stream, or its config, ended before its recording could go on. */
  interruptionEnded(
    run: { config: RecordConfig; computedPathToFile: string; id?: number },
    interruption: Interruption,
  ): void {
    const gap = interruption.untilEnd();
    const path = run.computedPathToFile || run.config.pathToFile;
    this.#logGap(interruption.stream.name, path, gap);
    const origin = originOf(run.config, run.id ?? 0);
    this.events.emit("gap", gap, withoutSegment({ config: run.config, origin }, interruption.stream.createdMs));
  }

  /** A broken source reports with every frame (mediamtx#6160: 17.5 GB of one line); events have their own bounds. */
  #logGap(stream: string, path: string, gap: Gap): void {
    this.#gapLines.pass((suppressed) => this.logger.warn({ stream, path, ...gap, suppressed }, "gap"));
  }

  /** Nothing is told of a segment before its own beginning (ems-record-spec §6.3), which waits for the ledger. */
  #afterOpening(segment: Segment | undefined, tell: () => void): void {
    const opening = segment && this.#openings.get(segment);
    if (opening) void opening.then(tell);
    else tell();
  }
}

/**
 * Of what happens where no segment is open: it concerns no file, and a name that is only wanted may be another
 * recording's.
 */
function withoutSegment({ config, origin }: Pick<Recording, "config" | "origin">, startedMs: number): SegmentReport {
  return { ...origin, path: "", container: config.type, tracks: [], startedMs, sequence: 0 };
}

/** For the log. */
function pathOf(recording: Recording, segment: Segment | undefined): string {
  return segment?.path ?? recording.target?.basePath ?? recording.config.pathToFile;
}
