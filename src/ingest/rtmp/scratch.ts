// Memory for messages that are not assembled in a ring: commands, decoder configurations, and frames that another
// message interrupts. It grows by bytes received, never by sizes announced, and is bounded per connection and for all
// connections together.

import { badInput } from "../../base/reel-error.js";
import type { IncomingMessage, MessageDestination } from "./chunk-reader.js";
import { MAX_SCRATCH_BYTES } from "./rtmp-protocol.js";

const FIRST_BYTES = 4096;

/** What all connections of a server may hold together. */
export class ScratchBudget {
  usedBytes = 0;
  constructor(readonly limitBytes: number) {}
}

/** The scratch memory of one connection. */
export class Scratch implements MessageDestination {
  #budget: ScratchBudget;
  #usedBytes = 0;
  #isReleased = false;
  #deliver: (message: IncomingMessage, payload: Uint8Array) => boolean;

  /** `deliver` gets each complete message; false stops the reader. */
  constructor(budget: ScratchBudget, deliver: (message: IncomingMessage, payload: Uint8Array) => boolean) {
    this.#budget = budget;
    this.#deliver = deliver;
  }

  append(message: IncomingMessage, bytes: Uint8Array, at: number, size: number): void {
    this.#put(message, message.receivedBytes, bytes.subarray(at, at + size));
  }

  /** Takes over a message that was assembled elsewhere up to here. */
  adopt(message: IncomingMessage, ...received: Uint8Array[]): void {
    let at = 0;
    for (const part of received) {
      this.#put(message, at, part);
      at += part.byteLength;
    }
    message.destination = this;
  }

  finish(message: IncomingMessage): boolean {
    const payload = message.scratch?.subarray(0, message.sizeBytes) ?? new Uint8Array(0);
    const goesOn = this.#deliver(message, payload);
    this.release(message);
    return goesOn;
  }

  abort(message: IncomingMessage): void {
    this.release(message);
  }

  release(message: IncomingMessage): void {
    if (!message.scratch || this.#isReleased) return;
    this.#account(-message.scratch.byteLength);
    message.scratch = undefined;
  }

  /** Gives everything back when the connection ends; its messages are gone with it. */
  releaseAll(): void {
    this.#isReleased = true;
    this.#account(-this.#usedBytes);
  }

  #put(message: IncomingMessage, at: number, part: Uint8Array): void {
    const needed = at + part.byteLength;
    let scratch = message.scratch;
    if (!scratch || scratch.byteLength < needed) {
      // Twice what has been received, so that copying stays linear.
      const capacity = Math.min(message.sizeBytes, Math.max(FIRST_BYTES, 2 * needed));
      this.#account(capacity - (scratch?.byteLength ?? 0));
      const grown = new Uint8Array(capacity);
      if (scratch) grown.set(scratch.subarray(0, at));
      scratch = grown;
      message.scratch = grown;
    }
    scratch.set(part, at);
  }

  #account(bytes: number): void {
    if (bytes > 0 && this.#usedBytes + bytes > MAX_SCRATCH_BYTES)
      badInput("too many half-received messages on one connection");
    if (bytes > 0 && this.#budget.usedBytes + bytes > this.#budget.limitBytes)
      badInput("the scratch memory of all RTMP connections is used up");
    this.#usedBytes += bytes;
    this.#budget.usedBytes += bytes;
  }
}
