// Finds transport packets in a byte stream (ISO/IEC 13818-1 §2.4.3.1): 188 bytes each, or 192 (M2TS, a 4-byte time in
// front) or 204 (16 bytes of Reed-Solomon code behind). Locked, every packet must open with the sync byte; where one
// does not, three of them at one distance are sought.
//
// A packet is given out only when it lies whole in the buffer.

import type { Arena } from "../../arena/arena.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { StagingBlock, type StagingBudget } from "./staging.js";

export const PACKET_SIZE = 188;
const SYNC_BYTE = 0x47;
const STRIDES = [188, 192, 204] as const;
/** What a socket's read gives, and in front of it the two packets and a byte that a search may leave undecided. */
const BUFFER_SIZE = 64 * 1024 + 512;

export class PacketSync {
  readonly input: StagingBlock;
  #statistics: DemuxStatistics;
  /** The next byte to look at; past `#end` where the rest of a stride has yet to come. */
  #at = 0;
  #end = 0;
  /** Distance of packets; 0 = not locked. */
  #stride = 0;
  #isLast = false;

  constructor(statistics: DemuxStatistics, arena: Arena, budget: StagingBudget) {
    this.#statistics = statistics;
    this.input = new StagingBlock(arena, budget);
  }

  /** Takes as much of a chunk as there is room for; returns up to where. What `next` gave out is gone. */
  fill(chunk: Uint8Array, from: number): number {
    const { input } = this;
    if (input.bytes.byteLength < BUFFER_SIZE) input.grow(BUFFER_SIZE, 0);
    // `set` into shared memory goes by 8 bytes only where both sides have the same alignment.
    const rest = this.#end - this.#at;
    const front = (chunk.byteOffset + from - Math.max(0, rest)) & 7;
    if (rest > 0) input.copyFrom(input, this.#at, rest, front);
    this.#end = front + Math.max(0, rest);
    this.#at = this.#end - rest;
    const size = Math.min(chunk.byteLength - from, BUFFER_SIZE - this.#end);
    input.bytes.set(size === chunk.byteLength ? chunk : chunk.subarray(from, from + size), this.#end);
    this.#end += size;
    return from + size;
  }

  /** No more will come: what was undecided is decided by what is there. */
  endOfInput(): void {
    this.#isLast = true;
  }

  /** Offset of the next whole packet, or -1. */
  next(): number {
    const { bytes } = this.input;
    for (;;) {
      if (this.#stride === 0 && !this.#search()) return -1;
      const packet = this.#at;
      if (packet + PACKET_SIZE > this.#end) return -1;
      if (bytes[packet] === SYNC_BYTE) {
        this.#at = packet + this.#stride;
        return packet;
      }
      this.#stride = 0;
      this.#statistics.syncLosses++;
    }
  }

  /** Moves on to the first of three sync bytes at one distance. False where more bytes are needed to tell. */
  #search(): boolean {
    const { bytes } = this.input;
    for (; this.#at < this.#end; this.#at++, this.#statistics.garbageBytes++) {
      if (bytes[this.#at] !== SYNC_BYTE) continue;
      for (const stride of STRIDES) {
        const verdict = this.#isPacketRow(stride);
        if (verdict === undefined) return false;
        if (!verdict) continue;
        this.#stride = stride;
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
      if (this.input.bytes[at] !== SYNC_BYTE) return false;
    }
    return true;
  }
}
