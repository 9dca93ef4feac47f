// What a socket that is read into the buffer of a ReadLoop remembers between two reads: the bytes that were left over,
// and its rate, which says how long it may rest.

import { HEADROOM_BYTES, READ_BYTES, type ReadLoop, TARGET_BYTES } from "./read-loop.js";

export class PacedReads {
  readonly #loop: ReadLoop;
  /** As `ByteConsumer.onBytes`. */
  readonly #onBytes: (bytes: Uint8Array, start: number, end: number, newBytes: number) => number;
  readonly #left = new Uint8Array(HEADROOM_BYTES);
  #leftBytes = 0;
  /** Bytes since the tick in which the window began, and what that came to per tick. */
  #windowBytes = 0;
  #windowTick: number;
  #bytesPerTick = 0;

  constructor(loop: ReadLoop, onBytes: (bytes: Uint8Array, start: number, end: number, newBytes: number) => number) {
    this.#loop = loop;
    this.#onBytes = onBytes;
    this.#windowTick = loop.ticks;
  }

  /** `size` bytes lie behind the headroom of the buffer; `newBytes` of them were not fed before. */
  feed(size: number, newBytes: number): void {
    const { buffer } = this.#loop;
    const start = HEADROOM_BYTES - this.#leftBytes;
    for (let i = 0; i < this.#leftBytes; i++) buffer[start + i] = this.#left[i] ?? 0;
    const end = HEADROOM_BYTES + size;
    const at = this.#onBytes(buffer, start, end, newBytes);
    this.#leftBytes = end - at;
    for (let i = 0; i < this.#leftBytes; i++) this.#left[i] = buffer[at + i] ?? 0;
  }

  /** Feeds bytes again that were kept during a hold. */
  replay(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      const size = Math.min(READ_BYTES, bytes.byteLength - at);
      this.#loop.buffer.set(bytes.subarray(at, at + size), HEADROOM_BYTES);
      this.feed(size, 0);
      at += size;
    }
  }

  /** Ticks in which TARGET_BYTES arrive, at most `maxTicks`, now that so many bytes more have come. */
  restTicks(bytes: number, maxTicks: number): number {
    const { ticks } = this.#loop;
    this.#windowBytes += bytes;
    const elapsed = ticks - this.#windowTick;
    if (elapsed > 0) {
      this.#bytesPerTick = this.#windowBytes / elapsed;
      this.#windowBytes = 0;
      this.#windowTick = ticks;
    } else this.#bytesPerTick = Math.max(this.#bytesPerTick, this.#windowBytes);
    return Math.min(maxTicks, Math.floor(TARGET_BYTES / this.#bytesPerTick));
  }
}
