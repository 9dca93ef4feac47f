// The RTMP publish server: accepts connections, bounds them in number and time, and gives published streams to the
// registry. One timer watches all connections; no connection has one of its own.

import net from "node:net";
import type tls from "node:tls";
import type { Arena } from "../../arena/arena.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { SourceInfo } from "../../stream/in-stream.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock } from "../../time/units.js";
import { PublishGate, type PublishGateOptions } from "../publish-gate.js";
import { PacedSocket, probeAdoption } from "../sockets/paced-socket.js";
import { ReadLoop } from "../sockets/read-loop.js";
import { type ConnectionHost, RtmpConnection } from "./connection.js";
import { ScratchBudget } from "./scratch.js";

export interface RtmpServerOptions extends PublishGateOptions {
  maxConnections: number;
  /** Streams that one connection publishes in its life. */
  maxPublishes: number;
  /** From accept to the end of the handshake. */
  handshakeTimeoutMs: number;
  /** Without bytes, or connected without publishing; the time that we keep a publisher waiting does not count. */
  idleTimeoutMs: number;
  /** How long a socket rests between two reads, at most. */
  maxRestMs: number;
  /** Half-received messages of all connections together. */
  maxScratchBytes: number;
  /** How often the time limits are looked at. */
  sweepIntervalMs: number;
  /** How long a close waits for publishers that were asked to come again to leave by themselves. */
  reconnectGraceMs: number;
  /** Reads with 'data' events only, as where the runtime offers nothing better. */
  plainReads: boolean;
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

const SHUTTING_DOWN = "the server is shutting down";
/** Lines about outsiders, a second. */
const LOG_LINES_PER_SECOND = 20;
const MAX_SHOWN_NAME = 255;

/** What an outsider calls a stream, without the query, which may hold a key. */
function shownName(text: string): string {
  return (text.split("?", 1)[0] ?? "").slice(0, MAX_SHOWN_NAME);
}

export interface RtmpServerParts {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  options?: Partial<RtmpServerOptions>;
  /** RTMPS: the sockets that this server accepts, over TLS; by default plain ones. */
  createServer?: (() => tls.Server) | undefined;
}

export class RtmpServer {
  #parts: RtmpServerParts;
  #options: RtmpServerOptions;
  #gate: PublishGate;
  #logLimit: LogLimit;
  /** Of its own, so that no flood of connections hides why a stream is missing. */
  #refusalLimit: LogLimit;
  #server: net.Server | undefined;
  #loop: ReadLoop | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #isPlain = false;
  #connections = new Set<RtmpConnection>();
  /** Below TLS: those whose handshake never ends would keep a stop waiting. */
  #secured = new Set<net.Socket>();
  /** Sockets whose close event is still to come; they may outlive their connection by the linger time. */
  #sockets = new Set<PacedSocket>();
  #host: ConnectionHost;
  /** Called when a connection has ended, during a close. */
  #onConnectionEnded: (() => void) | undefined;

