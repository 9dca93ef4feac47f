// A transport stream on its way into a frame sink, whatever carries the bytes. The in-stream is opened when the first
// decoder configuration is known; bytes that are no transport stream never open one.

import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { type FrameSink, reasonOf } from "../frame-sink.js";
import { type DemuxerOptions, TsDemuxer } from "./ts-demuxer.js";

export interface TsSessionOptions {
  arena: Arena;
  logger: Logger;
  /** localStreamName, for the log. */
  name: string;
  demuxer?: DemuxerOptions;
}

export class TsSession {
  /** No more bytes are taken. */
  isOver = false;
  #demuxer: TsDemuxer;
  #sink: FrameSink;
  #isParsing = false;
  #logger: Logger;
  #name: string;

  constructor(sink: FrameSink, options: TsSessionOptions) {
    this.#logger = options.logger;
    this.#name = options.name;
    this.#sink = sink;
    sink.isClockShared = true;
    this.#demuxer = new TsDemuxer(sink, options.arena, options.logger, { ...options.demuxer, name: options.name });
  }

  get statistics(): DemuxStatistics {
    return this.#demuxer.statistics;
  }

  /** Throws ReelError where the in-stream cannot be opened (`nameTaken`, `badName`, `arenaFull`). */
  push(chunk: Uint8Array): void {
    if (this.isOver) return;
    this.#isParsing = true;
    try {
      this.#demuxer.push(chunk);
    } finally {
      this.#isParsing = false;
      if (this.isOver) this.#demuxer.free();
    }
  }

  /** No more bytes will come. The access unit under way is complete, as far as anyone can know. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    // A listener of a frame may end its source. The parser is then still at work below us, and frees its memory when it
    // returns.
    if (!this.#isParsing) {
      this.#endDemuxer();
      this.#demuxer.free();
    }
    const counted = Object.fromEntries(Object.entries(this.statistics).filter(([, count]) => count > 0));
    const text = "a transport stream has ended";
    // Without an in-stream anyone who can connect could fill the log.
    if (this.#sink.stream) this.#logger.info({ stream: this.#name, ...counted }, text);
    else this.#logger.debug({ stream: this.#name, ...counted }, text);
  }

  #endDemuxer(): void {
    // The last access units may be the first: then there is no in-stream yet, and none is worth opening.
    if (!this.#sink.stream) return;
    try {
      this.#demuxer.end();
    } catch (error) {
      // No connection is left to be ended by it.
      this.#logger.warn({ stream: this.#name, error: reasonOf(error) }, "the last access units of a stream were lost");
    }
  }
}
