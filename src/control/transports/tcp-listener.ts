// The TCP listeners (ems-record-spec §1.4): JSON on 1112, human-readable on 1222. They differ only in how a reply is
// written. They send no greeting, no prompt and no echo. A connection is open until `quit`, until the other side ends
// (a half-closed one still gets its replies) or until it is idle for too long. One that begins as HTTP or TLS is a web
// browser's: it is closed before anything is carried out.

import { createServer, type Server, type Socket } from "node:net";
import { waitAtMost } from "../../base/deadline.js";
import type { Logger } from "../../base/logger.js";
import { MAX_LINE_BYTES, parseCommandLine } from "../commands/grammar.js";
import type { Dispatch } from "../dispatch.js";
import { fail, type Reply } from "../replies/reply.js";
import { ConnectionSlots, type SlotLimits } from "../security/connection-slots.js";
import { isHttpLine, isTlsHandshake } from "../security/foreign-protocol.js";
import type { AddressGuard } from "../security/protection.js";
import { LineReader } from "./line-reader.js";
import { endLingering } from "./linger.js";
import { type ListenerAddress, listen } from "./listen.js";
import { Session } from "./session.js";

/** A reply as the bytes of this listener. `command` is undefined where no command could be read. */
export type ReplyFormat = (command: string | undefined, reply: Reply) => Buffer;

/** A connection without a command waits for its first line for so long. People type. */
const FIRST_LINE_MS = 120_000;
/** Clients keep their connection open between commands. */
const IDLE_MS = 3_600_000;
/** A connection that reads none of its replies for so long is dropped. */
const SLOW_READER_MS = 30_000;
/** A stop waits at most this long for replies that nobody reads. */
const CLOSE_WAIT_MS = 2_000;

export const OVERLONG = fail(`Syntax error. A command line has at most ${MAX_LINE_BYTES} bytes`);

export interface TcpListenerOptions {
  readonly slots: SlotLimits;
  readonly logger: Logger;
}

export class TcpListener {
  readonly #server: Server;
  readonly #connections = new Map<Socket, Session>();

  readonly #slots: ConnectionSlots;
  readonly #logger: Logger;

  constructor(
    private readonly dispatch: Dispatch,
    private readonly guard: AddressGuard,
    private readonly format: ReplyFormat,
    { slots, logger }: TcpListenerOptions,
  ) {
    this.#slots = new ConnectionSlots(slots);
    this.#logger = logger;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#serve(socket),
    );
  }

  open(address: ListenerAddress): Promise<ListenerAddress> {
    return listen(this.#server, address);
  }

  stopAccepting(): void {
    this.#server.close();
  }

  /** Waits for the commands under way, then ends every connection; one that does not read its replies is cut. */
  async close(): Promise<void> {
    this.stopAccepting();
    await waitAtMost(
      Promise.all([...this.#connections].map(([socket, session]) => goodbye(socket, session))),
      CLOSE_WAIT_MS,
    );
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #serve(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (!this.guard.allows(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    if (!this.#slots.admit(socket)) return;
    const session = new Session({ pause: () => socket.pause(), resume: () => socket.resume() });
    this.#connections.set(socket, session);
    socket.on("close", () => this.#connections.delete(socket));
    const reader = new LineReader();
    let isKnown = false;
    const submit = (lines: readonly string[]): void => {
      if (lines.length === 0) return;
      if (!isKnown && isHttpLine(lines[0] ?? "")) {
        this.#dropForeign(socket, "HTTP");
        return;
      }
      isKnown = true;
      this.#slots.prove(socket);
      socket.setTimeout(IDLE_MS);
      for (const line of lines) session.submit(() => this.#answer(socket, session, line));
    };
    socket.setTimeout(FIRST_LINE_MS, () => socket.destroy());
    socket.on("data", (chunk) => {
      if (reader.isOverlong || socket.destroyed) return;
      if (!isKnown && isTlsHandshake(chunk)) this.#dropForeign(socket, "TLS");
      else submit(reader.push(chunk));
      if (reader.isOverlong && !socket.destroyed) session.submit(() => this.#refuse(socket, session));
    });
    socket.on("end", () => {
      submit(reader.end());
      session.submit(async () => void socket.end());
    });
  }

  /** Nothing is answered: the reply would be the page's to read. */
  #dropForeign(socket: Socket, protocol: string): void {
    this.#logger.warn(
      { from: socket.remoteAddress },
      `a connection that speaks ${protocol} was closed: a web page may have sent it (commands over HTTP have a listener of their own)`,
    );
    socket.destroy();
  }

  async #answer(socket: Socket, session: Session, line: string): Promise<void> {
    const request = parseCommandLine(line);
    if (!request) return;
    const reply = await this.dispatch.execute(request);
    await write(socket, this.format(request.command, reply));
    if (request.command.toLowerCase() === "quit") endConversation(socket, session);
  }

  async #refuse(socket: Socket, session: Session): Promise<void> {
    await write(socket, this.format(undefined, OVERLONG));
    endConversation(socket, session);
  }
}

async function goodbye(socket: Socket, session: Session): Promise<void> {
  await session.idle();
  if (socket.destroyed) return;
  // `once` of node:events would reject on a reset, and the whole stop with it.
  const isClosed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroySoon();
  await isClosed;
}

/**
 * What was written goes out, what still comes is not carried out, and the connection ends whether or not the other side
 * does.
 */
function endConversation(socket: Socket, session: Session): void {
  session.end();
  endLingering(socket);
}

/** One write per reply; resolves when there is room for the next. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (!socket.writable || socket.write(bytes) || socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), SLOW_READER_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
