// All pulled sources of a server, by config id: which schemes there are, what a URI must look like, and one PullSource
// for each config. It has the shape that the control plane asks for (src/control/pull/pull-port.ts) and knows nothing
// of it.

import type { Arena } from "../../arena/arena.js";
import { maskCredentials } from "../../base/credentials.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import { systemTimers, type Timers } from "../../base/timers.js";
import type { InStream } from "../../stream/in-stream.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { FfmpegTransport } from "../ffmpeg/ffmpeg-transport.js";
import { StagingBudget } from "../mpegts/staging.js";
import { PULL_DISCONNECTED, PULL_FAILED, type PullReport, PullSource } from "./pull-source.js";
import type { PullRequest, PullTransport } from "./pull-transport.js";
import { parseSourceUri, schemeOf } from "./pull-uri.js";
import { TcpTransport } from "./tcp-transport.js";
import { UdpTransport } from "./udp-transport.js";

export interface PullSourcesOptions {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  /** A source that delivers nothing for so long is gone. */
  silenceMs?: Millis | undefined;
  fileFolders?: readonly string[] | undefined;
  ffmpegPath?: string | undefined;
  /** For tests, and for protocols to come: looked at before the built-in ones. */
  transports?: readonly PullTransport[];
  timers?: Timers;
  random?(): number;
}

const SILENCE_MS = 10_000;

export class PullSources {
  #options: PullSourcesOptions;
  #silenceMs: Millis;
  #transports: PullTransport[];
  #sources = new Map<number, PullSource>();
  #budget = new StagingBudget();

  constructor(options: PullSourcesOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    const { logger, clock, ffmpegPath, fileFolders } = options;
    this.#transports = [
      ...(options.transports ?? []),
      new TcpTransport(),
      new UdpTransport(),
      new FfmpegTransport({ logger, clock, ffmpegPath, fileFolders, timeoutMs: this.#silenceMs }),
    ];
  }

  schemes(): string[] {
    return [...new Set(this.#transports.flatMap((transport) => transport.schemes))];
  }

  /** Why a URI cannot be pulled, for people; undefined where it can. */
  checkUri(text: string, ssmIp = ""): string | undefined {
    try {
      const uri = parseSourceUri(text);
      this.#transportOf(uri).check(uri, ssmIp);
      return undefined;
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      return maskCredentials(error.message);
    }
  }

  /**
   * Begins to pull; `report` is called whenever the state changes, and once more at the end of a source without
   * keepAlive.
   */
  start(request: PullRequest, report: PullReport): void {
    if (this.#sources.has(request.configId))
      throw new ReelError("badArgument", `config ${request.configId} is being pulled already`);
    let uri: URL;
    let transport: PullTransport;
    try {
      uri = parseSourceUri(request.uri);
      transport = this.#transportOf(uri);
    } catch (error) {
      // A stored config of a scheme that is no longer served: it stays, and says so. What may come back (ffmpeg, a
      // file) is tried again.
      if (!(error instanceof ReelError)) throw error;
      this.#options.logger.warn(
        { stream: request.localStreamName, uri: maskCredentials(request.uri) },
        `cannot be pulled: ${error.message}`,
      );
      report(PULL_FAILED, 0);
      return;
    }
    const { registry, arena, clock, logger } = this.#options;
    const options = {
      registry,
      arena,
      clock,
      logger,
      silenceMs: this.#silenceMs,
      budget: this.#budget,
      timers: this.#options.timers ?? systemTimers,
      random: this.#options.random ?? Math.random,
    };
    const source = new PullSource(request, uri, transport, options, (code, streamId) => {
      if (!request.keepAlive && (code === PULL_DISCONNECTED || code === PULL_FAILED))
        this.#sources.delete(request.configId);
      report(code, streamId);
    });
    this.#sources.set(request.configId, source);
    source.start();
  }

  /** Ends a source at once, its in-stream included. */
  stop(configId: number, reason: string): void {
    const source = this.#sources.get(configId);
    this.#sources.delete(configId);
    source?.stop(reason);
  }

  streamOf(configId: number): InStream | undefined {
    return this.#sources.get(configId)?.stream;
  }

  /** Ends all sources; resolves when no process of theirs is left. */
  async close(): Promise<void> {
    for (const configId of [...this.#sources.keys()]) this.stop(configId, "the server is closing");
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }

  #transportOf(uri: URL): PullTransport {
    const scheme = schemeOf(uri);
    const transport = this.#transports.find((candidate) => candidate.schemes.includes(scheme));
    if (!transport)
      throw new ReelError("badArgument", `${scheme}:// cannot be pulled; there are ${this.schemes().join(", ")}`);
    return transport;
  }
}
