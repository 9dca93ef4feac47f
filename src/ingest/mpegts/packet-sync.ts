// Finds transport packets in a byte stream (ISO/IEC 13818-1 §2.4.3.1): 188 bytes each, or 192 (M2TS, a 4-byte time in front) or 204 (16 bytes of
// Reed-Solomon code behind). Locked, every packet must open with the sync byte; where one does not, three of them at one distance are sought.
//
// A packet is given out only when it lies whole in the buffer, and always on a 4-byte boundary, so that its payload can be copied by words.

import type { DemuxStatistics } from "./demux-statistics.js";

export const PACKET_SIZE = 188;
const SYNC_BYTE = 0x47;
/** Multiples of 4: once one packet is aligned, all are. */
const STRIDES = [188, 192, 204] as const;
const BUFFER_SIZE = 64 * 1024;

export class PacketSync {
  readonly words = new Int32Array(BUFFER_SIZE / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
  #statistics: DemuxStatistics;
  /** The next byte to look at; past `#end` where the rest of a stride has yet to come. */
  #at = 0;
  #end = 0;
  /** Distance of packets; 0 = not locked. */
  #stride = 0;
  #isLast = false;

  constructor(statistics: DemuxStatistics) {
    this.#statistics = statistics;
  }

  /** Takes as much of a chunk as there is room for; returns up to where. What `next` gave out is gone. */
  fill(chunk: Uint8Array, from: number): number {
    const rest = this.#end - this.#at;
    if (rest >= 0) {
      if (this.#at > 0) this.#moveToFront();
    } else {
      this.#end = rest & 3;
      this.#at = this.#end - rest;
    }
    const size = Math.min(chunk.byteLength - from, BUFFER_SIZE - this.#end);
    this.bytes.set(size === chunk.byteLength ? chunk : chunk.subarray(from, from + size), this.#end);
    this.#end += size;
    return from + size;
  }

  /** No more will come: what was undecided is decided by what is there. */
  endOfInput(): void {
    this.#isLast = true;
  }

  /** Offset of the next whole packet, or -1. */
  next(): number {
    for (;;) {
      if (this.#stride === 0 && !this.#search()) return -1;
      const packet = this.#at;
      if (packet + PACKET_SIZE > this.#end) return -1;
      if (this.bytes[packet] === SYNC_BYTE) {
        this.#at = packet + this.#stride;
        return packet;
      }
      this.#stride = 0;
      this.#statistics.syncLosses++;
    }
  }

  #moveToFront(): void {
    this.bytes.copyWithin(0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
  }

  /** Moves on to the first of three sync bytes at one distance. False where more bytes are needed to tell. */
  #search(): boolean {
    for (; this.#at < this.#end; this.#at++, this.#statistics.garbageBytes++) {
      if (this.bytes[this.#at] !== SYNC_BYTE) continue;
      for (const stride of STRIDES) {
        const verdict = this.#isPacketRow(stride);
        if (verdict === undefined) return false;
        if (!verdict) continue;
        this.#stride = stride;
        if ((this.#at & 3) !== 0) this.#moveToFront();
        return true;
      }
    }
    return false;
  }

  /** Undefined where the bytes that would tell have yet to come. */
  #isPacketRow(stride: number): boolean | undefined {
    for (let i = 1; i <= 2; i++) {
      const at = this.#at + i * stride;
      if (at >= this.#end) return this.#isLast ? this.#at + PACKET_SIZE <= this.#end : undefined;
      if (this.bytes[at] !== SYNC_BYTE) return false;
    }
    return true;
  }
}
