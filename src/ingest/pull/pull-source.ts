// One pulled source: a connection, the in-stream that it feeds, and what happens when it ends (ems-record-spec §2.2).
//
//   connecting ─▶ connected ─▶ streaming ─▶ disconnected ─┐      keepAlive: after a pause, for ever
//        └────────────┴─────────▶ failed ─────────────────┴─▶ connecting
//
// A source that delivers nothing for a while counts as gone; the time for which we ourselves keep it waiting does not.
// `stop` ends all at once.

import type { Arena } from "../../arena/arena.js";
import { maskCredentials } from "../../base/credentials.js";
import type { Logger } from "../../base/logger.js";
import type { InStream } from "../../stream/in-stream.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { type Flow, FrameSink, reasonOf } from "../frame-sink.js";
import { retryDelayMs } from "../retry.js";
import type { Source, SourceConnection, SourceRequest } from "../source.js";
import { schemeOf } from "../source-uri.js";
import type { AttemptPacer } from "./attempt-pacer.js";

// Codes of ems-record-spec §2.0; the control plane has them for all configs.
export const PULL_STREAMING = 0;
export const PULL_CONNECTING = 1;
export const PULL_CONNECTED = 3;
export const PULL_DISCONNECTED = 4;
export const PULL_FAILED = 5;
export type PullCode = 0 | 1 | 3 | 4 | 5;
/** Why a source is down, and how often in a row an attempt has failed. */
export interface PullTrouble {
  readonly attempts: number;
  /** Refusals of the credentials so far, where the last failure is one; else 0. */
  readonly denials: number;
  readonly reason: string;
}
/** `streamId` is 0 unless an in-stream lives; `trouble` comes with the two codes of a source that is down. */
export type PullReport = (code: PullCode, streamId: number, trouble?: PullTrouble) => void;

export interface PullSourceOptions {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  pacer: AttemptPacer;
  logger: Logger;
  silenceMs: Millis;
  /** [0, 1), for the jitter of the pauses. */
  random(): number;
}

/** A connection that streamed for this long was a success: the next failure is the first again. */
const SUCCESS_MS = 5000;
/** A source that stays away has one line when it goes, and one each time so long has passed. */
const REMINDER_MS = 3_600_000;
/** What is known of one connection while it stands. */
interface Attempt {
  ends: Partial<SourceInfo>;
  connection: SourceConnection | undefined;
  flow: Flow;
}

