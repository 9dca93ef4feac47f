// Aggregate messages, Adobe RTMP 1.0 §7.1.6: FLV tags in one message. Times of the tags count from that of the first,
// which is the message's.

import { type FlvTag, PREVIOUS_TAG_SIZE_BYTES, parseFlvTag, TAG_HEADER_BYTES } from "../../media/flv/flv-tag.js";

export class AggregateCursor {
  #payload: Uint8Array;
  #at = 0;
  #tag: FlvTag | undefined;
  #offsetMs: number;

  constructor(payload: Uint8Array, messageTimestampMs: number) {
    this.#payload = payload;
    this.#tag = parseFlvTag(payload, 0);
    this.#offsetMs = messageTimestampMs - (this.#tag?.timestampMs ?? 0);
  }

  hasTag(): boolean {
    return this.#tag !== undefined;
  }
  get type(): number {
    return this.#tag?.type ?? 0;
  }
  /** Milliseconds modulo 2^32, on the message's clock. */
  get timestampMs(): number {
    return ((this.#tag?.timestampMs ?? 0) + this.#offsetMs + 4294967296) % 4294967296;
  }
  get body(): Uint8Array {
    return this.#tag?.data ?? new Uint8Array(0);
  }

  next(): void {
    this.#at += TAG_HEADER_BYTES + this.body.byteLength + PREVIOUS_TAG_SIZE_BYTES;
    this.#tag = parseFlvTag(this.#payload, this.#at);
  }
}
