// Events as lines of JSON in a file (ems-record-spec §6.1): strict JSON, one event a line, appended. By default the
// name gets the time of opening, and with appendInstance the number of the run in front of it. With fileChunkLength or
// fileChunkTime a new file begins with the first event after that time.

import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { waitAtMost } from "../../base/deadline.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock } from "../../time/units.js";
import type { Value } from "../replies/reply.js";
import type { BusEvent } from "./event-bus.js";
import type { EventSink } from "./event-sink.js";
import type { EventType } from "./event-types.js";

const MAX_PENDING_BYTES = 8 * 1024 * 1024;
const DAY_S = 86_400;

export interface FileSinkOptions {
  readonly filename: string;
  readonly types: ReadonlySet<EventType>;
  readonly customData: Value;
  readonly appendTimestamp: boolean;
  /** Four digits in front of the time, the same for every file of a run. */
  readonly instance?: number | undefined;
  /** Seconds; 0 = no limit. */
  readonly fileChunkLength: number;
  /** `HH:MM:SS` UTC. */
  readonly fileChunkTime: string | undefined;
}

function secondsOfDay(text: string): number {
  const parts = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/.exec(text);
  if (!parts) throw new ReelError("badArgument", `eventLogger: fileChunkTime ${text} is not HH:MM:SS`);
  return Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]);
}

export class FileSink implements EventSink {
  readonly types: ReadonlySet<EventType>;
  readonly #options: FileSinkOptions;
  readonly #chunkAtS: number | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limit: LogLimit;
  #pending: { line: string; atMs: number }[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #openedMs = 0;
  #fileNumber = 0;
  /** Events that were not written. */
  dropped = 0;

  constructor(options: FileSinkOptions, clock: Clock, logger: Logger) {
    this.types = options.types;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#limit = new LogLimit(clock, 1);
    const at = options.fileChunkTime === undefined ? undefined : secondsOfDay(options.fileChunkTime);
    // In EMS both together mean none.
    this.#chunkAtS = options.fileChunkLength > 0 ? undefined : at;
  }

  get queued(): number {
    return this.#pending.length;
  }

  deliver(event: BusEvent): void {
    if (this.#pendingBytes > MAX_PENDING_BYTES) {
      this.#drop(1, new ReelError("stuck", "the disk does not take the events"));
      return;
    }
    const line = `${event.serialize(this.#options.customData)}\n`;
    this.#pending.push({ line, atMs: this.#clock.wallMs() });
    this.#pendingBytes += Buffer.byteLength(line);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async close(deadlineMs: number): Promise<void> {
    await waitAtMost(this.#writing ?? Promise.resolve(), deadlineMs);
    const file = this.#file;
    this.#file = undefined;
    // A hanging write keeps its descriptor until the process ends.
    if (!this.#writing) await file?.close().catch(() => {});
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const first = this.#pending[0];
      if (first && this.#isDue(first.atMs)) {
        await this.#file?.close().catch(() => {});
        this.#file = undefined;
      }
      // All events of one file go out in one write.
      const end = this.#file ? this.#pending.findIndex((entry) => this.#isDue(entry.atMs)) : 1;
      const batch = this.#pending.splice(0, end < 1 ? this.#pending.length : end);
      const text = batch.map((entry) => entry.line).join("");
      try {
        this.#file ??= await this.#open(batch[0]?.atMs ?? 0);
        await this.#file.appendFile(text);
      } catch (error) {
        this.#drop(batch.length, error);
      }
      this.#pendingBytes -= Buffer.byteLength(text);
    }
  }

  #isDue(atMs: number): boolean {
    if (!this.#file) return false;
    const { fileChunkLength, fileChunkTime } = this.#options;
    if (fileChunkLength > 0 && fileChunkTime === undefined) return atMs - this.#openedMs >= fileChunkLength * 1000;
    if (this.#chunkAtS === undefined) return false;
    const day = (ms: number): number => Math.floor((ms / 1000 - (this.#chunkAtS ?? 0)) / DAY_S);
    return day(atMs) > day(this.#openedMs);
  }

  async #open(atMs: number): Promise<FileHandle> {
    const { filename, appendTimestamp, instance, fileChunkLength } = this.#options;
    const extension = extname(filename);
    const base = filename.slice(0, filename.length - extension.length);
    const isChunked =
      this.#chunkAtS !== undefined || (fileChunkLength > 0 && this.#options.fileChunkTime === undefined);
    const [date = "", time = ""] = new Date(atMs).toISOString().slice(0, 19).replace(/[-:]/g, "").split("T");
    const suffix = appendTimestamp
      ? `_${date}_${time}`
      : isChunked
        ? `_${String(this.#fileNumber++).padStart(4, "0")}`
        : "";
    this.#openedMs = atMs;
    const instanceSuffix = instance === undefined ? "" : `_${String(instance).padStart(4, "0")}`;
    return open(`${base}${instanceSuffix}${suffix}${extension}`, "a");
  }

  #drop(events: number, error: unknown): void {
    this.dropped += events;
    this.#limit.pass((suppressed) =>
      this.#logger.warn(
        { err: error, file: this.#options.filename, dropped: this.dropped, suppressed },
        "events could not be written to their file",
      ),
    );
  }
}
