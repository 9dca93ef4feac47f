// The WebSocket channel, ws://host:port/ws: each text message carries command lines or one JSON object, each reply is
// one text message without prefix and trailer (ems-record-spec §1.4). It alone carries events. A channel ends with what
// let it be opened: by logging out, with its session or its credentials. The same holds for the channels that rooms
// bring (watch-channel.ts).

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ChannelModule } from "../../base/channels.js";
import { waitAtMost } from "../../base/deadline.js";
import type { RecorderApi } from "../../recording/recorder-api.js";
import { findCommand } from "../commands/command-table.js";
import { type CommandRequest, MAX_LINE_BYTES, parseCommandLine } from "../commands/grammar.js";
import { looksLikeJson, parseJsonCommand } from "../commands/json-command.js";
import type { Dispatch } from "../dispatch.js";
import type { EventBus } from "../events/event-bus.js";
import { EventSubscriber } from "../events/event-subscriber.js";
import { ALL_EVENTS, VIEWER_EVENTS } from "../events/event-view.js";
import { fail, serializeReply } from "../replies/reply.js";
import type { Passage } from "../security/protection.js";
import { type HttpListener, refusalHead } from "./http-listener.js";
import { endLingering } from "./linger.js";
import { Session } from "./session.js";
import { OVERLONG } from "./tcp-listener.js";
import { findChannel, openWatch } from "./watch-channel.js";

const MAX_MESSAGE_BYTES = 64 * 1024;
/** Above this the next reply waits until the network has taken the last. */
const BUFFER_BYTES = 64 * 1024;
/** An event subscriber that falls further behind is dropped; it can resume with `since`. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
const SLOW_READER_MS = 30_000;
const HEARTBEAT_MS = 30_000;
const CLOSE_WAIT_MS = 2_000;
/** Headers that belong to an upgrade. */
const HOP_HEADERS: ReadonlySet<string> = new Set(["connection", "upgrade", "http2-settings"]);
const GOING_AWAY = 1001;
/** All else is the owner's. */
const VIEWER_COMMANDS: ReadonlySet<string> = new Set(["subscribe", "ping", "version", "quit"]);
const NOT_FOR_VIEWERS = fail("Viewers may look and play, and nothing else");
const UNSUPPORTED_DATA = 1003;
const POLICY_VIOLATION = 1008;
const MESSAGE_TOO_BIG = 1009;
const NORMAL = 1000;

