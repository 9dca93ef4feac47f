// Tracks of a stream that are not recorded: the log names them, the configs of the stream show them, and each of its
// files lists them. A stream that has nothing else gets no file, which takes a moment to know; then it is told all the
// same.

import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import type { InStream } from "../../stream/in-stream.js";
import type { Clock } from "../../time/units.js";
import type { ConfigEntry } from "./config-entry.js";
import type { Recording } from "./recording.js";
import { LATE_MS } from "./refusal.js";

/** Of lines that publishers can cause at will. */
const LOG_LINES_PER_SECOND = 10;

export interface UnrecordedParts {
  clock: Clock;
  logger: Logger;
  entriesOf(localStreamName: string): readonly ConfigEntry[];
  /** Nothing else has come of the stream for a while. */
  onLate(stream: InStream): void;
}

export class UnrecordedNotes {
  readonly #parts: UnrecordedParts;
  readonly #lines: LogLimit;

  constructor(parts: UnrecordedParts) {
    this.#parts = parts;
    this.#lines = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
  }

  /** The list of a stream is another. */
  changed(stream: InStream): void {
    const { logger, entriesOf } = this.#parts;
    this.#lines.pass((suppressed) =>
      logger.warn({ stream: stream.name, tracks: stream.unrecorded, suppressed }, "tracks are not recorded"),
    );
    for (const entry of entriesOf(stream.name))
      for (const recording of entry.recordings) if (recording.inStream === stream) this.note(entry, recording);
  }

  /** A recording begins, or the list of its stream is another. */
  note(entry: ConfigEntry, recording: Recording): void {
    const { inStream } = recording;
    entry.setUnrecorded(inStream.unrecorded);
    if (inStream.unrecorded.length === 0) return;
    setTimeout(() => {
      recording.tellUnrecorded();
      this.#parts.onLate(inStream);
    }, LATE_MS).unref();
  }
}
