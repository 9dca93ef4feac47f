// PES packet headers, ISO/IEC 13818-1 §2.4.3.6, collected over as many packets as they span. PES_packet_length is not
// used: a packet's payload can hold nothing but the PES packet's bytes, and muxers that announce a wrong length are
// common.

import type { DemuxStatistics } from "./demux-statistics.js";

const FIXED_SIZE = 9;
const MAX_HEADER_SIZE = FIXED_SIZE + 255;
/**
 * Stream ids without the optional header: program_stream_map, padding, private_stream_2, ECM, EMM, directory, DSM-CC,
 * H.222.1 type E.
 */
const WITHOUT_HEADER = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xff, 0xf2, 0xf8]);
export const CLOCK_33_MODULUS = 2 ** 33;

export class PesHeader {
  /** 33-bit values; NaN where the header has none. */
  pts33 = Number.NaN;
  dts33 = Number.NaN;
  #bytes = new Uint8Array(MAX_HEADER_SIZE);
  #size = 0;
  #statistics: DemuxStatistics;

  constructor(statistics: DemuxStatistics) {
    this.#statistics = statistics;
  }

  begin(): void {
    this.#size = 0;
  }

  /**
   * Takes header bytes from `start`. Returns where the payload starts; `end` + 1 where the header is not complete yet,
   * -1 where the packet is to be passed over up to the next start.
   */
  push(input: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#size >= FIXED_SIZE && this.#size === FIXED_SIZE + (this.#bytes[8] ?? 0)) break;
      this.#bytes[this.#size++] = input[at++] ?? 0;
      if (this.#size === FIXED_SIZE && !this.#isValid()) return -1;
    }
    if (this.#size < FIXED_SIZE || this.#size < FIXED_SIZE + (this.#bytes[8] ?? 0)) return end + 1;
    this.#parseTimes();
    return at;
  }

  #isValid(): boolean {
    const b = this.#bytes;
    if (b[0] !== 0 || b[1] !== 0 || b[2] !== 1) {
      this.#statistics.badPes++;
      return false;
    }
    if (WITHOUT_HEADER.has(b[3] ?? 0)) return false;
    if ((b[6] ?? 0) >> 6 !== 2) {
      this.#statistics.badPes++;
      return false;
    }
    if (((b[6] ?? 0) & 0x30) !== 0) {
      // PES_scrambling_control: the payload is scrambled although its packets say nothing of it.
      this.#statistics.scrambledPackets++;
      return false;
    }
    return true;
  }

  #parseTimes(): void {
    const flags = (this.#bytes[7] ?? 0) >> 6;
    const size = this.#bytes[8] ?? 0;
    this.pts33 = flags >= 2 && size >= 5 ? this.#timestamp(FIXED_SIZE) : Number.NaN;
    const dts33 = flags === 3 && size >= 10 ? this.#timestamp(FIXED_SIZE + 5) : Number.NaN;
    this.dts33 = Number.isNaN(dts33) ? this.pts33 : dts33;
    if (Number.isNaN(this.pts33)) this.dts33 = Number.NaN;
  }

  /** The 33 bits stand between marker bits; a timestamp whose markers are wrong is none. */
  #timestamp(at: number): number {
    const b = this.#bytes;
    const b0 = b[at] ?? 0;
    const b2 = b[at + 2] ?? 0;
    const b4 = b[at + 4] ?? 0;
    if (!(b0 & b2 & b4 & 1)) {
      this.#statistics.badPes++;
      return Number.NaN;
    }
    // Bit 32 is added as a number: a shift would lose it.
    return (
      ((b0 >> 1) & 7) * 2 ** 30 + (((b[at + 1] ?? 0) << 22) | ((b2 >> 1) << 15) | ((b[at + 3] ?? 0) << 7) | (b4 >> 1))
    );
  }
}
