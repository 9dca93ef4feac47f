// Appends lines to the catalogue's day files. Waiting lines go out together, one write per file, one file after the
// other, off the main thread. An acknowledged line is with the kernel, so it survives the end of the process. A power
// cut may lose it; then the next start puts in again what the ledger holds after the last checkpoint.

import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/private-files.js";
import type { CatalogSegment } from "./catalog-segment.js";
import { daysOf, fileNameOf, lineOf } from "./day-file.js";
import type { SegmentLookup } from "./segment-lookup.js";

interface Waiting {
  segment: CatalogSegment;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Lines that go out together. This bounds the work on the main thread between two turns of its loop. */
const BATCH = 1000;

export class DayWriter {
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Files with lines that are not synced. */
  #unsynced = new Set<string>();
  #folders = new Set<string>();
  /** True if an appended line is not in its file; only another start can put it in. */
  hasFailed = false;

  constructor(
    private readonly folder: string,
    private readonly lookup: SegmentLookup,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the segment's line is in every file of a day that it touches. */
  append(segment: CatalogSegment): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiting.push({ segment, resolve, reject }));
    this.#writing ??= this.#writeWaiting();
    return done;
  }

  async whenIdle(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Syncs what has been appended before the call. */
  async sync(): Promise<void> {
    await this.whenIdle();
    const files = [...this.#unsynced];
    this.#unsynced.clear();
    for (const path of files) {
      try {
        const file = await open(path, "r+");
        await file.datasync().finally(() => file.close());
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        this.#unsynced.add(path);
        throw error;
      }
    }
  }

  async #writeWaiting(): Promise<void> {
    // Lines appended in the same turn of the loop go out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#writeBatch(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.logger.warn({ err: error }, "the catalogue could not be written: its next start puts this in again");
        this.hasFailed = true;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined; // in the same turn that found nothing waiting, so that the next append begins anew
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const files = new Map<string, string[]>();
    for (const { segment } of batch) {
      const line = lineOf(segment);
      const name = fileNameOf(segment.localStreamName);
      for (const day of daysOf(segment.startedMs, segment.stoppedMs ?? segment.startedMs)) {
        const path = join(this.folder, day, name);
        const lines = files.get(path);
        if (lines) lines.push(line);
        else files.set(path, [line]);
      }
    }
    for (const [path, lines] of files) await this.#appendTo(path, lines.join(""));
    for (const path of await this.lookup.add(batch.map(({ segment }) => segment))) this.#unsynced.add(path);
  }

  async #appendTo(path: string, lines: string): Promise<void> {
    const folder = dirname(path);
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      this.#folders.add(folder);
    }
    const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, PRIVATE_FILE);
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      const isTorn = size > 0 && (await file.read(last, 0, 1, size - 1)).bytesRead === 1 && last[0] !== 0x0a;
      await file.appendFile(isTorn ? `\n${lines}` : lines);
      this.#unsynced.add(path);
    } finally {
      await file.close();
    }
  }
}
