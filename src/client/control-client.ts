// A small client of the WebSocket channel, exported as `reel/client`: commands as methods, events as an async iterator,
// reconnecting. It carries nothing of the server but types. Replies come in the order of the commands. Commands under
// way when a connection breaks are rejected, because nobody knows whether they ran.

import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { EventFeed } from "./client-events.js";
import type { CommandData, CommandName, CommandParameters } from "./control-protocol.js";
import type { EventName, ReelEvent } from "./event-payloads.js";
import type { ReplyMessage } from "./reply-data.js";

export type * from "./control-protocol.js";
export type * from "./event-payloads.js";
export type * from "./record-settings.js";
export type * from "./reply-data.js";
export type * from "./stream-data.js";

export interface ConnectOptions {
  /** Default ws://127.0.0.1:7777/ws. */
  url?: string;
  /** Sent as Authorization: Bearer. */
  token?: string;
  user?: string;
  password?: string;
  /** Connect again when the connection breaks. Default true. */
  reconnect?: boolean;
}

export interface EventOptions<T extends EventName> {
  /** Default all. */
  types?: readonly T[];
  /** The last `sequence` seen: recordChunkClosed events after it come first. */
  since?: number;
}

/** The server answered a command with FAIL; the message is the reply's description. */
export class CommandRefused extends Error {
  override name = "CommandRefused";
  constructor(readonly reply: ReplyMessage) {
    super(reply.description);
  }
}

/** Commands whose parameters are all optional can be called without any. */
type CommandMethods = {
  [N in CommandName]: Record<string, never> extends CommandParameters[N]
    ? (parameters?: CommandParameters[N]) => Promise<CommandData[N]>
    : (parameters: CommandParameters[N]) => Promise<CommandData[N]>;
};

export type ReelClient = ClientConnection & Omit<CommandMethods, "subscribe" | "quit">;

const DEFAULT_URL = "ws://127.0.0.1:7777/ws";
/** A name that is not here is no method: a mistyped one is a TypeError, and sends nothing. */
const COMMAND_NAMES: ReadonlyMap<string, CommandName> = new Map(
  Object.keys({
    record: true,
    pullStream: true,
    shutdownStream: true,
    removeConfig: true,
    listConfig: true,
    getConfigInfo: true,
    listStreams: true,
    listStreamsIds: true,
    getStreamInfo: true,
    getStreamsCount: true,
    getInboundStreamsCount: true,
    isStreamRunning: true,
    listInboundStreams: true,
    listInboundStreamNames: true,
    setTimer: true,
    listTimers: true,
    removeTimer: true,
    listStorage: true,
    addStreamAlias: true,
    getLicenseId: true,
    serverStatus: true,
    listSegments: true,
    recordRule: true,
    removeRule: true,
    cut: true,
    listRules: true,
    hold: true,
    release: true,
    listHolds: true,
    retention: true,
    upload: true,
    drain: true,
    subscribe: true,
    ping: true,
    version: true,
    help: true,
    quit: true,
  } satisfies { [N in CommandName]: true }).map((name) => [name.toLowerCase(), name as CommandName]),
);
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
const HANDSHAKE_MS = 10_000;

interface Waiting {
  resolve(reply: ReplyMessage): void;
  reject(error: Error): void;
}

