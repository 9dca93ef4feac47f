// The RTMP publish server: bounds its connections in time, and gives published streams to the registry.

import type tls from "node:tls";
import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { PublishGate, type PublishGateOptions } from "../publish-gate.js";
import { type ListenerLimits, PublishListener, shownName } from "../sockets/publish-listener.js";
import type { IngestWorkers } from "../workers/ingest-workers.js";
import { type ConnectionHost, RtmpConnection } from "./connection.js";
import { ScratchBudget } from "./scratch.js";

export interface RtmpServerOptions extends PublishGateOptions, ListenerLimits {
  /** Streams that one connection publishes in its life. */
  maxPublishes: number;
  /** From accept to the end of the handshake. */
  handshakeTimeoutMs: number;
  /** Without bytes, or connected without publishing; the time that we keep a publisher waiting does not count. */
  idleTimeoutMs: number;
  /** Half-received messages of all connections together. */
  maxScratchBytes: number;
  /** How long a close waits for publishers that were asked to come again to leave by themselves. */
  reconnectGraceMs: number;
}

export const DEFAULT_RTMP_OPTIONS: RtmpServerOptions = {
  publishKeys: undefined,
  takeOverAfterMs: 3000,
  maxConnections: 4096,
  maxPublishes: 1000,
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  maxRestMs: 150,
  maxScratchBytes: 268_435_456,
  sweepIntervalMs: 1000,
  // A group of pictures of a usual encoder: it leaves at a key frame.
  reconnectGraceMs: 3000,
  plainReads: false,
};

export interface RtmpServerParts {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  options?: Partial<RtmpServerOptions>;
  /** Threads that read what is published over plain TCP; by default the main thread does. */
  workers?: IngestWorkers | undefined;
  /** RTMPS: the sockets that this server accepts, over TLS; by default plain ones. */
  createServer?: (() => tls.Server) | undefined;
}

export class RtmpServer {
  readonly #options: RtmpServerOptions;
  readonly #listener: PublishListener<RtmpConnection>;

  constructor({ registry, arena, clock, logger, options, workers, createServer }: RtmpServerParts) {
    const limits = { ...DEFAULT_RTMP_OPTIONS, ...options };
    this.#options = limits;
    const gate = new PublishGate(registry, clock, limits);
    const host: ConnectionHost = {
      arena,
      clock,
      scratchBudget: new ScratchBudget(limits.maxScratchBytes),
      maxPublishes: limits.maxPublishes,
      workers: createServer ? undefined : workers,
      open: (request, publisher) => gate.open(request, publisher),
      closed: (connection, reason, error) => this.#listener.closed(connection, reason, error),
      note: (connection, stream, note) => this.#listener.note(connection, stream, note),
      refused: (connection, app, streamKey, { description }) =>
        this.#listener.refused(connection, { app: shownName(app), stream: shownName(streamKey) }, description),
    };
    this.#listener = new PublishListener({
      ...{ protocol: "RTMP", arena, clock, logger, limits, createServer },
      open: (address, openSocket) => new RtmpConnection(host, address, openSocket),
      checkTimes: (connection, nowMs) => this.#checkTimes(connection, nowMs),
      leaving: {
        graceMs: limits.reconnectGraceMs,
        ask: (connection) => connection.requestReconnect("The server is shutting down."),
      },
    });
  }

  get connectionCount(): number {
    return this.#listener.connectionCount;
  }

  /** For publishers that come from now on. */
  setPublishKeys(keys: Readonly<Record<string, string>> | undefined): void {
    this.#options.publishKeys = keys;
  }

  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    return this.#listener.listen(address);
  }

  /**
   * Stops listening and ends every connection; their in-streams end, what is in the rings stays. Publishers that can be
   * asked to come again are, and are recorded until they leave, for `reconnectGraceMs` at most.
   */
  close(): Promise<void> {
    return this.#listener.close();
  }

  #checkTimes(connection: RtmpConnection, nowMs: Millis): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#options;
    if (connection.isHeld) return;
    if (!connection.isHandshakeDone) {
      if (nowMs - connection.acceptedMs >= handshakeTimeoutMs) connection.close("no handshake in time");
    } else if (nowMs - connection.lastBytesMs >= idleTimeoutMs) connection.close("silent for too long");
    else if (!connection.isPublishing && nowMs - connection.unpublishedSinceMs >= idleTimeoutMs)
      connection.close("publishes nothing");
  }
}
