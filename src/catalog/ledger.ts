// The ledger: one line for every segment that was opened, and exactly one for every segment that was closed, across
// crashes too. Append-only, checksummed, rotated by size, in the state folder.
//
//   <crc32 as 8 hex digits> <json>\n          order of a closing: final name ─▶ ledger ─▶ sinks
//
// Entries carry a sequence that goes on over restarts: consumers ask for all since the last one they have seen
// (ems-record-spec §6.4).

import { type FileHandle, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "../base/logger.js";
import { UNKNOWN_ORIGIN } from "../container/segment-origin.js";
import { containerOf } from "../container/table.js";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "./segment-report.js";

/** The ledger's closed entries, for consumers that missed events. */
export interface ClosedSince {
  /** Oldest first; read from the disk as they are asked for, once. */
  readonly entries: AsyncIterable<ClosedSegmentReport>;
  /** Sequence of the newest entry: events of what comes behind it are yet to come. */
  readonly newest: number;
}

export type LedgerEntry =
  /** Once more with the same sequence: an unfinished segment got another name. */
  | { type: "opened"; report: SegmentReport }
  | { type: "closed"; opened: number; report: ClosedSegmentReport }
  /** Its file is gone: it will never be closed. */
  | { type: "failed"; opened: number; report: FailedSegmentReport };

const CURRENT = "ledger.log";
const ROTATED = /^ledger-(\d+)\.log$/;
const ROTATE_BYTES = 16 * 1024 * 1024;
const KEEP_ROTATED = 8;

export class Ledger {
  #folder: string;
  #file: FileHandle;
  #bytes: number;
  #rotateAt: number;
  readonly #rotateBytes: number;
  /** The file ends inside a line: a crash or a full disk tore it. The next entry begins a line of its own. */
  #isTorn: boolean;
  #sequence: number;
  /** Sequence of the newest entry that went into the file, or was to. */
  #newest: number;
  #queue: Promise<void> = Promise.resolve();
  #logger: Logger;
  /** Segments that were opened and never closed, by their sequence: what a crash left. */
  readonly unclosed = new Map<number, Extract<LedgerEntry, { type: "opened" }>>();

  private constructor(
    folder: string,
    file: FileHandle,
    end: { bytes: number; isTorn: boolean },
    sequence: number,
    logger: Logger,
    rotateBytes: number,
  ) {
    this.#folder = folder;
    this.#file = file;
    this.#bytes = end.bytes;
    this.#isTorn = end.isTorn;
    this.#rotateBytes = rotateBytes;
    this.#rotateAt = rotateBytes;
    this.#sequence = sequence;
    this.#newest = sequence;
    this.#logger = logger;
  }

  static async open(folder: string, logger: Logger, rotateBytes = ROTATE_BYTES): Promise<Ledger> {
    await mkdir(folder, { recursive: true });
    const unclosed = new Map<number, Extract<LedgerEntry, { type: "opened" }>>();
    let sequence = 0;
    for (const { name } of [...(await rotatedFiles(folder)), { name: CURRENT }]) {
      for await (const entry of readEntries(join(folder, name), logger)) {
        sequence = Math.max(sequence, entry.report.sequence);
        if (entry.type === "opened") unclosed.set(entry.report.sequence, entry);
        else unclosed.delete(entry.opened);
      }
    }
    const file = await open(join(folder, CURRENT), "a");
    const ledger = new Ledger(folder, file, await endOf(join(folder, CURRENT)), sequence, logger, rotateBytes);
    for (const [key, entry] of unclosed) ledger.unclosed.set(key, entry);
    return ledger;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** The next sequence. Taken when an entry is made, so that order in the file is order of sequence. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Resolves when the entry is in the file. A ledger that cannot be written is said in the log; recording goes on. */
  append(entry: LedgerEntry): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      try {
        const json = JSON.stringify(entry);
        const line = `${this.#isTorn ? "\n" : ""}${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
        this.#isTorn = true;
        await this.#file.appendFile(line);
        this.#isTorn = false;
        this.#bytes += Buffer.byteLength(line);
      } catch (error) {
        this.#logger.warn(
          { err: error },
          "the ledger could not be written: after a crash this segment may be reported twice or not at all",
        );
      }
      // that of a segment which got another name is an old one
      this.#newest = Math.max(this.#newest, entry.report.sequence);
      if (this.#bytes >= this.#rotateAt) await this.#rotate();
    });
    return this.#queue;
  }

  /** What is still on its way into the file is not in `newest`: its event is yet to come. */
  async closedSince(sequence: number): Promise<ClosedSince> {
    return { entries: this.#closedAfter(sequence), newest: this.#newest };
  }

  /** Read as it is asked for, a line at a time: the ledger may hold 150 MB, and a consumer may be slow. */
  async *#closedAfter(sequence: number): AsyncGenerator<ClosedSegmentReport> {
    if (sequence >= this.#sequence) return;
    let done = sequence;
    for (;;) {
      // Opened before the others are listed: where it has been rotated away meanwhile, it is read under its new name.
      const current = await openIfThere(join(this.#folder, CURRENT));
      const rotated = (await rotatedFiles(this.#folder)).filter((file) => file.upTo > done);
      if (rotated.length === 0) {
        if (current) yield* closedEntries(current, sequence);
        return;
      }
      await current?.close();
      for (const { name, upTo } of rotated) {
        const file = await openIfThere(join(this.#folder, name));
        if (file) yield* closedEntries(file, sequence);
        done = upTo;
      }
    }
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  /**
   * Segments last hours, rotated files months: what is deleted is closed. Where a step fails the old file goes on, and
   * the next try is a rotation later.
   */
  async #rotate(): Promise<void> {
    const current = join(this.#folder, CURRENT);
    const rotated = join(this.#folder, `ledger-${this.#sequence}.log`);
    try {
      await rename(current, rotated);
      const next = await open(current, "a").catch(async (error: unknown) => {
        await rename(rotated, current);
        throw error;
      });
      const old = this.#file;
      this.#file = next;
      this.#bytes = 0;
      this.#rotateAt = this.#rotateBytes;
      await old.close();
      const files = await rotatedFiles(this.#folder);
      for (const { name } of files.slice(0, Math.max(0, files.length - KEEP_ROTATED)))
        await unlink(join(this.#folder, name));
    } catch (error) {
      if (this.#bytes > 0) this.#rotateAt = this.#bytes + this.#rotateBytes;
      this.#logger.warn(
        { err: error },
        "the ledger could not be rotated: it goes on growing, and this is tried again later",
      );
    }
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

/** Oldest first; none has an entry beyond `upTo`. */
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

/** Damaged lines were told of at the start; a line that is just being written comes as an event. */
async function* closedEntries(file: FileHandle, sequence: number): AsyncGenerator<ClosedSegmentReport> {
  for await (const line of readLines(file)) {
    const entry = parseLine(line);
    if (entry?.type === "closed" && entry.report.sequence > sequence) yield entry.report;
  }
}

/** Lines whose checksum does not hold (the torn end of a crash) are passed over. */
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

/** Closes the file, also where the reader stops early. */
async function* readLines(file: FileHandle): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of file.createReadStream({ encoding: "utf8" })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}

function parseLine(line: string): LedgerEntry | undefined {
  const json = line.slice(9);
  if (json === "" || crc32(json).toString(16).padStart(8, "0") !== line.slice(0, 8)) return undefined;
  const entry = JSON.parse(json) as LedgerEntry;
  const { report } = entry;
  // Version 0.1 wrote neither origin nor tracks.
  report.container ??= containerOf(report.path) ?? "mp4";
  report.tracks ??= [];
  entry.report = { ...UNKNOWN_ORIGIN, ...report };
  return entry;
}
