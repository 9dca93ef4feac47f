// What listeners for publishers have in common, whatever they speak: accepting, a bound on the number of connections,
// reading by one loop, one timer for the time limits of all, and lines about outsiders at a bounded rate.

import net from "node:net";
import type tls from "node:tls";
import type { Arena } from "../../arena/arena.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { Clock, Millis } from "../../time/units.js";
import { type ByteConsumer, PacedSocket, probeAdoption } from "./paced-socket.js";
import { ReadLoop } from "./read-loop.js";

const SHUTTING_DOWN = "the server is shutting down";
/** Lines about outsiders, a second. */
const LOG_LINES_PER_SECOND = 20;
const MAX_SHOWN_NAME = 255;

/** A publisher's connection, as its listener needs it. */
export interface ListenedConnection {
  readonly farAddress: string;
  /** `atOnce`: frames that wait for room are given up. */
  close(reason: string, error?: unknown, atOnce?: boolean): void;
}

export interface ListenerLimits {
  maxConnections: number;
  /** How long a socket rests between two reads, at most. */
  maxRestMs: Millis;
  /** How often the time limits are looked at. */
  sweepIntervalMs: Millis;
  /** Reads with 'data' events only, as where the runtime offers nothing better. */
  plainReads?: boolean;
}

export interface PublishListenerParts<C extends ListenedConnection> {
  /** For people: RTMP, RTSP. */
  protocol: string;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  limits: ListenerLimits;
  /** Over TLS: the sockets that are accepted; by default plain ones. */
  createServer?: (() => tls.Server) | undefined;
  /** `openSocket` begins to read; bytes come later. */
  open(address: Omit<SourceInfo, "type">, openSocket: (consumer: ByteConsumer) => PacedSocket): C;
  /** Closes a connection that has taken too long. */
  checkTimes(connection: C, nowMs: Millis): void;
  /** How publishers are asked to leave when the listener closes; `ask`: false where one cannot be asked. */
  leaving?: { graceMs: Millis; ask(connection: C): boolean };
}

export class PublishListener<C extends ListenedConnection> {
  readonly #parts: PublishListenerParts<C>;
  readonly #logLimit: LogLimit;
  /** Of its own, so that no flood of connections hides why a stream is missing. */
  readonly #refusalLimit: LogLimit;
  #server: net.Server | undefined;
  #loop: ReadLoop | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #isPlain = false;
  readonly #connections = new Set<C>();
  /** Below TLS: those whose handshake never ends would keep a stop waiting. */
  readonly #secured = new Set<net.Socket>();
  /** Sockets whose close event is still to come; they may outlive their connection by the linger time. */
  readonly #sockets = new Set<PacedSocket>();
  /** Called when a connection has ended, during a close. */
  #onConnectionEnded: (() => void) | undefined;

