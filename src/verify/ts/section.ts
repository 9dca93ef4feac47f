// Program-specific information, ISO/IEC 13818-1 §2.4.4: sections gathered from packets, checked by their CRC, and the
// two tables a recording has.

import { TS_PACKET_BYTES } from "../../media/mpegts/ts-packet.js";

/** §2.4.4.3, §2.4.4.8: PAT and PMT sections end by byte 1024. */
const MAX_SECTION_BYTES = 1024;
const HEADER_BYTES = 8;
const CRC_BYTES = 4;
const TABLE_PAT = 0;
const TABLE_PMT = 2;
const REGISTRATION_DESCRIPTOR = 5;

export interface PmtEntry {
  pid: number;
  streamType: number;
  /** format_identifier of its registration descriptor; "" where there is none. */
  registration: string;
  descriptorTags: number[];
}

export type Section =
  | { kind: "pat"; pmtPid: number | undefined }
  | { kind: "pmt"; pcrPid: number; streams: PmtEntry[] }
  | { kind: "bad"; reason: string };

/** Puts the sections of one PID together. */
export class SectionGatherer {
  #bytes = Buffer.alloc(MAX_SECTION_BYTES + TS_PACKET_BYTES);
  #length = 0;
  #isOpen = false;

  /** The section that this payload completes, if any. */
  push(payload: Buffer, isStart: boolean): Section | undefined {
    if (isStart) {
      const pointer = payload[0] ?? 0;
      this.#isOpen = 1 + pointer < payload.byteLength;
      this.#length = 0;
      return this.#isOpen
        ? this.#take(payload.subarray(1 + pointer))
        : { kind: "bad", reason: "its pointer_field points past the packet" };
    }
    return this.#isOpen ? this.#take(payload) : undefined;
  }

  #take(bytes: Buffer): Section | undefined {
    bytes.copy(this.#bytes, this.#length);
    this.#length += bytes.byteLength;
    if (this.#length < 3) return undefined;
    const sectionBytes = 3 + (this.#bytes.readUInt16BE(1) & 0xfff);
    if (sectionBytes > MAX_SECTION_BYTES || sectionBytes < HEADER_BYTES + CRC_BYTES) {
      this.#isOpen = false;
      return { kind: "bad", reason: `a section_length of ${sectionBytes - 3}` };
    }
    if (this.#length < sectionBytes) return undefined;
    this.#isOpen = false;
    return parseSection(this.#bytes.subarray(0, sectionBytes));
  }
}

function parseSection(section: Buffer): Section | undefined {
  if (crc32Mpeg(section) !== 0) return { kind: "bad", reason: "its CRC does not hold" };
  const body = section.subarray(HEADER_BYTES, section.byteLength - CRC_BYTES);
  if (section[0] === TABLE_PAT) return { kind: "pat", pmtPid: firstProgram(body) };
  if (section[0] === TABLE_PMT) return parsePmt(body);
  return undefined;
}

/** program_number 0 is the network PID. */
function firstProgram(body: Buffer): number | undefined {
  for (let at = 0; at + 4 <= body.byteLength; at += 4)
    if (body.readUInt16BE(at) !== 0) return body.readUInt16BE(at + 2) & 0x1fff;
  return undefined;
}

function parsePmt(body: Buffer): Section {
  if (body.byteLength < 4) return { kind: "bad", reason: "ends inside its fields" };
  const pcrPid = body.readUInt16BE(0) & 0x1fff;
  const streams: PmtEntry[] = [];
  for (let at = 4 + (body.readUInt16BE(2) & 0xfff); at + 5 <= body.byteLength; ) {
    const end = at + 5 + (body.readUInt16BE(at + 3) & 0xfff);
    const entry: PmtEntry = {
      streamType: body[at] ?? 0,
      pid: body.readUInt16BE(at + 1) & 0x1fff,
      registration: "",
      descriptorTags: [],
    };
    for (let d = at + 5; d + 2 <= Math.min(end, body.byteLength); d += 2 + (body[d + 1] ?? 0)) {
      entry.descriptorTags.push(body[d] ?? 0);
      if (body[d] === REGISTRATION_DESCRIPTOR) entry.registration ||= body.toString("latin1", d + 2, d + 6);
    }
    streams.push(entry);
    at = end;
  }
  return { kind: "pmt", pcrPid, streams };
}

/** Annex A. Over a section with its CRC_32 it is 0. */
function crc32Mpeg(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 || crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}
