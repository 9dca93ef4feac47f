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
import type { Timers } from "../../base/timers.js";
import type { InStream, SourceInfo } from "../../stream/in-stream.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import type { StagingBudget } from "../mpegts/staging.js";
import { TsSession } from "../mpegts/ts-session.js";
import type { PullConnection, PullRequest, PullTransport } from "./pull-transport.js";
import { schemeOf } from "./pull-uri.js";
import { retryDelayMs } from "./retry-delay.js";

// Codes of ems-record-spec §2.0; the control plane has them for all configs.
export const PULL_STREAMING = 0;
export const PULL_CONNECTING = 1;
export const PULL_CONNECTED = 3;
export const PULL_DISCONNECTED = 4;
export const PULL_FAILED = 5;
export type PullCode = 0 | 1 | 3 | 4 | 5;
/** `streamId` is 0 unless an in-stream lives. */
export type PullReport = (code: PullCode, streamId: number) => void;

export interface PullSourceOptions {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  timers: Timers;
  logger: Logger;
  silenceMs: Millis;
  /** Of all pulled sources together. */
  budget: StagingBudget;
  /** [0, 1), for the jitter of the pauses. */
  random(): number;
}

/** Checks per span of silence. */
const SILENCE_CHECKS = 8;
/** A connection that streamed for this long was a success: the next failure is the first again. */
const SUCCESS_MS = 5000;
const NO_ENDS: SourceInfo = { type: "INTS", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

export class PullSource {
  #options: PullSourceOptions;
  #request: PullRequest;
  #uri: URL;
  #transport: PullTransport;
  #report: PullReport;
  #connection: PullConnection | undefined;
  #session: TsSession | undefined;
  /** Of an earlier connection, while its last frames wait for room: there is one at most, as it has the name. */
  #lingering: TsSession | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #failures = 0;
  #streamingSinceMs: Millis = Number.NaN;
  #lastBytesMs: Millis = 0;
  #lastFrameMs: Millis = 0;
  #framesSeen = 0;
  #isPaused = false;
  #isStopped = false;
  #closeReason: string | undefined;

  constructor(
    request: PullRequest,
    uri: URL,
    transport: PullTransport,
    options: PullSourceOptions,
    report: PullReport,
  ) {
    this.#request = request;
    this.#uri = uri;
    this.#transport = transport;
    this.#options = options;
    this.#report = report;
  }

  get stream(): InStream | undefined {
    return this.#session?.stream;
  }

  start(): void {
    if (this.#isStopped) return;
    const { registry, arena, logger, clock, budget } = this.#options;
    this.#report(PULL_CONNECTING, 0);
    // Who hears of it may have stopped the source.
    if (this.#isStopped) return;
    this.#closeReason = undefined;
    this.#isPaused = false;
    this.#streamingSinceMs = Number.NaN;
    this.#framesSeen = 0;
    this.#markAlive();
    let ends: Partial<SourceInfo> = {};
    let isOpening = true;
    try {
      const connection = this.#transport.open(this.#request, this.#uri, {
        onConnected: (connected) => {
          ends = connected;
          if (!this.#isStopped) this.#report(PULL_CONNECTED, 0);
        },
        onBytes: (chunk) => this.#onBytes(chunk),
        onClosed: (reason) => this.#onClosed(reason),
      });
      isOpening = false;
      this.#connection = connection;
      const session: TsSession = new TsSession({
        registry,
        arena,
        logger,
        localStreamName: this.#request.localStreamName,
        source: () => ({ ...NO_ENDS, ...ends, type: this.#transport.sourceType(schemeOf(this.#uri)) }),
        flow: connection.flow && {
          pause: () => {
            this.#isPaused = true;
            connection.flow?.pause();
          },
          resume: () => {
            this.#isPaused = false;
            this.#markAlive();
            connection.flow?.resume();
          },
        },
        closeSource: (reason) => {
          if (this.#session === session) this.#close(reason);
          else session.end(reason, true);
        },
        onOpened: (stream) => {
          this.#streamingSinceMs = clock.monotonicMs();
          this.#report(PULL_STREAMING, stream.id);
        },
        demuxer: { budget },
      });
      this.#session = session;
      this.#watchSilence();
    } catch (error) {
      if (!isOpening) throw error;
      this.#onClosed(error instanceof Error ? error.message : String(error));
    }
  }

  /** Ends the source and its in-stream at once, for good. */
  stop(reason: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelWatch?.();
    this.#lingering?.end(reason, true);
    this.#close(reason);
  }

  #onBytes(chunk: Uint8Array): void {
    if (this.#closeReason !== undefined) return;
    this.#lastBytesMs = this.#options.clock.monotonicMs();
    const session = this.#session;
    if (!session) return;
    try {
      session.push(chunk);
    } catch (error) {
      // nameTaken, badName, arenaFull: this connection ends; the next attempt may find another state of things. So does
      // whatever else a source can make go wrong, and no other source with it.
      this.#close(error instanceof Error ? error.message : String(error));
    }
    if (session.accessUnits === this.#framesSeen) return;
    this.#framesSeen = session.accessUnits;
    this.#lastFrameMs = this.#lastBytesMs;
  }

  #markAlive(): void {
    this.#lastBytesMs = this.#options.clock.monotonicMs();
    this.#lastFrameMs = this.#lastBytesMs;
  }

  /** The in-stream ends now; what carried it follows by `onClosed`. */
  #close(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#session?.end(reason, true);
    this.#connection?.close();
  }

  #onClosed(transportReason: string): void {
    const reason = this.#closeReason ?? transportReason;
    const wasStreaming = this.#session?.stream !== undefined;
    const { logger, clock, timers } = this.#options;
    this.#cancelWatch?.();
    this.#closeReason ??= reason;
    this.#session?.end(reason);
    if (this.stream?.ended === false) this.#lingering = this.#session;
    this.#session = undefined;
    this.#connection = undefined;
    if (this.#isStopped) return;
    if (clock.monotonicMs() - this.#streamingSinceMs >= SUCCESS_MS) this.#failures = 0;
    this.#failures++;
    const delayMs = this.#request.keepAlive ? retryDelayMs(this.#failures, this.#options.random()) : undefined;
    logger.warn(
      {
        stream: this.#request.localStreamName,
        uri: maskCredentials(this.#request.uri),
        failures: this.#failures,
        retryInMs: delayMs === undefined ? null : Math.round(delayMs),
      },
      `the pulled source is gone: ${maskCredentials(reason)}`,
    );
    // Scheduled before it is told: whoever hears of it may stop the source.
    if (delayMs !== undefined) this.#cancelTimer = timers.after(delayMs, () => this.start());
    this.#report(wasStreaming ? PULL_DISCONNECTED : PULL_FAILED, 0);
  }

  #watchSilence(): void {
    const { clock, timers, silenceMs } = this.#options;
    this.#cancelWatch = timers.after(silenceMs / SILENCE_CHECKS, () => {
      const stream = this.#session?.stream;
      const isWaiting = this.#isPaused || stream?.isHeldBack === true;
      // Frames are what counts once there are any: null packets keep a connection busy and record nothing. A frame that
      // found no room counts too.
      const lastMs = stream ? this.#lastFrameMs : this.#lastBytesMs;
      if (!isWaiting && clock.monotonicMs() - lastMs >= silenceMs)
        this.#close(`the source delivered nothing for ${silenceMs / 1000} s`);
      else this.#watchSilence();
    });
  }
}