  constructor(parts: PublishListenerParts<C>) {
    this.#parts = parts;
    this.#logLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
    this.#refusalLimit = new LogLimit(parts.clock, LOG_LINES_PER_SECOND);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const { protocol, arena, limits, createServer } = this.#parts;
    if (this.#server) throw new ReelError("badArgument", `the ${protocol} server is listening already`);
    const secure = createServer?.();
    // Node reads a TLS socket itself.
    this.#isPlain = secure !== undefined || limits.plainReads === true || !(await probeAdoption());
    const server = secure ?? net.createServer({ pauseOnConnect: true });
    this.#server = server;
    // A TLS record is a read, however small (ffmpeg sends 12 bytes in one): between them nothing may rest.
    this.#loop = ReadLoop.create(arena, secure ? 0 : limits.maxRestMs);
    if (secure) this.#secure(secure);
    else server.on("connection", (socket) => this.#accept(socket));
    try {
      await new Promise<void>((resolve, reject) =>
        server.once("error", reject).listen(address.port, address.host, resolve),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
    // E.g. EMFILE in accept: the connection is refused, the server goes on.
    server.on("error", (error) => this.log("warn", { error: error.message }, `${protocol} server error`));
    this.#sweep = setInterval(() => this.#checkTimes(), limits.sweepIntervalMs);
    this.#sweep.unref();
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new ReelError("io", `the ${protocol} server has no address`);
    return { host: bound.address, port: bound.port };
  }

  /**
   * Stops listening and ends every connection; their in-streams end, what is in the rings stays. Publishers that can be
   * asked to leave are recorded until they do, for a while.
   */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const listening = server.listening
      ? new Promise<void>((resolve) => server.close(() => resolve()))
      : Promise.resolve();
    const { leaving } = this.#parts;
    for (const connection of this.#connections)
      if (!leaving?.ask(connection)) connection.close(SHUTTING_DOWN, undefined, true);
    await this.#untilLeft(leaving?.graceMs ?? 0);
    clearInterval(this.#sweep);
    for (const connection of this.#connections) connection.close(SHUTTING_DOWN, undefined, true);
    const closed = [...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.onceClosed(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#secured) socket.destroy();
    await Promise.all([listening, ...closed]);
    this.#loop?.close();
    this.#loop = undefined;
  }

  /** Until no connection is left, or the time for it is over. */
  async #untilLeft(graceMs: Millis): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onConnectionEnded = () => {
        if (this.#connections.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onConnectionEnded = undefined;
  }

  /** A connection is gone; `error` where it was not in order. */
  closed(connection: C, reason: string, error: unknown): void {
    const { protocol } = this.#parts;
    this.#connections.delete(connection);
    this.#onConnectionEnded?.();
    if (error === undefined) {
      this.log("debug", { from: connection.farAddress, reason }, `${protocol} connection ended`);
      return;
    }
    const isTheirs = error instanceof ReelError && error.code === "badInput";
    this.log(
      isTheirs ? "info" : "warn",
      { from: connection.farAddress, reason, error: isTheirs ? undefined : error },
      `${protocol} connection closed because of an error`,
    );
  }

  note(connection: C, stream: string, note: string): void {
    this.log("info", { from: connection.farAddress, stream }, note);
  }

  /** A publisher was told no. */
  refused(connection: C, context: object, why: string): void {
    const message = `${this.#parts.protocol} publisher refused: ${why}`;
    this.log("warn", { from: connection.farAddress, ...context }, message, this.#refusalLimit);
  }

  log(level: "debug" | "info" | "warn", context: object, message: string, limit = this.#logLimit): void {
    limit.pass((suppressed) =>
      this.#parts.logger[level](suppressed > 0 ? { ...context, suppressed } : context, message),
    );
  }

  #secure(server: tls.Server): void {
    server.on("secureConnection", (socket) => this.#accept(socket));
    // A failed handshake ends its connection and nothing else.
    server.on("connection", (socket: net.Socket) => {
      this.#secured.add(socket);
      socket.once("close", () => this.#secured.delete(socket));
    });
    server.on("tlsClientError", (error) => this.log("debug", { error: error.message }, "TLS handshake"));
  }

  #accept(socket: net.Socket): void {
    const { protocol, limits, open } = this.#parts;
    const loop = this.#loop;
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    const isFull = this.#connections.size >= limits.maxConnections;
    // A peer that is gone before it was accepted has no address.
    if (!loop || !this.#server || remoteAddress === undefined || isFull) {
      if (remoteAddress !== undefined)
        this.log("warn", { from: remoteAddress }, `${protocol} connection refused: too many`);
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const near = { ip: localAddress ?? "", port: localPort ?? 0 };
    const far = { farIp: remoteAddress, farPort: remotePort ?? 0 };
    const connection = open({ ...near, nearIp: near.ip, nearPort: near.port, ...far }, (consumer) => {
      const paced = new PacedSocket(loop, socket, consumer, this.#isPlain);
      this.#sockets.add(paced);
      paced.onceClosed(() => this.#sockets.delete(paced));
      return paced;
    });
    this.#connections.add(connection);
  }

  #checkTimes(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const connection of this.#connections) this.#parts.checkTimes(connection, nowMs);
  }
}

/** What an outsider calls a stream, without the query, which may hold a key. */
export function shownName(text: string): string {
  return (text.split("?", 1)[0] ?? "").slice(0, MAX_SHOWN_NAME);
}