const NO_ENDS: SourceInfo = { type: "INTS", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

export class PullSource {
  #options: PullSourceOptions;
  #request: SourceRequest;
  #uri: URL;
  #source: Source;
  #report: PullReport;
  #connection: SourceConnection | undefined;
  #sink: FrameSink<InStream> | undefined;
  /** Of an earlier connection, while its last frames wait for room: there is one at most, as it has the name. */
  #lingering: FrameSink<InStream> | undefined;
  #cancelAttempt: (() => void) | undefined;
  #failures = 0;
  /** Those of them that were refusals of the credentials. */
  #denials = 0;
  /** Its next connection has no place yet: that is no silence. */
  #isQueued = false;
  /** Of the last line that said that the source is down. */
  #toldMs: Millis = 0;
  #streamingSinceMs: Millis = Number.NaN;
  #lastBytesMs: Millis = 0;
  #lastFrameMs: Millis = 0;
  #framesSeen = 0;
  #isPaused = false;
  #isStopped = false;
  #closeReason: string | undefined;

  constructor(request: SourceRequest, uri: URL, source: Source, options: PullSourceOptions, report: PullReport) {
    this.#request = request;
    this.#uri = uri;
    this.#source = source;
    this.#options = options;
    this.#report = report;
  }

  get stream(): InStream | undefined {
    return this.#sink?.stream;
  }

  /** Connects as soon as the host's sources have a place. */
  start(): void {
    this.#cancelAttempt = this.#options.pacer.schedule(0, () => this.#connect());
  }

  #connect(): void {
    if (this.#isStopped) return;
    this.#report(PULL_CONNECTING, 0);
    // A listener may have stopped the source.
    if (this.#isStopped) return;
    this.#closeReason = undefined;
    this.#isPaused = false;
    this.#streamingSinceMs = Number.NaN;
    this.#framesSeen = 0;
    this.#markAlive();
    const attempt: Attempt = {
      ends: {},
      connection: undefined,
      flow: this.#watchedFlow(() => attempt.connection?.flow),
    };
    const sink = this.#newSink(attempt);
    try {
      const connection = this.#source.open(this.#request, this.#uri, sink, {
        connected: (ends) => {
          attempt.ends = ends;
          if (!this.#isStopped) this.#report(PULL_CONNECTED, 0);
        },
        received: () => this.#onReceived(sink),
        failed: (reason) => this.#close(reason),
        another: (connect) => this.#queue(connect),
        closed: (reason, isDenied) => this.#onClosed(reason, isDenied),
      });
      attempt.connection = connection;
      this.#connection = connection;
      this.#sink = sink;
    } catch (error) {
      this.#onClosed(reasonOf(error));
    }
  }

  #queue(connect: () => void): () => void {
    this.#isQueued = true;
    return this.#options.pacer.schedule(0, () => {
      this.#isQueued = false;
      this.#markAlive();
      connect();
    });
  }

  #newSink(attempt: Attempt): FrameSink<InStream> {
    const { registry, arena, clock } = this.#options;
    const sink: FrameSink<InStream> = new FrameSink({
      arena,
      // A source may go from datagrams, which cannot wait, to a connection.
      flow: () => (attempt.connection?.flow ? attempt.flow : undefined),
      open: () => {
        const scheme = schemeOf(this.#uri);
        const type = this.#source.sourceType(scheme);
        const info: SourceInfo = { ...NO_ENDS, reader: scheme, ...attempt.ends, type };
        const stream = registry.open(this.#request.localStreamName, info, (reason) => {
          if (this.#sink === sink) this.#close(reason);
          else sink.end(reason, true);
        });
        this.#streamingSinceMs = clock.monotonicMs();
        this.#report(PULL_STREAMING, stream.id);
        return stream;
      },
    });
    return sink;
  }

  /** The time for which we keep the source waiting is not its silence. */
  #watchedFlow(flow: () => Flow | undefined): Flow {
    return {
      pause: () => {
        this.#isPaused = true;
        flow()?.pause();
      },
      resume: () => {
        this.#isPaused = false;
        this.#markAlive();
        flow()?.resume();
      },
    };
  }

  /** Ends the source and its in-stream at once, for good. */
  stop(reason: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { localStreamName: stream, uri } = this.#request;
    if (this.stream)
      this.#options.logger.info({ stream, uri: maskCredentials(uri), reason: maskCredentials(reason) }, "pull down");
    this.#cancelAttempt?.();
    this.#lingering?.end(reason, true);
    this.#close(reason);
  }

  #onReceived(sink: FrameSink<InStream>): void {
    this.#lastBytesMs = this.#options.clock.monotonicMs();
    if (sink.accessUnits === this.#framesSeen) return;
    this.#framesSeen = sink.accessUnits;
    this.#lastFrameMs = this.#lastBytesMs;
  }

  #markAlive(): void {
    this.#lastBytesMs = this.#options.clock.monotonicMs();
    this.#lastFrameMs = this.#lastBytesMs;
  }

  /** The in-stream ends now; what carried it follows by `closed`. */
  #close(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    const sink = this.#sink;
    // What is complete goes into the sink first. The connection may be gone, and `closed` be told, when this returns.
    this.#connection?.close();
    sink?.end(reason, true);
  }

  #onClosed(sourceReason: string, isDenied = false): void {
    const isOurs = this.#closeReason !== undefined;
    const reason = this.#closeReason ?? sourceReason;
    const sink = this.#sink;
    const wasStreaming = sink?.stream !== undefined;
    const { clock, pacer } = this.#options;
    this.#closeReason = reason;
    sink?.end(reason, isOurs);
    if (sink?.stream?.ended === false) this.#lingering = sink;
    this.#sink = undefined;
    this.#connection = undefined;
    this.#isQueued = false;
    if (this.#isStopped) return;
    if (clock.monotonicMs() - this.#streamingSinceMs >= SUCCESS_MS) {
      this.#failures = 0;
      this.#denials = 0;
    }
    this.#failures++;
    if (isDenied) this.#denials++;
    const denials = isDenied ? this.#denials : 0;
    const delayMs = this.#request.keepAlive ? retryDelayMs(this.#failures, denials, this.#options.random()) : undefined;
    this.#tellFailure(reason, delayMs);
    // Scheduled before it is reported: a listener may stop the source.
    if (delayMs !== undefined) this.#cancelAttempt = pacer.schedule(delayMs, () => this.#connect());
    const trouble = { attempts: this.#failures, denials, reason: maskCredentials(reason) };
    this.#report(wasStreaming ? PULL_DISCONNECTED : PULL_FAILED, 0, trouble);
  }

  #tellFailure(reason: string, delayMs: number | undefined): void {
    const { logger, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const isFirst = this.#failures === 1;
    if (!isFirst && nowMs - this.#toldMs < REMINDER_MS) return;
    this.#toldMs = nowMs;
    logger.warn(
      {
        stream: this.#request.localStreamName,
        uri: maskCredentials(this.#request.uri),
        reason: maskCredentials(reason),
        ...(isFirst ? {} : { attempts: this.#failures }),
        ...(delayMs === undefined ? {} : { retryInSeconds: Math.ceil(delayMs / 1000) }),
      },
      isFirst ? "pull down" : "pull still down",
    );
  }

  /** Called now and then, for all sources by one timer. */
  checkSilence(): void {
    if (!this.#connection) return;
    const { clock, silenceMs } = this.#options;
    const stream = this.#sink?.stream;
    if (this.#isPaused || this.#isQueued || stream?.isHeldBack === true) return;
    // Frames are what counts once there are any: null packets keep a connection busy and record nothing. A frame that
    // found no room counts too.
    const lastMs = stream ? this.#lastFrameMs : this.#lastBytesMs;
    if (clock.monotonicMs() - lastMs >= silenceMs)
      this.#close(`the source delivered nothing for ${silenceMs / 1000} s`);
  }
}
