// The ledger: one line for every segment that was opened, and exactly one for every segment that was closed, across crashes too. Append-only,
// checksummed, rotated by size, in the state folder.
//
//   <crc32 as 8 hex digits> <json>\n          order of a closing: final name ─▶ ledger ─▶ sinks
//
// Entries carry a sequence that goes on over restarts: consumers ask for all since the last one they have seen (ems-record-spec §6.4).

import { type FileHandle, mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "../arena/logger.js";
import type { ClosedSince } from "./recorder-api.js";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "./recorder-events.js";

export type LedgerEntry =
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
  #queue: Promise<void> = Promise.resolve();
  #logger: Logger;
  /** Segments that were opened and never closed, by their sequence: what a crash left. */
  readonly unclosed = new Map<number, Extract<LedgerEntry, { type: "opened" }>>();

  private constructor(folder: string, file: FileHandle, end: { bytes: number; isTorn: boolean }, sequence: number, logger: Logger, rotateBytes: number) {
    this.#folder = folder;
    this.#file = file;
    this.#bytes = end.bytes;
    this.#isTorn = end.isTorn;
    this.#rotateBytes = rotateBytes;
    this.#rotateAt = rotateBytes;
    this.#sequence = sequence;
    this.#logger = logger;
  }

  static async open(folder: string, logger: Logger, rotateBytes = ROTATE_BYTES): Promise<Ledger> {
    await mkdir(folder, { recursive: true });
    const unclosed = new Map<number, Extract<LedgerEntry, { type: "opened" }>>();
    let sequence = 0;
    for (const name of [...(await rotatedNames(folder)), CURRENT]) {
      for (const entry of await readEntries(join(folder, name), logger)) {
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
        this.#logger.warn({ err: error }, "the ledger could not be written: after a crash this segment may be reported twice or not at all");
      }
      if (this.#bytes >= this.#rotateAt) await this.#rotate();
    });
    return this.#queue;
  }

  async closedSince(sequence: number): Promise<ClosedSince> {
    await this.#queue;
    if (sequence >= this.#sequence) return { entries: [], newest: this.#sequence };
    const entries: ClosedSegmentReport[] = [];
    for (const name of [...(await rotatedNames(this.#folder)), CURRENT]) {
      for (const entry of await readEntries(join(this.#folder, name), this.#logger)) {
        if (entry.type === "closed" && entry.report.sequence > sequence) entries.push(entry.report);
      }
    }
    return { entries, newest: this.#sequence };
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  /** Segments last hours, rotated files months: what is deleted is closed. Where a step fails the old file goes on, and the next try is a rotation later. */
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
      const names = await rotatedNames(this.#folder);
      for (const name of names.slice(0, Math.max(0, names.length - KEEP_ROTATED))) await unlink(join(this.#folder, name));
    } catch (error) {
      if (this.#bytes > 0) this.#rotateAt = this.#bytes + this.#rotateBytes;
      this.#logger.warn({ err: error }, "the ledger could not be rotated: it goes on growing, and this is tried again later");
    }
  }
}

async function endOf(path: string): Promise<{ bytes: number; isTorn: boolean }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    return { bytes: size, isTorn: size > 0 && (await file.read(last, 0, 1, size - 1)).bytesRead === 1 && last[0] !== 0x0a };
  } finally {
    await file.close();
  }
}

async function rotatedNames(folder: string): Promise<string[]> {
  const numbered = (await readdir(folder)).flatMap((name) => {
    const match = ROTATED.exec(name);
    return match ? [{ name, sequence: Number(match[1]) }] : [];
  });
  return numbered.sort((a, b) => a.sequence - b.sequence).map((entry) => entry.name);
}

/** Lines whose checksum does not hold (the torn end of a crash) are passed over. */
async function readEntries(path: string, logger: Logger): Promise<LedgerEntry[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const entries: LedgerEntry[] = [];
  let damaged = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const json = line.slice(9);
    if (json === "" || crc32(json).toString(16).padStart(8, "0") !== line.slice(0, 8)) damaged++;
    else entries.push(JSON.parse(json) as LedgerEntry);
  }
  if (damaged > 0) logger.warn({ path, lines: damaged }, "damaged lines in the ledger were passed over");
  return entries;
}
