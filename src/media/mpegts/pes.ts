// PES packet headers, ISO/IEC 13818-1 §2.4.3.6: parsed whole where they lie in one packet, as recorders write them, and
// collected over as many packets as they span, as sources send them. The collector does not use PES_packet_length: a
// packet's payload can hold nothing but the PES packet's bytes, and muxers that announce a wrong length are common.

import type { DemuxStatistics } from "./demux-statistics.js";

const FIXED_SIZE = 9;
const TIMESTAMP_SIZE = 5;
const PTS_AT = FIXED_SIZE;
const DTS_AT = FIXED_SIZE + TIMESTAMP_SIZE;
const PRIVATE_STREAM_1 = 0xbd;
const MAX_HEADER_SIZE = FIXED_SIZE + 255;
/**
 * Stream ids without the optional header: program_stream_map, padding, private_stream_2, ECM, EMM, directory, DSM-CC,
 * H.222.1 type E.
 */
const WITHOUT_HEADER = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xff, 0xf2, 0xf8]);

/** A whole header. */
export interface PesHeader {
  streamId: number;
  /** Whole packet, 0 = not said. */
  packetBytes: number;
  payloadAt: number;
  /** 33 bits, or -1. */
  pts90k: number;
  dts90k: number;
}

export function isVideoStreamId(streamId: number): boolean {
  return streamId >= 0xe0 && streamId <= 0xef;
}

export function isAudioStreamId(streamId: number): boolean {
  return streamId >= 0xc0 && streamId <= 0xdf;
}

/** Of an audio, video or private stream; undefined for anything else, or where the bytes end inside it. */
export function parsePesHeader(bytes: Buffer): PesHeader | undefined {
  if (bytes.byteLength < FIXED_SIZE || bytes.readUIntBE(0, 3) !== 1) return undefined;
  const streamId = bytes[3] ?? 0;
  if (!isVideoStreamId(streamId) && !isAudioStreamId(streamId) && streamId !== PRIVATE_STREAM_1) return undefined;
  const length = bytes.readUInt16BE(4);
  const payloadAt = FIXED_SIZE + (bytes[8] ?? 0);
  const end = Math.min(bytes.byteLength, payloadAt);
  const pts90k = hasTimestamp(bytes, PTS_AT, end) ? readTimestamp(bytes, PTS_AT) : -1;
  const dts90k = hasTimestamp(bytes, DTS_AT, end) ? readTimestamp(bytes, DTS_AT) : pts90k;
  return { streamId, packetBytes: length === 0 ? 0 : length + 6, payloadAt, pts90k, dts90k };
}

/** Collects the header of one PES packet after the other. */
export class PesHeaderCollector {
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
    this.pts33 = this.#timestamp(PTS_AT);
    this.dts33 = this.#timestamp(DTS_AT);
    if (Number.isNaN(this.dts33) || Number.isNaN(this.pts33)) this.dts33 = this.pts33;
  }

  #timestamp(at: number): number {
    if (!hasTimestamp(this.#bytes, at, this.#size)) return Number.NaN;
    const time33 = readTimestamp(this.#bytes, at);
    if (time33 >= 0) return time33;
    this.#statistics.badPes++;
    return Number.NaN;
  }
}

/** PTS_DTS_flags: 2 = a PTS, 3 = a PTS and a DTS. They must lie in front of `end`. */
function hasTimestamp(bytes: Uint8Array, at: number, end: number): boolean {
  const flags = (bytes[7] ?? 0) >> 6;
  return (at === PTS_AT ? flags >= 2 : flags === 3) && at + TIMESTAMP_SIZE <= end;
}

/** 3, 15 and 15 bits, a marker_bit behind each. A timestamp whose markers are wrong is none: -1. */
function readTimestamp(bytes: Uint8Array, at: number): number {
  const b0 = bytes[at] ?? 0;
  const b2 = bytes[at + 2] ?? 0;
  const b4 = bytes[at + 4] ?? 0;
  if (!(b0 & b2 & b4 & 1)) return -1;
  // Bit 32 is added as a number: a shift would lose it.
  const low = ((bytes[at + 1] ?? 0) << 22) | ((b2 >> 1) << 15) | ((bytes[at + 3] ?? 0) << 7) | (b4 >> 1);
  return ((b0 >> 1) & 7) * 2 ** 30 + low;
}
