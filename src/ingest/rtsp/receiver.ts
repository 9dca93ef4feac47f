// The receiving half of an RTSP connection, whoever began it: messages and packets are handed on as they come, and a
// full ring puts a hold on the rest.
//
//   onBytes ─▶ RtspMessageReader ─▶ messages │ packets ─▶ tracks ─▶ in-stream
//                    ▲                                       │ full
//                    └── kept bytes ◀── room ◀── hold: reading stops, nothing is lost

import type { Flow } from "../frame-sink.js";
import type { Channels } from "./channels.js";
import { RtspMessageReader } from "./message-reader.js";
import type { RtspMessage } from "./rtsp-message.js";

/** The connection that receives. */
export interface ReceiverHost {
  /** Nothing more is wanted. Whoever makes it so calls `close`. */
  isOver(): boolean;
  /** On which packets are expected. */
  readonly channels: Channels;
  /** bytes[start…end], the receiver's again when it returns: no view is made of each. May throw ReelError. */
  packet(channel: number, bytes: Uint8Array, start: number, end: number): void;
  /** May throw ReelError. */
  message(message: RtspMessage): void;
  /** A hold is over: these bytes, which were kept, are to be read again, then the socket. */
  resumed(kept: Uint8Array): void;
  resumeReading(): void;
  fail(error: unknown): void;
}

export class RtspReceiver {
  readonly #host: ReceiverHost;
  readonly #reader: RtspMessageReader;
  #isHeld = false;
  #kept: Uint8Array = new Uint8Array(0);

  /** `maxJunkBytes`: of bytes that are no RTSP, how many in a row are passed over. */
  constructor(host: ReceiverHost, maxJunkBytes: number) {
    this.#host = host;
    this.#reader = new RtspMessageReader(host, maxJunkBytes);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  get junkBytes(): number {
    return this.#reader.junkBytes;
  }

  get isInBody(): boolean {
    return this.#reader.isInBody;
  }

  /** Takes bytes and answers where it stopped; what a hold leaves over is kept here. */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isHeld) {
      const kept = new Uint8Array(this.#kept.byteLength + end - start);
      kept.set(this.#kept);
      kept.set(bytes.subarray(start, end), this.#kept.byteLength);
      this.#kept = kept;
      return end;
    }
    const at = this.#reader.read(bytes, start, end);
    if (this.#host.isOver()) return end;
    if (!this.#isHeld) return at;
    this.#kept = bytes.slice(at, end);
    return end;
  }

  /** A body that was announced longer than it is. */
  endBody(): void {
    if (!this.#host.isOver()) this.#reader.endBody();
  }

  /** How a full ring makes the peer wait. `room` may come while bytes of another connection are read: later, then. */
  readonly flow: Flow = {
    pause: () => {
      this.#isHeld = true;
      this.#reader.isStopped = true;
    },
    resume: () => void setImmediate(() => this.#resume()),
  };

  #resume(): void {
    if (!this.#isHeld || this.#host.isOver()) return;
    this.#isHeld = false;
    this.#reader.isStopped = false;
    try {
      const kept = this.#kept;
      this.#kept = new Uint8Array(0);
      this.#host.resumed(kept);
    } catch (error) {
      this.#host.fail(error);
    }
    if (!this.#isHeld && !this.#host.isOver()) this.#host.resumeReading();
  }

  /** Nothing comes any more. */
  close(): void {
    this.#isHeld = false;
    this.#reader.isStopped = true;
    this.#kept = new Uint8Array(0);
  }
}
