// The RTSP publish server: accepts connections, bounds them in number and time, and gives published streams to the
// registry. One timer watches all connections; no connection has one of its own.

import net from "node:net";
import type { Arena } from "../../arena/arena.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { SourceInfo } from "../../stream/in-stream.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { StagingBudget } from "../mpegts/staging.js";
import { PublishGate, type PublishGateOptions } from "../publish-gate.js";
import { PacedSocket, probeAdoption } from "../sockets/paced-socket.js";
import { ReadLoop } from "../sockets/read-loop.js";
import { type RecordConnectionHost, RtspRecordConnection } from "./record-connection.js";

export interface RtspServerOptions extends PublishGateOptions {
  maxConnections: number;
  /** From accept to RECORD. */
  recordTimeoutMs: Millis;
  /** Without bytes; the time that we keep a publisher waiting does not count. */
  idleTimeoutMs: Millis;
  /** How long a socket rests between two reads, at most. */
  maxRestMs: Millis;
  /** How often the time limits are looked at. */
  sweepIntervalMs: Millis;
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

/** Lines about outsiders, a second. */
const LOG_LINES_PER_SECOND = 20;
const MAX_SHOWN_NAME = 255;

export interface RtspServerParts {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  options?: Partial<RtspServerOptions>;
}

export class RtspServer {
  readonly #parts: RtspServerParts;
  readonly #options: RtspServerOptions;
  readonly #logLimit: LogLimit;
  /** Of its own, so that no flood of connections hides why a stream is missing. */
  readonly #refusalLimit: LogLimit;
  readonly #host: RecordConnectionHost;
  #server: net.Server | undefined;
  #loop: ReadLoop | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #isPlain = false;
  readonly #connections = new Set<RtspRecordConnection>();
  /** Sockets whose close event is still to come; they may outlive their connection by the linger time. */
  readonly #sockets = new Set<PacedSocket>();

  constructor(parts: RtspServerParts) {
    this.#parts = parts;
    this.#options = { ...DEFAULT_RTSP_OPTIONS, ...parts.options };
    const gate = new PublishGate(parts.registry, parts.clock, this.#options);
    this.#logLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
    this.#refusalLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
    this.#host = {
      arena: parts.arena,
      clock: parts.clock,
      budget: new StagingBudget(),
      isSecure: false,
      random: Math.random,
      refusalOf: (request) => gate.refusalOf(request),
      open: (request, publisher) => gate.open(request, publisher),
      closed: (connection, reason, error) => this.#closed(connection, reason, error),
      note: (connection, stream, note) => this.#log("info", { from: connection.farAddress, stream }, note),
      refused: (connection, path, why) => {
        // The query may hold a key.
        const stream = (path.split("?", 1)[0] ?? "").slice(0, MAX_SHOWN_NAME);
        this.#log(
          "warn",
          { from: connection.farAddress, stream },
          `RTSP publisher refused: ${why}`,
          this.#refusalLimit,
        );
      },
    };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** For publishers that come from now on. */
  setPublishKeys(keys: Readonly<Record<string, string>> | undefined): void {
    this.#options.publishKeys = keys;
  }

  async listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    if (this.#server) throw new ReelError("badArgument", "the RTSP server is listening already");
    this.#isPlain = !(await probeAdoption());
    const server = net.createServer({ pauseOnConnect: true });
    this.#server = server;
    this.#loop = new ReadLoop(this.#parts.arena, this.#options.maxRestMs);
    server.on("connection", (socket) => this.#accept(socket));
    try {
      await new Promise<void>((resolve, reject) =>
        server.once("error", reject).listen(address.port, address.host, resolve),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
    // E.g. EMFILE in accept: the connection is refused, the server goes on.
    server.on("error", (error) => this.#log("warn", { error: error.message }, "RTSP server error"));
    this.#sweep = setInterval(() => this.#checkTimes(), this.#options.sweepIntervalMs);
    this.#sweep.unref();
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new ReelError("io", "the RTSP server has no address");
    return { host: bound.address, port: bound.port };
  }

  /** Stops listening and ends every connection; their in-streams end, what is in the rings stays. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    clearInterval(this.#sweep);
    const listening = server.listening
      ? new Promise<void>((resolve) => server.close(() => resolve()))
      : Promise.resolve();
    for (const connection of this.#connections) connection.close("the server is shutting down", undefined, true);
    const closed = [...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.onceClosed(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([listening, ...closed]);
    this.#loop?.close();
    this.#loop = undefined;
  }

  #accept(socket: net.Socket): void {
    const loop = this.#loop;
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    const isFull = this.#connections.size >= this.#options.maxConnections;
    // A peer that is gone before it was accepted has no address.
    if (!loop || !this.#server || remoteAddress === undefined || isFull) {
      if (isFull) this.#log("warn", { from: remoteAddress }, "RTSP connection refused: too many");
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const near = { ip: localAddress ?? "", port: localPort ?? 0 };
    const address: Omit<SourceInfo, "type"> = {
      ...near,
      nearIp: near.ip,
      nearPort: near.port,
      farIp: remoteAddress,
      farPort: remotePort ?? 0,
    };
    const connection = new RtspRecordConnection(this.#host, address, (consumer) => {
      const paced = new PacedSocket(loop, socket, consumer, this.#isPlain);
      this.#sockets.add(paced);
      paced.onceClosed(() => this.#sockets.delete(paced));
      return paced;
    });
    this.#connections.add(connection);
  }

  #closed(connection: RtspRecordConnection, reason: string, error: unknown): void {
    this.#connections.delete(connection);
    if (error === undefined) {
      this.#log("debug", { from: connection.farAddress, reason }, "RTSP connection ended");
      return;
    }
    const isTheirs = error instanceof ReelError && error.code === "badInput";
    this.#log(
      isTheirs ? "info" : "warn",
      { from: connection.farAddress, reason, error: isTheirs ? undefined : error },
      "RTSP connection closed because of an error",
    );
  }

  #checkTimes(): void {
    const now = this.#parts.clock.monotonicMs();
    const { recordTimeoutMs, idleTimeoutMs } = this.#options;
    for (const connection of this.#connections) {
      connection.tick(now);
      if (connection.isHeld) continue;
      if (!connection.isPublishing) {
        if (now - connection.acceptedMs >= recordTimeoutMs) connection.close("publishes nothing");
      } else if (now - connection.lastBytesMs >= idleTimeoutMs) connection.close("silent for too long");
    }
  }

  #log(level: "debug" | "info" | "warn", context: object, message: string, limit = this.#logLimit): void {
    limit.pass((suppressed) =>
      this.#parts.logger[level](suppressed > 0 ? { ...context, suppressed } : context, message),
    );
  }
}
