// A note of what a recording has received, and its record in the state folder's `received` (received-notes.ts): doubles
// in the order of FIELDS, little-endian, then a CRC-32 of them.
//
// Records are written for every recording ten times a second: each into its place of one buffer, without objects made.

import { crc32 } from "node:zlib";

/** The `sequence` of a config that an earlier crash has cut off, until its source is back. */
export const CUT_OFF = -1;

export interface ReceivedNote {
  configId: number;
  /** Of the segment that is open, as its opening in the ledger; 0 where none is; CUT_OFF. */
  sequence: number;
  /** What the segment holds and what waits for it in the ring; without what was told as lost. */
  frames: number;
  bytes: number;
  /** Media time of all that, from the segment's zero. */
  durationMs: number;
  /** What of that only the ring holds: after a cut it belongs to the next segment. */
  waitingFrames: number;
  waitingBytes: number;
  waitingMs: number;
  /** The segment's zero on the in-stream's timeline. */
  zeroMs: number;
  /** What was told as lost in the segment. */
  lostFrames: number;
  lostBytes: number;
  lostMs: number;
  /** When this was true; 0 of a segment that is not recovered, and whose restart was told or can not be. */
  wallMs: number;
}

/** Of nothing yet. All notes have one shape: a copy by spread has one of its own, and slow fields. */
export function newReceivedNote(configId: number): ReceivedNote {
  return {
    configId,
    sequence: 0,
    frames: 0,
    bytes: 0,
    durationMs: 0,
    waitingFrames: 0,
    waitingBytes: 0,
    waitingMs: 0,
    zeroMs: 0,
    lostFrames: 0,
    lostBytes: 0,
    lostMs: 0,
    wallMs: 0,
  };
}

const FIELDS = [
  "configId",
  "sequence",
  "frames",
  "bytes",
  "durationMs",
  "waitingFrames",
  "waitingBytes",
  "waitingMs",
  "zeroMs",
  "lostFrames",
  "lostBytes",
  "lostMs",
  "wallMs",
] as const satisfies readonly (keyof ReceivedNote)[];
const CHECKSUM_OFFSET = FIELDS.length * 8;
const RECORD_SIZE = CHECKSUM_OFFSET + 8;
const RECORD_DOUBLES = RECORD_SIZE / 8;
const END = Buffer.alloc(RECORD_SIZE);
const FIRST_RECORDS = 64;

/** The records of one write, and the one of zeros behind them. */
export class NoteRecords {
  count = 0;
  #bytes!: Buffer;
  /** The same memory. */
  #doubles!: Float64Array;
  #checksums!: Uint32Array;
  /** Of each record what its checksum covers. */
  #checked!: Uint8Array[];

  constructor() {
    this.#makeRoom(FIRST_RECORDS);
  }

  clear(): void {
    this.count = 0;
  }

  add(note: ReceivedNote): void {
    if (this.count === this.#checked.length) this.#makeRoom(2 * this.count);
    const index = this.count++;
    const doubles = this.#doubles;
    let at = index * RECORD_DOUBLES;
    doubles[at++] = note.configId;
    doubles[at++] = note.sequence;
    doubles[at++] = note.frames;
    doubles[at++] = note.bytes;
    doubles[at++] = note.durationMs;
    doubles[at++] = note.waitingFrames;
    doubles[at++] = note.waitingBytes;
    doubles[at++] = note.waitingMs;
    doubles[at++] = note.zeroMs;
    doubles[at++] = note.lostFrames;
    doubles[at++] = note.lostBytes;
    doubles[at++] = note.lostMs;
    doubles[at++] = note.wallMs;
    this.#checksums[2 * at] = crc32(this.#checked[index] as Uint8Array);
  }

  /** All records and the end. A view, good until the next call of anything here. */
  get bytes(): Buffer {
    const end = (this.count + 1) * RECORD_SIZE;
    return this.#bytes.fill(0, end - RECORD_SIZE, end).subarray(0, end);
  }

  /** One more than `records`: the end has a place, too. */
  #makeRoom(records: number): void {
    const old = this.#bytes;
    this.#bytes = Buffer.alloc((records + 1) * RECORD_SIZE);
    old?.copy(this.#bytes);
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#doubles = new Float64Array(buffer, byteOffset, byteLength / 8);
    this.#checksums = new Uint32Array(buffer, byteOffset, byteLength / 4);
    this.#checked = Array.from(
      { length: records },
      (_, i) => new Uint8Array(buffer, byteOffset + i * RECORD_SIZE, CHECKSUM_OFFSET),
    );
  }
}

/** The records of a file: damaged ones are left out; of several of one segment the newest counts. */
export function readNoteRecords(bytes: Buffer): ReceivedNote[] {
  const newest = new Map<string, ReceivedNote>();
  for (let at = 0; at + RECORD_SIZE <= bytes.byteLength; at += RECORD_SIZE) {
    const record = bytes.subarray(at, at + RECORD_SIZE);
    if (record.equals(END)) break;
    if (crc32(record.subarray(0, CHECKSUM_OFFSET)) !== record.readUInt32LE(CHECKSUM_OFFSET)) continue;
    const values = FIELDS.map((field, i) => [field, record.readDoubleLE(i * 8)]);
    const note = Object.fromEntries(values) as unknown as ReceivedNote;
    // Behind a torn write stands what was true before it.
    const key = `${note.configId}/${note.sequence}`;
    const other = newest.get(key);
    if (note.configId > 0 && (!other || other.wallMs < note.wallMs)) newest.set(key, note);
  }
  return [...newest.values()];
}
