// Program specific information, ISO/IEC 13818-1 §2.4.4: sections from packets, the program association and the program
// map table. A section is believed only when its CRC is right; its sizes are bounded by the 12-bit section_length (at
// most 1021 for these tables).

const SECTION_HEADER_SIZE = 3;
const MAX_SECTION_SIZE = 1024;
const CRC_SIZE = 4;
const TABLE_PAT = 0;
const TABLE_PMT = 2;
const STUFFING = 0xff;
const REGISTRATION_DESCRIPTOR = 5;
/** A PAT of one section names at most 253 programs; more are not looked at. */
const MAX_PROGRAMS = 253;
const MAX_STREAMS = 64;
const PID_MASK = 0x1fff;

export interface PatProgram {
  programNumber: number;
  pmtPid: number;
}

export interface ProgramAssociation {
  version: number;
  sectionNumber: number;
  lastSectionNumber: number;
  programs: PatProgram[];
}

export interface PmtStream {
  streamType: number;
  pid: number;
  /** Tags of the descriptors, for naming streams of private types. */
  descriptorTags: number[];
  /** All of them, as they stand in the PMT. */
  descriptors: Uint8Array;
  /** format_identifier of the registration descriptor (§2.6.8), four characters; "" where there is none. */
  registration: string;
}

export interface ProgramMap {
  programNumber: number;
  version: number;
  pcrPid: number;
  streams: PmtStream[];
}

const CRC_TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  CRC_TABLE[i] = crc >>> 0;
}

/** CRC-32/MPEG-2, Annex A: over a whole section, its CRC included, the result is 0. */
export function crc32Mpeg(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff;
  for (let i = start; i < end; i++) crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ (bytes[i] ?? 0)) & 255] ?? 0);
  return crc >>> 0;
}

/** Collects the sections of one PID. */
export class SectionAssembler {
  #bytes = new Uint8Array(MAX_SECTION_SIZE);
  #size = 0;
  /** Whole size of the section under way, 0 = not yet known. */
  #wanted = 0;
  #isActive = false;
  #onSection: (bytes: Uint8Array, size: number) => void;
  #onBad: () => void;

  constructor(onSection: (bytes: Uint8Array, size: number) => void, onBad: () => void) {
    this.#onSection = onSection;
    this.#onBad = onBad;
  }

  reset(): void {
    this.#isActive = false;
    this.#size = 0;
    this.#wanted = 0;
  }

  /** The payload of one packet. */
  push(input: Uint8Array, start: number, end: number, isUnitStart: boolean): void {
    let at = start;
    if (isUnitStart) {
      const pointerField = input[at++] ?? 0;
      if (at + pointerField > end) {
        this.#onBad();
        this.reset();
        return;
      }
      if (this.#isActive) this.#collect(input, at, at + pointerField);
      at += pointerField;
      this.reset();
      this.#isActive = true;
    }
    while (this.#isActive && at < end) at = this.#collect(input, at, end);
  }

  /** Takes bytes up to the end of a section; returns where it stopped. */
  #collect(input: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#size === 0 && input[at] === STUFFING) {
        this.#isActive = false;
        return end;
      }
      this.#bytes[this.#size++] = input[at++] ?? 0;
      if (this.#size === SECTION_HEADER_SIZE) {
        this.#wanted = SECTION_HEADER_SIZE + ((((this.#bytes[1] ?? 0) & 0x0f) << 8) | (this.#bytes[2] ?? 0));
        if (this.#wanted > MAX_SECTION_SIZE || this.#wanted < 8 + CRC_SIZE) {
          this.#onBad();
          this.reset();
          return end;
        }
      }
      if (this.#size === this.#wanted && this.#wanted > 0) {
        const size = this.#size;
        this.#size = 0;
        this.#wanted = 0;
        if (crc32Mpeg(this.#bytes, 0, size) === 0) this.#onSection(this.#bytes, size);
        else this.#onBad();
        return at;
      }
    }
    return at;
  }
}

function isCurrentTable(section: Uint8Array, tableId: number): boolean {
  // section_syntax_indicator and current_next_indicator are both set.
  return section[0] === tableId && ((section[1] ?? 0) & 0x80) !== 0 && ((section[5] ?? 0) & 1) === 1;
}

/** A PAT section, or undefined where it is another table or not yet in force. */
export function parseProgramAssociation(section: Uint8Array, size: number): ProgramAssociation | undefined {
  if (!isCurrentTable(section, TABLE_PAT)) return undefined;
  const programs: PatProgram[] = [];
  for (let at = 8; at + 4 <= size - CRC_SIZE && programs.length < MAX_PROGRAMS; at += 4) {
    const programNumber = ((section[at] ?? 0) << 8) | (section[at + 1] ?? 0);
    const pmtPid = (((section[at + 2] ?? 0) << 8) | (section[at + 3] ?? 0)) & PID_MASK;
    if (programNumber !== 0) programs.push({ programNumber, pmtPid }); // 0 names the network PID
  }
  return {
    version: ((section[5] ?? 0) >> 1) & 31,
    sectionNumber: section[6] ?? 0,
    lastSectionNumber: section[7] ?? 0,
    programs,
  };
}

/** The bytes of the first descriptor with a tag; of an extension descriptor (§2.6.90, tag 0x7f) with a further one. */
export function findDescriptor(descriptors: Uint8Array, tag: number, extension?: number): Uint8Array | undefined {
  for (let at = 0; at + 2 <= descriptors.byteLength; ) {
    const from = at + 2;
    const end = from + (descriptors[at + 1] ?? 0);
    if (end > descriptors.byteLength) return undefined;
    if (descriptors[at] === tag && (extension === undefined || (end > from && descriptors[from] === extension)))
      return descriptors.subarray(extension === undefined ? from : from + 1, end);
    at = end;
  }
  return undefined;
}

/** A PMT section; undefined where it is another table, not yet in force, or contradicts itself. */
export function parseProgramMap(section: Uint8Array, size: number): ProgramMap | undefined {
  if (!isCurrentTable(section, TABLE_PMT) || size < 12 + CRC_SIZE) return undefined;
  const end = size - CRC_SIZE;
  const u16 = (at: number): number => ((section[at] ?? 0) << 8) | (section[at + 1] ?? 0);
  const streams: PmtStream[] = [];
  let at = 12 + (u16(10) & 0x0fff);
  while (at + 5 <= end && streams.length < MAX_STREAMS) {
    const streamType = section[at] ?? 0;
    const pid = u16(at + 1) & PID_MASK;
    const infoEnd = at + 5 + (u16(at + 3) & 0x0fff);
    if (infoEnd > end) return undefined;
    const descriptorTags: number[] = [];
    let registration = "";
    for (let d = at + 5; d + 2 <= infoEnd; d += 2 + (section[d + 1] ?? 0)) {
      descriptorTags.push(section[d] ?? 0);
      if (
        section[d] === REGISTRATION_DESCRIPTOR &&
        (section[d + 1] ?? 0) >= 4 &&
        d + 6 <= infoEnd &&
        registration === ""
      )
        registration = String.fromCharCode(...section.subarray(d + 2, d + 6));
    }
    streams.push({ streamType, pid, descriptorTags, descriptors: section.slice(at + 5, infoEnd), registration });
    at = infoEnd;
  }
  return { programNumber: u16(3), version: ((section[5] ?? 0) >> 1) & 31, pcrPid: u16(8) & PID_MASK, streams };
}
