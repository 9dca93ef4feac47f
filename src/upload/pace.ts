// How fast bodies go out: all requests of a thread together never send more than so many bytes a second.

import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

const MAX_SLICE_BYTES = 64 * 1024;
const MIN_SLICE_BYTES = 1024;
/** A second's worth in so many slices: requests take turns, and none may be idle for long. */
const SLICES_PER_SECOND = 8;
/** What may go at once after a pause. */
const BURST_MS = 250;

export class Pace {
  /** When the bytes that were let through are paid for, by the monotonic clock. */
  #paidMs = Number.NEGATIVE_INFINITY;
  readonly #sliceBytes: number;

  /** 0 = as fast as it goes. */
  constructor(private readonly bytesPerSecond: number) {
    const share = Math.floor(bytesPerSecond / SLICES_PER_SECOND);
    this.#sliceBytes = Math.min(MAX_SLICE_BYTES, Math.max(MIN_SLICE_BYTES, share));
  }

  /** Writes a body and ends the request. Rejects where the connection breaks meanwhile. */
  async write(request: Writable, body: Uint8Array): Promise<void> {
    if (this.bytesPerSecond <= 0) {
      request.end(body);
      return;
    }
    for (let at = 0; at < body.byteLength && !request.destroyed; at += this.#sliceBytes) {
      const slice = body.subarray(at, Math.min(at + this.#sliceBytes, body.byteLength));
      await this.#turn(slice.byteLength);
      await new Promise<void>((resolve) => request.write(slice, () => resolve()));
    }
    if (!request.destroyed) request.end();
  }

  async #turn(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#paidMs = Math.max(this.#paidMs, nowMs - BURST_MS) + (bytes * 1000) / this.bytesPerSecond;
    if (this.#paidMs > nowMs) await delay(this.#paidMs - nowMs);
  }
}
