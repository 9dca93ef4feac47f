// Events over the WebSocket. It comes back by itself, at longer and longer intervals, and then asks for the files that
// were closed meanwhile (`since`).

import type { ServerEvent } from "./server-types.js";

export interface ChannelOptions {
  onEvent: (event: ServerEvent) => void;
  onState: (isOpen: boolean) => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

export class EventChannel {
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;
  /** The newest sequence that was told; undefined before the first subscription. */
  #since: number | undefined;

  constructor(private readonly options: ChannelOptions) {}

  open(): void {
    const { protocol, host } = window.location;
    const socket = new WebSocket(`${protocol === "https:" ? "wss" : "ws"}://${host}/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS;
      const since = this.#since === undefined ? {} : { since: this.#since };
      socket.send(JSON.stringify({ command: "subscribe", parameters: since }));
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => {
      if (this.#isClosed || this.#socket !== socket) return;
      this.options.onState(false);
      this.#timer = setTimeout(() => this.open(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #take(text: string): void {
    const message = JSON.parse(text) as Partial<ServerEvent> & { status?: string; data?: { since?: number } };
    if (message.status === "SUCCESS") {
      this.#since = message.data?.since ?? this.#since;
      this.options.onState(true);
      return;
    }
    if (message.type === undefined || message.payload === undefined) return;
    const { sequence } = message.payload;
    if (message.type === "recordChunkClosed" && typeof sequence === "number")
      this.#since = Math.max(this.#since ?? 0, sequence);
    this.options.onEvent(message as ServerEvent);
  }
}
