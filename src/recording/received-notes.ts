// What every recording has received, noted ten times a second in the state folder, so that the start after a crash can
// tell what it took: frames that were in the ring, and not yet in a file, are in no file afterwards.
//
// One file of records of equal size, written over again and again, never synced: it outlives the process, not the
// power. A record carries its own checksum, so a kill in the middle of a write leaves older records and at worst
// damages one. Records end with one of zeros. An orderly end removes the file, unless a crash before it is not settled.

import { type FileHandle, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE } from "../base/private-files.js";

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
const END = Buffer.alloc(RECORD_SIZE);
const FILE_NAME = "received";
const INTERVAL_MS = 100;

/** What the last run left; nothing after an orderly end. */
export async function readReceivedNotes(folder: string): Promise<ReceivedNote[]> {
  const bytes = await readFile(join(folder, FILE_NAME)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
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

export class ReceivedNotes {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #file: FileHandle | undefined;
  #buffer = Buffer.alloc(64 * RECORD_SIZE);
  #writing: Promise<void> | undefined;
  /** Records of the last write: nothing is written where there are none and were none. */
  #count: number | undefined;
  #isFailing = false;

  constructor(
    folder: string,
    private readonly notes: () => readonly ReceivedNote[],
    private readonly logger: Logger,
  ) {
    this.#path = join(folder, FILE_NAME);
    this.#timer = setInterval(() => this.#beat(), INTERVAL_MS);
  }

  /** An orderly end: there is nothing to tell, but of an earlier crash whose recovery is not done. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    const left = this.notes();
    try {
      if (left.length > 0) await this.#write(left);
    } catch (error) {
      // The rest of the end does not depend on it.
      this.logger.warn({ err: error }, "what an earlier crash took could not be kept for the next start");
    }
    await this.#file?.close().catch(() => undefined); // nothing was to be on the disk by now
    if (left.length === 0) await unlink(this.#path).catch(() => undefined); // there is none where nothing was recorded
  }

  /** A slow volume makes the interval longer. */
  #beat(): void {
    if (this.#writing) return;
    const notes = this.notes();
    if (notes.length === 0 && this.#count === 0) return;
    this.#writing = this.#write(notes)
      .then(
        () => {
          this.#isFailing = false;
        },
        (error: unknown) => {
          if (!this.#isFailing) this.logger.warn({ err: error }, "a crash from now on could not be told to the frame");
          this.#isFailing = true;
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #write(notes: readonly ReceivedNote[]): Promise<void> {
    const sizeBytes = (notes.length + 1) * RECORD_SIZE;
    if (this.#buffer.byteLength < sizeBytes) this.#buffer = Buffer.alloc(2 * sizeBytes);
    let at = 0;
    for (const note of notes) {
      for (const field of FIELDS) at = this.#buffer.writeDoubleLE(note[field], at);
      const checksum = crc32(this.#buffer.subarray(at - CHECKSUM_OFFSET, at));
      this.#buffer.writeUInt32LE(checksum, at);
      at += RECORD_SIZE - CHECKSUM_OFFSET;
    }
    this.#buffer.fill(0, sizeBytes - RECORD_SIZE, sizeBytes);
    this.#file ??= await open(this.#path, "w", PRIVATE_FILE);
    await this.#file.write(this.#buffer, 0, sizeBytes, 0);
    this.#count = notes.length;
  }
}
