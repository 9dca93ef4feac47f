// The RTSP publish server: bounds its connections in time, and gives published streams to the registry.

import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { StagingBudget } from "../mpegts/staging.js";
import { PublishGate, type PublishGateOptions } from "../publish-gate.js";
import { type ListenerLimits, PublishListener, shownName } from "../sockets/publish-listener.js";
import { type RecordConnectionHost, RtspRecordConnection } from "./record-connection.js";

export interface RtspServerOptions extends PublishGateOptions, ListenerLimits {
  /** From accept to RECORD. */
  recordTimeoutMs: Millis;
  /** Without bytes; the time that we keep a publisher waiting does not count. */
  idleTimeoutMs: Millis;
}

export const DEFAULT_RTSP_OPTIONS: RtspServerOptions = {
  publishKeys: undefined,
  takeOverAfterMs: 3000,
  maxConnections: 1024,
  recordTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  maxRestMs: 150,
  sweepIntervalMs: 500,
};

export interface RtspServerParts {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  options?: Partial<RtspServerOptions>;
}

export class RtspServer {
  readonly #options: RtspServerOptions;
  readonly #listener: PublishListener<RtspRecordConnection>;

  constructor({ registry, arena, clock, logger, options }: RtspServerParts) {
    const limits = { ...DEFAULT_RTSP_OPTIONS, ...options };
    this.#options = limits;
    const gate = new PublishGate(registry, clock, limits);
    const host: RecordConnectionHost = {
      arena,
      clock,
      budget: new StagingBudget(),
      isSecure: false,
      random: Math.random,
      refusalOf: (request) => gate.refusalOf(request),
      open: (request, publisher) => gate.open(request, publisher),
      closed: (connection, reason, error) => this.#listener.closed(connection, reason, error),
      note: (connection, stream, note) => this.#listener.note(connection, stream, note),
      refused: (connection, path, why) => this.#listener.refused(connection, { stream: shownName(path) }, why),
    };
    this.#listener = new PublishListener({
      ...{ protocol: "RTSP", arena, clock, logger, limits },
      open: (address, openSocket) => new RtspRecordConnection(host, address, openSocket),
      checkTimes: (connection, nowMs) => this.#checkTimes(connection, nowMs),
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

  /** Stops listening and ends every connection; their in-streams end, what is in the rings stays. */
  close(): Promise<void> {
    return this.#listener.close();
  }

  #checkTimes(connection: RtspRecordConnection, nowMs: Millis): void {
    const { recordTimeoutMs, idleTimeoutMs } = this.#options;
    connection.tick(nowMs);
    if (connection.isHeld) return;
    if (!connection.isPublishing) {
      if (nowMs - connection.acceptedMs >= recordTimeoutMs) connection.close("publishes nothing");
    } else if (nowMs - connection.lastBytesMs >= idleTimeoutMs) connection.close("silent for too long");
  }
}
