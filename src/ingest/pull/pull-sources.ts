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
import { StagingBudget } from "../mpegts/staging.js";
import type { Source, SourceRequest } from "../source.js";
import { createSources } from "../source-table.js";
import { parseSourceUri, schemeOf } from "../source-uri.js";
import { AttemptPacer } from "./attempt-pacer.js";
import { PULL_DISCONNECTED, PULL_FAILED, type PullReport, PullSource } from "./pull-source.js";

export interface PullSourcesOptions {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  /** A source that delivers nothing for so long is gone. */
  silenceMs?: Millis | undefined;
  fileFolders?: readonly string[] | undefined;
  ffmpegPath?: string | undefined;
  /** ffmpeg processes at a time. */
  maxFfmpegs?: number | undefined;
  /** Of an embedding program, and of tests: looked at before those of the table. */
  sources?: readonly Source[];
  timers?: Timers;
  random?(): number;
}

const SILENCE_MS = 10_000;
/** Looks per span of silence. */
const SILENCE_CHECKS = 8;
export const DEFAULT_MAX_FFMPEGS = 500;

export class PullSources {
  #options: PullSourcesOptions;
  #silenceMs: Millis;
  #kinds: Source[];
  #sources = new Map<number, PullSource>();
  #timers: Timers;
  #pacer: AttemptPacer;
  /** One for all sources; none while there are none. */
  #cancelWatch: (() => void) | undefined;

  constructor(options: PullSourcesOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    const { arena, logger, clock, ffmpegPath, fileFolders } = options;
    this.#timers = options.timers ?? systemTimers;
    this.#pacer = new AttemptPacer(clock, this.#timers);
    const budget = new StagingBudget();
    const maxFfmpegs = options.maxFfmpegs ?? DEFAULT_MAX_FFMPEGS;
    const parts = { arena, clock, logger, budget, silenceMs: this.#silenceMs, ffmpegPath, fileFolders, maxFfmpegs };
    this.#kinds = [...(options.sources ?? []), ...createSources(parts)];
  }

  schemes(): string[] {
    return [...new Set(this.#kinds.flatMap((kind) => kind.schemes))];
  }

  /** Why a URI cannot be pulled, for people; undefined where it can. */
  checkUri(text: string, ssmIp = ""): string | undefined {
    try {
      const uri = parseSourceUri(text);
      this.#kindOf(uri).check(uri, ssmIp);
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
  start(request: SourceRequest, report: PullReport): void {
    if (this.#sources.has(request.configId))
      throw new ReelError("badArgument", `config ${request.configId} is being pulled already`);
    let uri: URL;
    let kind: Source;
    try {
      uri = parseSourceUri(request.uri);
      kind = this.#kindOf(uri);
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
      pacer: this.#pacer,
      random: this.#options.random ?? Math.random,
    };
    const source = new PullSource(request, uri, kind, options, (code, streamId, trouble) => {
      if (!request.keepAlive && (code === PULL_DISCONNECTED || code === PULL_FAILED)) this.#forget(request.configId);
      report(code, streamId, trouble);
    });
    this.#sources.set(request.configId, source);
    this.#watchSilence();
    source.start();
  }

  #watchSilence(): void {
    this.#cancelWatch ??= this.#timers.after(this.#silenceMs / SILENCE_CHECKS, () => {
      this.#cancelWatch = undefined;
      // A source that is closed here may be gone, and others begin, before the next is looked at.
      for (const source of [...this.#sources.values()]) source.checkSilence();
      if (this.#sources.size > 0) this.#watchSilence();
    });
  }

  #forget(configId: number): void {
    this.#sources.delete(configId);
    if (this.#sources.size > 0) return;
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  /** Ends a source at once, its in-stream included. */
  stop(configId: number, reason: string): void {
    const source = this.#sources.get(configId);
    this.#forget(configId);
    source?.stop(reason);
  }

  streamOf(configId: number): InStream | undefined {
    return this.#sources.get(configId)?.stream;
  }

  /** Ends all sources; resolves when no process of theirs is left. */
  async close(): Promise<void> {
    for (const configId of [...this.#sources.keys()]) this.stop(configId, "the server is closing");
    await Promise.all(this.#kinds.map((kind) => kind.close()));
  }

  #kindOf(uri: URL): Source {
    const scheme = schemeOf(uri);
    const kind = this.#kinds.find((candidate) => candidate.schemes.includes(scheme));
    if (!kind)
      throw new ReelError("badArgument", `${scheme}:// cannot be pulled; there are ${this.schemes().join(", ")}`);
    return kind;
  }
}