/** Methods by the names of commands are added by `connect`. */
export class ClientConnection {
  #socket: WebSocket | undefined;
  #waiting: Waiting[] = [];
  #isClosed = false;
  readonly #feed = new EventFeed((types, since) => this.#subscribe(types, since));
  readonly #options: ConnectOptions;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Opens the connection. Rejects if that fails; only a connection that stood is opened again by itself. */
  async open(): Promise<void> {
    // One message per turn: what follows from a reply (subscribe's `since`) happens before the events behind it arrive.
    const options = { handshakeTimeout: HANDSHAKE_MS, headers: this.#authorization(), allowSynchronousEvents: false };
    const socket = new WebSocket(this.#options.url ?? DEFAULT_URL, options);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.on("error", reject);
    });
    if (this.#isClosed) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    socket.on("message", (data) => this.#receive(String(data)));
    socket.on("close", () => this.#lost());
  }

  /** One command line; resolves with the whole reply, FAIL included. */
  send(line: string): Promise<ReplyMessage> {
    if (/[\r\n]/.test(line) || line.trim() === "")
      return Promise.reject(new TypeError("send takes exactly one command line"));
    return this.#exchange(line);
  }

  /** One command; resolves with the whole reply, FAIL included. */
  async command<N extends CommandName>(
    name: N,
    parameters?: CommandParameters[N],
  ): Promise<ReplyMessage<CommandData[N]>> {
    const reply = await this.#exchange(JSON.stringify({ command: name, parameters: parameters ?? {} }));
    return reply as ReplyMessage<CommandData[N]>;
  }

  /**
   * Iterates over events from now on, or from `since`, until the client closes. It goes on over reconnections and loses
   * no recordChunkClosed there.
   */
  events<T extends EventName = EventName>(options: EventOptions<T> = {}): AsyncIterableIterator<ReelEvent<T>> {
    return this.#feed.iterate(options.types, options.since);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#feed.end();
    const socket = this.#socket;
    if (!socket || socket.readyState === socket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.close();
    });
  }

  #authorization(): Record<string, string> {
    const { token, user, password } = this.#options;
    if (token !== undefined) return { Authorization: `Bearer ${token}` };
    if (user === undefined) return {};
    return { Authorization: `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}` };
  }

  #exchange(message: string): Promise<ReplyMessage> {
    const socket = this.#socket;
    if (!socket || socket.readyState !== socket.OPEN) return Promise.reject(new Error("not connected"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      socket.send(message);
    });
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as Partial<ReelEvent> & Partial<ReplyMessage>;
    if (message.payload !== undefined && message.type !== undefined) this.#feed.push(message as ReelEvent);
    else this.#waiting.shift()?.resolve(message as ReplyMessage);
  }

  async #subscribe(types: readonly EventName[] | undefined, since: number | undefined): Promise<number> {
    const reply = await this.command("subscribe", {
      ...(types && { events: types }),
      ...(since !== undefined && { since }),
    });
    if (reply.status === "FAIL") throw new CommandRefused(reply);
    return reply.data.since;
  }

  #lost(): void {
    this.#socket = undefined;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error("the connection was lost"));
    if (this.#isClosed || this.#options.reconnect === false) this.#feed.end();
    else void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !this.#isClosed; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      // Jitter, so that a thousand clients of a restarted server do not come back at once.
      await delay(waitMs * (0.5 + Math.random() / 2));
      if (this.#isClosed) return;
      try {
        await this.open();
      } catch {
        // The server may still be starting, so this is tried again.
        continue;
      }
      // If this fails, the connection is lost once more and this runs again.
      await this.#feed.resume().catch(() => this.#socket?.terminate());
      return;
    }
  }
}

/** Connects to a server. A command's method resolves with the reply's data and rejects with CommandRefused. */
export async function connect(options: ConnectOptions = {}): Promise<ReelClient> {
  const connection = new ClientConnection(options);
  await connection.open();
  return new Proxy(connection, {
    get(target, key) {
      if (typeof key === "string" && !(key in target)) {
        const command = COMMAND_NAMES.get(key.toLowerCase());
        // `await client`, JSON.stringify and util.inspect ask for names that are no commands.
        return command && ((parameters?: never) => run(target, command, parameters));
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as ReelClient;
}

async function run<N extends CommandName>(
  connection: ClientConnection,
  name: N,
  parameters?: CommandParameters[N],
): Promise<CommandData[N]> {
  const reply = await connection.command(name, parameters);
  if (reply.status === "FAIL") throw new CommandRefused(reply);
  return reply.data;
}
