// MPEG-TS over TCP, received: every connection is a publisher whose in-stream is named by configuration, `{n}` and
// `{port}` in it being the number of the connection and the port that it came to. One connection's fault ends that
// connection and nothing else.

import { createServer, type Server, type Socket } from "node:net";
import type { Arena } from "../../arena/arena.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock, Millis } from "../../time/units.js";
import { type Flow, FrameSink, reasonOf } from "../frame-sink.js";
import { StagingBudget } from "./staging.js";
import { TsSession } from "./ts-session.js";

export interface TsTcpServerOptions {
  registry: StreamRegistry;
  arena: Arena;
  clock: Clock;
  logger: Logger;
  /** Without `{n}` there is one publisher at a time; a new one takes over when the old one is silent. */
  streamName: string;
  /** A publisher silent for this long gives way to a new one of the same name (design.md §5). */
  takeOverAfterMs?: Millis;
  /** A connection that sends nothing for this long is closed. */
  silenceMs?: Millis;
  maxConnections?: number;
}

const TAKE_OVER_AFTER_MS = 3000;
const SILENCE_MS = 10_000;
const MAX_CONNECTIONS = 1024;
const LOG_LINES_PER_SECOND = 5;

export class TsTcpServer {
  #options: TsTcpServerOptions;
  #server: Server;
  #connections = new Map<Socket, { session: TsSession; sink: FrameSink }>();
  #accepted = 0;
  #log: LogLimit;
  /** For what outsiders can trigger, all connections together. */
  #logger: Logger;
  #budget = new StagingBudget();

  constructor(options: TsTcpServerOptions) {
    this.#options = options;
    this.#log = new LogLimit(options.clock, LOG_LINES_PER_SECOND);
    this.#logger = limited(options.logger, this.#log);
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  }

  /** Resolves with the address in use. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(address.port, address.host, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) => this.#logger.warn({ error: error.message }, "MPEG-TS listener"));
        const bound = this.#server.address();
        resolve(typeof bound === "object" && bound ? { host: bound.address, port: bound.port } : address);
      });
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Closes the listener and every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        this.#connections.clear();
        resolve();
      });
      for (const socket of this.#connections.keys()) socket.destroy();
      // Recordings end next: what still waits for room is counted as lost, and does not vanish.
      for (const { session, sink } of this.#connections.values()) {
        session.end();
        sink.end("the server is closing", true);
      }
    });
  }

  #accept(socket: Socket): void {
    const { registry, arena, clock, silenceMs = SILENCE_MS } = this.#options;
    const logger = this.#logger;
    const name = this.#options.streamName
      .replaceAll("{n}", String(++this.#accepted))
      .replaceAll("{port}", String(socket.localPort ?? 0));
    const source = sourceOf(socket);
    let isPaused = false;
    let reason = "the publisher closed the connection";
    const flow: Flow = {
      pause: () => {
        isPaused = true;
        socket.pause();
      },
      resume: () => {
        isPaused = false;
        // From here on its silence counts again.
        socket.setTimeout(silenceMs);
        socket.resume();
      },
    };
    const closeSource = (why: string): void => {
      // Of a publisher that has left, what still waits for room is given up.
      const isGone = socket.destroyed;
      session.end();
      sink.end(why, isGone);
      socket.destroy();
    };
    const sink = new FrameSink({
      arena,
      flow: () => flow,
      open: () => {
        this.#endPredecessor(name, clock);
        return registry.open(name, source, closeSource);
      },
    });
    const session = new TsSession(sink, { arena, logger, name, demuxer: { budget: this.#budget } });
    this.#connections.set(socket, { session, sink });
    const fail = (error: unknown): void => {
      reason = reasonOf(error);
      logger.warn({ stream: name, farIp: source.farIp, reason }, "an MPEG-TS connection was closed");
      socket.destroy();
    };
    socket.setTimeout(silenceMs);
    // A callback given to setTimeout is called once: a first timeout that was ours would have been the last.
    socket.on("timeout", () => {
      // The time for which we keep a source waiting is not its silence.
      if (!isPaused) fail(new ReelError("closed", "the publisher sent nothing for too long"));
    });
    socket.on("data", (chunk) => {
      try {
        session.push(chunk);
      } catch (error) {
        fail(error);
      }
    });
    socket.on("error", fail);
    socket.on("close", () => {
      this.#connections.delete(socket);
      session.end();
      sink.end(reason, false);
    });
  }

  /** A silent publisher gives way; the registry refuses the name where a live one has it. */
  #endPredecessor(name: string, clock: Clock): void {
    const live = this.#options.registry.get(name);
    if (!live || live.isHeldBack) return;
    if (clock.monotonicMs() - live.lastFrameMs >= (this.#options.takeOverAfterMs ?? TAKE_OVER_AFTER_MS))
      live.closeSource("a new publisher took over");
  }
}

function sourceOf(socket: Socket): SourceInfo {
  const nearIp = socket.localAddress ?? "";
  const nearPort = socket.localPort ?? 0;
  return {
    type: "INTS",
    ip: nearIp,
    port: nearPort,
    nearIp,
    nearPort,
    farIp: socket.remoteAddress ?? "",
    farPort: socket.remotePort ?? 0,
  };
}

function limited(logger: Logger, limit: LogLimit): Logger {
  return {
    debug: (context, message) => logger.debug(context, message),
    info: (context, message) => logger.info(context, message),
    warn: (context, message) => limit.pass((suppressed) => logger.warn({ ...context, suppressed }, message)),
  };
}
