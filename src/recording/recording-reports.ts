// What recordings report on their way, as events and log lines: openings (by way of the ledger), failures, gaps.

import type { EventEmitter } from "node:events";
import type { Logger } from "../arena/logger.js";
import type { ReelError } from "../arena/reel-error.js";
import type { Gap } from "../stream/gap.js";
import type { Clock } from "../time/units.js";
import type { ConfigEntry } from "./config-entry.js";
import type { Interruption } from "./interruption.js";
import type { Ledger } from "./ledger.js";
import type { RecorderEvents } from "./recorder-events.js";
import type { Recording } from "./recording.js";
import type { Segment } from "./segment.js";

export class RecordingReports {
  constructor(
    private readonly events: EventEmitter<RecorderEvents>,
    private readonly ledger: Ledger,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  segmentOpened(segment: Segment): void {
    segment.sequence = this.ledger.nextSequence();
    const report = segment.report();
    void this.ledger.append({ type: "opened", report }).then(() => this.events.emit("segmentOpened", report));
  }

  segmentFailed(entry: ConfigEntry | undefined, recording: Recording, segment: Segment | undefined, error: ReelError): void {
    // A config that is tried again every second and fails the same way each time is a state: it has had its event.
    if (!segment?.isOpen && entry?.lastFailure === error.code) return;
    if (entry) entry.lastFailure = error.code;
    const path = pathOf(recording, segment);
    this.logger.warn({ stream: recording.inStream.name, path, code: error.code }, error.message);
    const base = segment?.report() ?? { path, variables: recording.config.variables, startedMs: this.clock.wallMs(), sequence: 0 };
    this.events.emit("segmentFailed", { ...base, code: error.code, error: error.message });
  }

  gap(recording: Recording, segment: Segment | undefined, gap: Gap): void {
    const path = pathOf(recording, segment);
    this.logger.warn({ stream: recording.inStream.name, path, ...gap }, "gap");
    this.events.emit("gap", gap, segment?.report() ?? { path, variables: recording.config.variables, startedMs: recording.createdMs, sequence: 0 });
  }

  /** The stream ended before its recording could go on. */
  interruptionEnded(entry: ConfigEntry, interruption: Interruption): void {
    const gap = interruption.untilEnd();
    this.logger.warn({ stream: interruption.stream.name, path: entry.computedPathToFile, ...gap }, "gap");
    this.events.emit("gap", gap, { path: entry.computedPathToFile, variables: entry.config.variables, startedMs: interruption.stream.createdMs, sequence: 0 });
  }
}

function pathOf(recording: Recording, segment: Segment | undefined): string {
  return segment?.path ?? recording.target?.basePath ?? recording.config.pathToFile;
}
