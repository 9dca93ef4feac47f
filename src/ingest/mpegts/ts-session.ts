// A transport stream on its way into an in-stream: demuxer, sink and the in-stream's lifetime, whatever carries the
// bytes. The in-stream is opened when the first decoder configuration is known; bytes that are no transport stream
// never open one.

import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import type { InStream, SourceInfo } from "../../stream/in-stream.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import { InStreamSink } from "./in-stream-sink.js";
import { type DemuxerOptions, TsDemuxer } from "./ts-demuxer.js";

export interface TsSessionOptions {
  registry: StreamRegistry;
  arena: Arena;
  logger: Logger;
  localStreamName: string;
  source(): SourceInfo;
  /** How the source is made to wait; undefined where it cannot. */
  flow: { pause(): void; resume(): void } | undefined;
  /** The in-stream is to end: the owner closes the connection and calls `end`. */
  closeSource(reason: string): void;
  onOpened?(stream: InStream): void;
  demuxer?: DemuxerOptions;
}

export class TsSession {
  #demuxer: TsDemuxer;
  #sink: InStreamSink;
  #isOver = false;
  #isParsing = false;
  #logger: Logger;
  #name: string;

  constructor(options: TsSessionOptions) {
    this.#logger = options.logger;
    this.#name = options.localStreamName;
    const open = (): InStream => {
      const stream = options.registry.open(options.localStreamName, options.source(), options.closeSource);
      options.onOpened?.(stream);
      return stream;
    };
    this.#sink = new InStreamSink({ arena: options.arena, open, flow: options.flow });
    this.#demuxer = new TsDemuxer(this.#sink, options.arena, options.logger, options.demuxer);
  }

  get stream(): InStream | undefined {
    return this.#sink.stream;
  }

  get statistics(): DemuxStatistics {
    return this.#demuxer.statistics;
  }

  /** Access units that have come so far, whatever became of them. */
  get accessUnits(): number {
    return this.#sink.accessUnits;
  }

  /** Throws ReelError where the in-stream cannot be opened (`nameTaken`, `badName`, `arenaFull`). */
  push(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#isParsing = true;
    try {
      this.#demuxer.push(chunk);
    } finally {
      this.#isParsing = false;
      if (this.#isOver) this.#demuxer.free();
    }
  }

  /**
   * No more bytes will come. The access unit under way is complete, as far as anyone can know. Frames that wait for
   * room enter the ring before the in-stream ends, unless it is to end at once; that can be asked for while they wait.
   */
  end(reason: string, atOnce = false): void {
    if (this.#isOver) {
      if (atOnce) this.#sink.end(reason, true);
      return;
    }
    this.#isOver = true;
    // Who hears of a frame may end its source: then the parser is still at work below us, and frees its memory when it
    // returns.
    if (!this.#isParsing) {
      this.#endDemuxer();
      this.#demuxer.free();
    }
    this.#sink.end(reason, atOnce);
    const counted = Object.fromEntries(Object.entries(this.statistics).filter(([, count]) => count > 0));
    const text = "a transport stream has ended";
    // Without an in-stream anyone who can connect could fill the log.
    if (this.stream) this.#logger.info({ stream: this.#name, ...counted }, text);
    else this.#logger.debug({ stream: this.#name, ...counted }, text);
  }

  #endDemuxer(): void {
    // The last access units may be the first: then there is no in-stream yet, and none is worth opening.
    if (!this.stream) return;
    try {
      this.#demuxer.end();
    } catch (error) {
      // No connection is left to be ended by it.
      this.#logger.warn(
        { stream: this.#name, error: error instanceof Error ? error.message : String(error) },
        "the last access units of a stream were lost",
      );
    }
  }
}
