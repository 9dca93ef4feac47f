// The ledger: one line for every segment that was opened, and exactly one for every segment that was closed, across
// crashes too; two for one that was deleted, before and after its file went. Append-only, checksummed, rotated by size,
// in the state folder.
//
//   <crc32 as 8 hex digits> <json>\n          order of a closing: final name ─▶ ledger ─▶ catalogue ─▶ sinks
//
// Entries that wait are written together and synced once (group commit): what an event has told survives a power cut,
// unless durability is `none`. A recording never waits for the ledger, only events do.
//
// Entries carry a sequence that goes on over restarts: consumers ask for all since the last one they have seen
// (ems-record-spec §6.4).

import { type FileHandle, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/private-files.js";
import { type EndEntry, type LedgerEntry, lineOf, parseLine } from "./ledger-entry.js";
import { PendingSegments } from "./pending-segments.js";
import type { ClosedSegmentReport } from "./segment-report.js";
import { SequenceBlocks } from "./sequence-blocks.js";
import { syncFolder } from "./sync-folder.js";

/** The ledger's entries of ends, for consumers that missed events. */
export interface ClosedSince {
  /** Oldest first; each is read from the disk once, when it is asked for. */
  readonly entries: AsyncIterable<ClosedSegmentReport>;
  /** With the deletions among them, all in the order of their sequences. */
  readonly ends: AsyncIterable<EndEntry>;
  /** Sequence of the newest entry; later entries will come as events. */
  readonly newest: number;
}

const CURRENT = "ledger.log";
const ROTATED = /^ledger-(\d+)\.log$/;
const ROTATE_BYTES = 16 * 1024 * 1024;
const KEEP_ROTATED = 8;

export interface LedgerOptions {
  rotateBytes?: number;
  /** Whether an entry is synced if its append does not say. Default true. */
  isDurable?: boolean;
  /** fdatasync of the ledger; a test counts the calls. */
  sync?: (file: FileHandle) => Promise<void>;
}

interface Waiting {
  entry: LedgerEntry;
  isDurable: boolean;
  resolve: () => void;
}

export class Ledger {
  #folder: string;
  #file: FileHandle;
  #bytes: number;
  #rotateAt: number;
  readonly #options: Required<LedgerOptions>;
  /** The file ends inside a line that a crash or a full disk tore. The next entry begins a new line. */
  #isTorn: boolean;
  readonly #sequences: SequenceBlocks;
  /** Sequence of the newest entry that was written, or that a failed write should have written. */
  #newest: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #logger: Logger;
  #listener: (entry: LedgerEntry) => void = () => {};
  readonly #pending: PendingSegments;

  private constructor(
    folder: string,
    file: FileHandle,
    end: { bytes: number; isTorn: boolean },
    sequences: SequenceBlocks,
    pending: PendingSegments,
    logger: Logger,
    options: Required<LedgerOptions>,
  ) {
    this.#folder = folder;
    this.#file = file;
    this.#bytes = end.bytes;
    this.#isTorn = end.isTorn;
    this.#options = options;
    this.#rotateAt = options.rotateBytes;
    this.#sequences = sequences;
    this.#newest = sequences.last;
    this.#pending = pending;
    this.#logger = logger;
  }

  static async open(folder: string, logger: Logger, options: LedgerOptions = {}): Promise<Ledger> {
    const made = await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    if (made !== undefined) await syncFolder(dirname(made));
    const pending = new PendingSegments();
    let newest = 0;
    for (const { name } of [...(await rotatedFiles(folder)), { name: CURRENT }]) {
      for await (const entry of readEntries(join(folder, name), logger)) {
        newest = Math.max(newest, entry.report.sequence);
        pending.note(entry);
      }
    }
    const file = await open(join(folder, CURRENT), "a", PRIVATE_FILE);
    const sequences = await SequenceBlocks.open(folder, newest, logger); // syncs the folder, too
    return new Ledger(folder, file, await endOf(join(folder, CURRENT)), sequences, pending, logger, {
      rotateBytes: options.rotateBytes ?? ROTATE_BYTES,
      isDurable: options.isDurable ?? true,
      sync: options.sync ?? ((handle) => handle.datasync()),
    });
  }

  /** Segments that were opened and not closed yet, by their sequence; at the start, those that a crash left. */
  get unclosed(): PendingSegments["unclosed"] {
    return this.#pending.unclosed;
  }
  /** Deletions under way; at the start, those that a crash left. */
  get deleting(): PendingSegments["deleting"] {
    return this.#pending.deleting;
  }
  /** The last manifest of each config, by its id. */
  get roots(): PendingSegments["roots"] {
    return this.#pending.roots;
  }

  get sequence(): number {
    return this.#sequences.last;
  }

  /** The next sequence. It is taken when an entry is made, so that the file is in the order of sequences. */
  nextSequence(): number {
    return this.#sequences.next();
  }

  /** Calls the listener for every entry that is in the file, before its append resolves. */
  set listener(listener: (entry: LedgerEntry) => void) {
    this.#listener = listener;
  }

  /**
   * Resolves when the entry is in the file, and on the disk where it is durable. A failure to write
   * is logged, and recording goes on.
   */
  append(entry: LedgerEntry, isDurable = this.#options.isDurable): Promise<void> {
    const done = new Promise<void>((resolve) => this.#waiting.push({ entry, isDurable, resolve }));
    this.#writing ??= this.#writeWaiting();
    return done;
  }

  /** Entries that come while a batch is written and synced form the next batch. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      await this.#write(
        batch.map(({ entry }) => entry),
        batch.some(({ isDurable }) => isDurable),
      );
      for (const { entry, resolve } of batch) {
        // a segment that got another name keeps its old sequence
        this.#newest = Math.max(this.#newest, entry.report.sequence);
        this.#pending.note(entry);
        this.#listener(entry);
        resolve();
      }
      if (this.#bytes >= this.#rotateAt) await this.#rotate();
    }
    this.#writing = undefined; // in the same turn that found nothing waiting, so that the next append begins anew
  }

  async #write(entries: readonly LedgerEntry[], isDurable: boolean): Promise<void> {
    try {
      const lines = `${this.#isTorn ? "\n" : ""}${entries.map(lineOf).join("")}`;
      this.#isTorn = true;
      await this.#file.appendFile(lines);
      this.#isTorn = false;
      this.#bytes += Buffer.byteLength(lines);
      await this.#sequences.whenReserved();
      if (isDurable) await this.#options.sync(this.#file);
    } catch (error) {
      this.#logger.warn(
        { err: error },
        "the ledger could not be written: after a crash its newest segments may be reported twice or not at all",
      );
    }
  }

  /** `newest` leaves out entries on their way into the file, because their events are yet to come. */
  async closedSince(sequence: number): Promise<ClosedSince> {
    return { entries: this.#closedAfter(sequence), ends: this.#endsAfter(sequence), newest: this.#newest };
  }

  /** Sequence of the newest entry in the file. */
  get newest(): number {
    return this.#newest;
  }

  async *#closedAfter(sequence: number): AsyncGenerator<ClosedSegmentReport> {
    for await (const entry of this.entriesAfter(sequence)) if (entry.type === "closed") yield entry.report;
  }

  async *#endsAfter(sequence: number): AsyncGenerator<EndEntry> {
    for await (const entry of this.entriesAfter(sequence))
      if (entry.type === "closed" || entry.type === "deleted") yield entry;
  }

  /** Reads one line at a time, on demand: the ledger may hold 150 MB, and a consumer may be slow. */
  async *entriesAfter(sequence: number): AsyncGenerator<LedgerEntry> {
    if (sequence >= this.sequence) return;
    let done = sequence;
    for (;;) {
      // Opened before the others are listed, so that it is read under its new name if it is rotated meanwhile.
      const current = await openIfThere(join(this.#folder, CURRENT));
      const rotated = (await rotatedFiles(this.#folder)).filter((file) => file.upTo > done);
      if (rotated.length === 0) {
        if (current) yield* entriesOf(current, sequence);
        return;
      }
      await current?.close();
      for (const { name, upTo } of rotated) {
        const file = await openIfThere(join(this.#folder, name));
        if (file) yield* entriesOf(file, sequence);
        done = upTo;
      }
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
    await this.#sequences.close();
  }

  /**
   * Deletes only closed segments: openings of those that still grow are written again first. If a step fails, the old
   * file is used on, and the next rotation tries again.
   */
  async #rotate(): Promise<void> {
    const current = join(this.#folder, CURRENT);
    const rotated = join(this.#folder, `ledger-${this.sequence}.log`);
    try {
      await rename(current, rotated);
      const next = await open(current, "a", PRIVATE_FILE).catch(async (error: unknown) => {
        await rename(rotated, current);
        throw error;
      });
      const old = this.#file;
      this.#file = next;
      this.#bytes = 0;
      this.#rotateAt = this.#options.rotateBytes;
      await old.close();
      if (this.#options.isDurable) await syncFolder(this.#folder);
      await this.#deleteOldest();
    } catch (error) {
      if (this.#bytes > 0) this.#rotateAt = this.#bytes + this.#options.rotateBytes;
      this.#logger.warn(
        { err: error },
        "the ledger could not be rotated: it goes on growing, and this is tried again later",
      );
    }
  }

  async #deleteOldest(): Promise<void> {
    const files = await rotatedFiles(this.#folder);
    const old = files.slice(0, Math.max(0, files.length - KEEP_ROTATED));
    const upTo = old.at(-1)?.upTo;
    if (upTo === undefined) return;
    const pending = [...this.unclosed.values(), ...this.deleting.values()];
    const kept = pending.filter(({ report }) => report.sequence <= upTo);
    if (kept.length > 0) await this.#write(kept, this.#options.isDurable);
    for (const { name } of old) await unlink(join(this.#folder, name));
  }
}

async function endOf(path: string): Promise<{ bytes: number; isTorn: boolean }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    return {
      bytes: size,
      isTorn: size > 0 && (await file.read(last, 0, 1, size - 1)).bytesRead === 1 && last[0] !== 0x0a,
    };
  } finally {
    await file.close();
  }
}

/** Oldest first, without entries beyond `upTo`. */
async function rotatedFiles(folder: string): Promise<{ name: string; upTo: number }[]> {
  const files = (await readdir(folder)).flatMap((name) => {
    const match = ROTATED.exec(name);
    return match ? [{ name, upTo: Number(match[1]) }] : [];
  });
  return files.sort((a, b) => a.upTo - b.upTo);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The start has reported damaged lines, and a line that is just being written comes as an event. */
async function* entriesOf(file: FileHandle, sequence: number): AsyncGenerator<LedgerEntry> {
  for await (const line of readLines(file)) {
    const entry = parseLine(line);
    if (entry && entry.report.sequence > sequence) yield entry;
  }
}

/** Skips lines with a wrong checksum (the torn end of a crash). */
async function* readEntries(path: string, logger: Logger): AsyncGenerator<LedgerEntry> {
  const file = await openIfThere(path);
  if (!file) return;
  let damaged = 0;
  for await (const line of readLines(file)) {
    const entry = parseLine(line);
    if (entry) yield entry;
    else damaged++;
  }
  if (damaged > 0) logger.warn({ path, lines: damaged }, "damaged lines in the ledger were passed over");
}

/** Closes the file even if the reader stops early. */
async function* readLines(file: FileHandle): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of file.createReadStream({ encoding: "utf8" })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
