// What every recording has received, noted ten times a second in the state folder, so that the start after a crash can
// tell what it took: frames that were in the ring, and not yet in a file, are in no file afterwards.
//
// One file of records of equal size (received-note.ts), written over again and again, never synced: it outlives the
// process, not the power. A record carries its own checksum, so a kill in the middle of a write leaves older records
// and at worst damages one. Records end with one of zeros. An orderly end removes the file, unless a crash before it is
// not settled.

import { write } from "node:fs";
import { type FileHandle, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE } from "../base/private-files.js";
import { NoteRecords, type ReceivedNote, readNoteRecords } from "./received-note.js";

const FILE_NAME = "received";
const INTERVAL_MS = 100;

/** What the last run left; nothing after an orderly end. */
export async function readReceivedNotes(folder: string): Promise<ReceivedNote[]> {
  const bytes = await readFile(join(folder, FILE_NAME)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  return readNoteRecords(bytes);
}

export class ReceivedNotes {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #file: FileHandle | undefined;
  readonly #records = new NoteRecords();
  #writing: Promise<void> | undefined;
  /** Records of the last write: nothing is written where there are none and were none. */
  #count: number | undefined;
  #isFailing = false;

  constructor(
    folder: string,
    /** Adds a note of each recording, and of each crash that is not settled. */
    private readonly addNotes: (to: NoteRecords) => void,
    private readonly logger: Logger,
  ) {
    this.#path = join(folder, FILE_NAME);
    this.#timer = setInterval(() => this.#beat(), INTERVAL_MS);
  }

  /** An orderly end: there is nothing to tell, but of an earlier crash whose recovery is not done. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    this.#collect();
    const { count } = this.#records;
    try {
      if (count > 0) await this.#write();
    } catch (error) {
      // The rest of the end does not depend on it.
      this.logger.warn({ err: error }, "what an earlier crash took could not be kept for the next start");
    }
    await this.#file?.close().catch(() => undefined); // nothing was to be on the disk by now
    if (count === 0) await unlink(this.#path).catch(() => undefined); // there is none where nothing was recorded
  }

  /** A slow volume makes the interval longer. */
  #beat(): void {
    if (this.#writing) return;
    this.#collect();
    if (this.#records.count === 0 && this.#count === 0) return;
    this.#writing = this.#write()
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

  #collect(): void {
    this.#records.clear();
    this.addNotes(this.#records);
  }

  async #write(): Promise<void> {
    const { bytes, count } = this.#records;
    this.#file ??= await open(this.#path, "w", PRIVATE_FILE);
    await writeAt0(this.#file.fd, bytes);
    this.#count = count;
  }
}

/** Not by `FileHandle.write`: what that does around the write cost more than making the notes. */
function writeAt0(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.byteLength, 0, (error) => (error ? reject(error) : resolve()));
  });
}
