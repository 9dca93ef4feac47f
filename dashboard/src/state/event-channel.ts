// Events over the WebSocket. It comes back by itself, at longer and longer intervals, and then asks for what ended
// meanwhile (`since`). A browser can send no ping of the protocol's own, so a command that does nothing is sent
// instead: a connection that a sleeping laptop or a router has forgotten is told by its silence alone.

import type { ServerEvent } from "./server-types.js";

export interface ChannelOptions {
  /** `ws://host:port/ws`. */
  readonly url: string;
  readonly onEvent: (event: ServerEvent) => void;
  /** `isAgain`: what happened since the last time but for ends of files is not told. */
  readonly onOpen: (isAgain: boolean) => void;
  /** It comes back. */
  readonly onLost: () => void;
  /** The server gives no events, and says why: it does not come back. */
  readonly onRefused: (reason: string) => void;
  /** Asked before it comes back: whether the login still holds. */
  readonly mayReturn: () => Promise<boolean>;
  readonly firstRetryMs?: number;
  readonly pingMs?: number;
  readonly answerMs?: number;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
const PING_MS = 20_000;
/** Answers come at once; a page that was asleep has timers that come late, too. */
const ANSWER_MS = 10_000;
/** WebSocket close code of a channel whose login has ended (RFC 6455 §7.4.1: policy violation). */
const LOGIN_ENDED = 1008;

export class EventChannel {
  #socket: WebSocket | undefined;
  /** Of the next try, the next ping or the answer to it. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs: number;
  #isClosed = false;
  #isSubscribed = false;
  /** The newest sequence that was told; undefined before the first subscription. */
  #since: number | undefined;

  constructor(private readonly options: ChannelOptions) {
    this.#retryMs = options.firstRetryMs ?? FIRST_RETRY_MS;
  }

  open(): void {
    const socket = new WebSocket(this.options.url);
    this.#socket = socket;
    this.#isSubscribed = false;
    socket.onopen = () => {
      const since = this.#since === undefined ? {} : { since: this.#since };
      socket.send(JSON.stringify({ command: "subscribe", parameters: since }));
      this.#expectAnswer(socket);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#take(socket, String(data));
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#lose(code === LOGIN_ENDED ? 0 : this.#retryMs);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    socket?.close();
  }

  #lose(delayMs: number): void {
    this.#drop();
    this.options.onLost();
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    this.#timer = setTimeout(() => void this.#return(), delayMs);
  }

  async #return(): Promise<void> {
    const mayReturn = await this.options.mayReturn();
    if (this.#isClosed) return;
    if (mayReturn) this.open();
    else this.#timer = setTimeout(() => void this.#return(), this.#retryMs);
  }

  #take(socket: WebSocket, text: string): void {
    this.#pingLater(socket);
    const message = JSON.parse(text) as Partial<ServerEvent> & {
      status?: string;
      description?: string;
      data?: { since?: number } | null;
    };
    if (message.status !== undefined) this.#takeReply(message);
    else if (message.type !== undefined && message.payload !== undefined) {
      const { sequence } = message.payload;
      if (message.type === "recordChunkClosed" && typeof sequence === "number")
        this.#since = Math.max(this.#since ?? 0, sequence);
      this.options.onEvent(message as ServerEvent);
    }
  }

  /** The first one answers the subscription, the others the pings. */
  #takeReply({
    status,
    description = "",
    data,
  }: {
    status?: string;
    description?: string;
    data?: { since?: number } | null;
  }): void {
    if (this.#isSubscribed) return;
    if (status !== "SUCCESS") {
      this.close();
      this.options.onRefused(description);
      return;
    }
    const isAgain = this.#since !== undefined;
    this.#isSubscribed = true;
    this.#retryMs = this.options.firstRetryMs ?? FIRST_RETRY_MS;
    this.#since = data?.since ?? this.#since ?? 0;
    this.options.onOpen(isAgain);
  }

  /** Whatever comes is a sign of life. */
  #pingLater(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      socket.send(JSON.stringify({ command: "ping" }));
      this.#expectAnswer(socket);
    }, this.options.pingMs ?? PING_MS);
  }

  #expectAnswer(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#socket === socket) this.#lose(0);
    }, this.options.answerMs ?? ANSWER_MS);
  }
}