  constructor(parts: RtmpServerParts) {
    this.#parts = parts;
    this.#options = { ...DEFAULT_RTMP_OPTIONS, ...parts.options };
    this.#gate = new PublishGate(parts.registry, parts.clock, this.#options);
    this.#logLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
    this.#refusalLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
    this.#host = {
      arena: parts.arena,
      clock: parts.clock,
      scratchBudget: new ScratchBudget(this.#options.maxScratchBytes),
      maxPublishes: this.#options.maxPublishes,
      open: (request, publisher) => this.#gate.open(request, publisher),
      closed: (connection, reason, error) => this.#closed(connection, reason, error),
      note: (connection, stream, note) => this.#log("info", { from: connection.farAddress, stream }, note),
      refused: (connection, app, streamKey, refusal) => {
        const facts = { from: connection.farAddress, app: shownName(app), stream: shownName(streamKey) };
        this.#log("warn", facts, `RTMP publisher refused: ${refusal.description}`, this.#refusalLimit);
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
    if (this.#server) throw new ReelError("badArgument", "the RTMP server is listening already");
    const secure = this.#parts.createServer?.();
    // Node reads a TLS socket itself.
    this.#isPlain = secure !== undefined || this.#options.plainReads || !(await probeAdoption());
    const server = secure ?? net.createServer({ pauseOnConnect: true });
    this.#server = server;
    // A TLS record is a read, however small (ffmpeg sends 12 bytes in one): between them nothing may rest.
    this.#loop = new ReadLoop(this.#parts.arena, secure ? 0 : this.#options.maxRestMs);
    if (secure) secure.on("secureConnection", (socket) => this.#accept(socket));
    else server.on("connection", (socket) => this.#accept(socket));
    // A failed handshake ends its connection and nothing else.
    secure?.on("connection", (socket: net.Socket) => {
      this.#secured.add(socket);
      socket.once("close", () => this.#secured.delete(socket));
    });
    secure?.on("tlsClientError", (error) => this.#log("debug", { error: error.message }, "TLS handshake"));
    try {
      await new Promise<void>((resolve, reject) =>
        server.once("error", reject).listen(address.port, address.host, resolve),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
    // E.g. EMFILE in accept: the connection is refused, the server goes on.
    server.on("error", (error) => this.#log("warn", { error: error.message }, "RTMP server error"));
    this.#sweep = setInterval(() => this.#checkTimes(), this.#options.sweepIntervalMs);
    this.#sweep.unref();
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new ReelError("io", "the RTMP server has no address");
    return { host: bound.address, port: bound.port };
  }

  /**
   * Stops listening and ends every connection; their in-streams end, what is in the rings stays. Publishers that can be
   * asked to come again are, and are recorded until they leave, for `reconnectGraceMs` at most.
   */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const listening = server.listening
      ? new Promise<void>((resolve) => server.close(() => resolve()))
      : Promise.resolve();
    for (const connection of this.#connections)
      if (!connection.requestReconnect("The server is shutting down.")) connection.close(SHUTTING_DOWN);
    await this.#untilLeft();
    clearInterval(this.#sweep);
    for (const connection of this.#connections) connection.close(SHUTTING_DOWN);
    const closed = [...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.onceClosed(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#secured) socket.destroy();
    await Promise.all([listening, ...closed]);
    this.#loop?.close();
    this.#loop = undefined;
  }

  /** Until no connection is left, or the time for it is over. */
  async #untilLeft(): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.reconnectGraceMs);
      this.#onConnectionEnded = () => {
        if (this.#connections.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onConnectionEnded = undefined;
  }

  #accept(socket: net.Socket): void {
    const loop = this.#loop;
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    // A peer that is gone before it was accepted has no address.
    if (
      !loop ||
      !this.#server ||
      remoteAddress === undefined ||
      this.#connections.size >= this.#options.maxConnections
    ) {
      if (remoteAddress !== undefined) this.#log("warn", { from: remoteAddress }, "RTMP connection refused: too many");
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
    const connection = new RtmpConnection(this.#host, address, (consumer) => {
      const paced = new PacedSocket(loop, socket, consumer, this.#isPlain);
      this.#sockets.add(paced);
      paced.onceClosed(() => this.#sockets.delete(paced));
      return paced;
    });
    this.#connections.add(connection);
  }

  #closed(connection: RtmpConnection, reason: string, error: unknown): void {
    this.#connections.delete(connection);
    this.#onConnectionEnded?.();
    if (error === undefined) {
      this.#log("debug", { from: connection.farAddress, reason }, "RTMP connection ended");
      return;
    }
    const isTheirs = error instanceof ReelError && error.code === "badInput";
    this.#log(
      isTheirs ? "info" : "warn",
      { from: connection.farAddress, reason, error: isTheirs ? undefined : error },
      "RTMP connection closed because of an error",
    );
  }

  #checkTimes(): void {
    const now = this.#parts.clock.monotonicMs();
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#options;
    for (const connection of this.#connections) {
      if (connection.isHeld) continue;
      if (!connection.isHandshakeDone) {
        if (now - connection.acceptedMs >= handshakeTimeoutMs) connection.close("no handshake in time");
      } else if (now - connection.lastBytesMs >= idleTimeoutMs) connection.close("silent for too long");
      else if (!connection.isPublishing && now - connection.unpublishedSinceMs >= idleTimeoutMs)
        connection.close("publishes nothing");
    }
  }

  #log(level: "debug" | "info" | "warn", context: object, message: string, limit = this.#logLimit): void {
    limit.pass((suppressed) =>
      this.#parts.logger[level](suppressed > 0 ? { ...context, suppressed } : context, message),
    );
  }
}