export class WebSocketListener {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: true,
  });
  readonly #channels = new Map<WebSocket, Channel>();
  /** Connections that have not answered the last ping. */
  readonly #silent = new Set<WebSocket>();
  readonly #heartbeat: NodeJS.Timeout;
  #isClosing = false;

  constructor(
    private readonly http: HttpListener,
    private readonly dispatch: Dispatch,
    private readonly bus: EventBus,
    private readonly recorder: RecorderApi,
    private readonly modules: readonly ChannelModule[] = [],
  ) {
    http.server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
    http.guard.whenEnded(() => this.#dismissEnded());
  }

  stopAccepting(): void {
    this.#isClosing = true;
  }

  /** Waits for the commands under way, then closes; what is queued is sent first. */
  async close(): Promise<void> {
    this.stopAccepting();
    clearInterval(this.#heartbeat);
    await waitAtMost(Promise.all([...this.#channels.values()].map(({ idle }) => idle())), CLOSE_WAIT_MS);
    await Promise.all([...this.#channels.keys()].map(goodbye));
    this.#server.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (this.http.hasRequest(socket)) {
      // The reply to an earlier request ends this connection, so what follows is discarded.
      socket.resume();
      return;
    }
    const path = (request.url ?? "").replace(/\?.*$/s, "");
    const watched = findChannel(this.modules, path);
    const isHere = (path.endsWith("/ws") || watched !== undefined) && !this.#isClosing;
    if (!isWebSocket(request)) {
      this.#serveWithoutUpgrade(request, socket, head);
      return;
    }
    const found = this.http.check(request, "channel");
    if (!("role" in found) || !isHere) {
      const refusal = "role" in found ? ({ status: 404, reason: "The WebSocket channel is at /ws" } as const) : found;
      // Out of HTTP's hands: no limit of time of its own watches it any more.
      endLingering(socket, refusalHead(refusal, request.headers));
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      if (watched) this.#keep({ ws, passage: found, stop: openWatch(ws, watched.module, watched.wanted), idle });
      else this.#serve(ws, found);
    });
  }

  #keep(channel: Channel): void {
    const { ws } = channel;
    this.#channels.set(ws, channel);
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      channel.stop();
      this.#silent.delete(ws);
      this.#channels.delete(ws);
    });
    ws.on("pong", () => this.#silent.delete(ws));
    // Pongs are queued by the library: pings whose pongs nobody reads must not fill the memory.
    ws.on("ping", () => {
      if (ws.bufferedAmount > MAX_BUFFERED_BYTES) ws.terminate();
    });
  }

  /**
   * A client that offers another protocol (`Upgrade: h2c`, as Java's and curl's do) may be answered in this one: the
   * request is read again without the offer.
   */
  #serveWithoutUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
    for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
      const name = request.rawHeaders[at] ?? "";
      if (!HOP_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[at + 1]}`);
    }
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
    this.http.server.emit("connection", socket);
  }

  #serve(ws: WebSocket, passage: Passage): void {
    const session = new Session({ pause: () => ws.pause(), resume: () => ws.resume() });
    const receiver = {
      send: (message: string) => send(ws, message),
      get bufferedBytes(): number {
        return ws.bufferedAmount;
      },
      drop: () => ws.terminate(),
    };
    const subscriber = new EventSubscriber(this.bus, this.recorder, receiver, {
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      view: passage.role === "viewer" ? VIEWER_EVENTS : ALL_EVENTS,
    });
    const stop = (): void => subscriber.close();
    const channel: CommandChannel = { ws, session, subscriber, passage, stop, idle: () => session.idle() };
    this.#keep(channel);
    ws.on("message", (data, isBinary) => {
      if (isBinary) session.submit(async () => refuseBinary(ws, session));
      else for (const command of splitMessage(String(data))) session.submit(() => this.#answer(channel, command));
    });
  }

  async #answer(channel: CommandChannel, command: MessageCommand): Promise<void> {
    const { ws, session, subscriber, passage } = channel;
    try {
      if (!this.http.guard.stillHolds(passage, isUse(command))) dismiss(channel);
      else if (command === "overlong") {
        session.end();
        await send(ws, serializeReply(OVERLONG));
        ws.close(MESSAGE_TOO_BIG, "command line too long");
      } else if ("failure" in command) await send(ws, serializeReply(fail(command.failure)));
      else if (!mayRun(passage, command.request)) await send(ws, serializeReply(NOT_FOR_VIEWERS));
      else {
        const reply = await this.dispatch.execute(command.request, (subscription) => subscriber.prepare(subscription));
        await send(ws, serializeReply(reply));
        // Not awaited, because there may be many missed events, and commands go on meanwhile.
        subscriber.start().catch(() => ws.terminate());
        if (command.request.command.toLowerCase() !== "quit") return;
        session.end();
        ws.close(NORMAL, "Bye!");
      }
    } catch {
      // The connection is gone, but the commands that it had sent are still carried out.
    }
  }

  #dismissEnded(): void {
    for (const channel of this.#channels.values()) if (!this.http.guard.stillHolds(channel.passage)) dismiss(channel);
  }

  #beat(): void {
    this.#dismissEnded();
    for (const ws of this.#channels.keys()) {
      if (this.#silent.has(ws)) {
        this.#silent.delete(ws);
        ws.terminate();
      } else {
        this.#silent.add(ws);
        ws.ping();
      }
    }
  }
}

interface Channel {
  readonly ws: WebSocket;
  /** Who opened it, and by what. */
  readonly passage: Passage;
  /** Of commands: what was sent behind its end is not carried out. */
  readonly session?: Session;
  /** Nothing is sent any more. */
  readonly stop: () => void;
  /** Resolves when no command is under way. */
  readonly idle: () => Promise<unknown>;
}

interface CommandChannel extends Channel {
  readonly session: Session;
  readonly subscriber: EventSubscriber;
}

const idle = (): Promise<void> => Promise.resolve();

function dismiss({ ws, session, stop }: Channel): void {
  session?.end();
  stop();
  ws.close(POLICY_VIOLATION, "the login or its credentials have ended");
}

/** A page that is left open pings all night. */
function isUse(command: MessageCommand): boolean {
  return typeof command === "string" || "failure" in command || !findCommand(command.request.command)?.isQuiet;
}

function mayRun({ role }: Passage, { command }: CommandRequest): boolean {
  return role === "owner" || VIEWER_COMMANDS.has(command.toLowerCase());
}

/** Runs in its turn: the commands before it are answered, those behind it are not carried out. */
function refuseBinary(ws: WebSocket, session: Session): void {
  session.end();
  ws.close(UNSUPPORTED_DATA, "text messages only");
}

function isWebSocket(request: IncomingMessage): boolean {
  return /(?:^|,)\s*websocket\s*(?:,|$)/i.test(request.headers.upgrade ?? "");
}

type MessageCommand = { readonly request: CommandRequest } | { readonly failure: string } | "overlong";

function* splitMessage(message: string): Generator<MessageCommand> {
  if (looksLikeJson(message)) {
    yield parseJsonCommand(message);
    return;
  }
  for (const line of message.split(/[\r\n]+/)) {
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
      yield "overlong";
      return;
    }
    const request = parseCommandLine(line);
    if (request) yield { request };
  }
}

/** Queues a message. If much is queued already, waits until it is sent. Rejects when the connection is gone. */
function send(ws: WebSocket, message: string): Promise<void> {
  if (ws.readyState !== ws.OPEN) return Promise.reject(new Error("the connection is closed"));
  return new Promise((resolve, reject) => {
    if (ws.bufferedAmount < BUFFER_BYTES) {
      ws.send(message, (error) => error && reject(error));
      resolve();
      return;
    }
    const timer = setTimeout(() => ws.terminate(), SLOW_READER_MS);
    ws.send(message, (error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    });
  });
}

function goodbye(ws: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => ws.terminate(), CLOSE_WAIT_MS);
    ws.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    ws.close(GOING_AWAY, "the server stops");
  });
}
