// Sequences of the ledger, never given twice, not even by a run that follows a power cut. `ledger.next` holds a bound:
// no sequence above it has been told to anybody. It is raised a block in advance and synced. An orderly end
// sets it to the exact value; a run after a crash begins at the bound.

import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE } from "../base/private-files.js";
import { syncFolder } from "./sync-folder.js";

const FILE = "ledger.next";
const BLOCK = 1000;

export class SequenceBlocks {
  #last: number;
  /** On the disk. */
  #bound: number;
  #raising: Promise<void> | undefined;

  private constructor(
    private readonly folder: string,
    last: number,
    private readonly logger: Logger,
  ) {
    this.#last = last;
    this.#bound = last;
  }

  /** `newest`: of the entries that the ledger holds. */
  static async open(folder: string, newest: number, logger: Logger): Promise<SequenceBlocks> {
    const bound = await readBound(folder);
    // A ledger without a bound is of version 0.1, which did not sync, so a power cut may have lost entries it had
    // reported.
    const first = bound ?? (newest > 0 ? newest + BLOCK : 0);
    const blocks = new SequenceBlocks(folder, Math.max(newest, first), logger);
    // The disk may be full. Each entry tries again and reports it.
    await blocks.#raise().catch((error: unknown) => logger.warn({ err: error }, `${FILE} could not be written`));
    return blocks;
  }

  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last++;
    // If this fails, whenReserved tries again and logs it.
    if (this.#bound - this.#last < BLOCK / 2) this.#startRaising().catch(() => undefined);
    return this.#last;
  }

  /** Resolves when everything given so far lies below the bound on the disk. Rejects where that cannot be written. */
  async whenReserved(): Promise<void> {
    while (this.#last > this.#bound) await this.#startRaising();
  }

  async close(): Promise<void> {
    await this.#raising?.catch(() => undefined);
    try {
      await this.#write(this.#last);
    } catch (error) {
      this.logger.warn({ err: error }, `${FILE} could not be written: the next run's sequences begin a block higher`);
    }
  }

  #startRaising(): Promise<void> {
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #raise(): Promise<void> {
    const bound = this.#last + BLOCK;
    await this.#write(bound);
    this.#bound = bound;
  }

  async #write(bound: number): Promise<void> {
    const path = join(this.folder, FILE);
    const file = await open(`${path}.new`, "w", PRIVATE_FILE);
    try {
      await file.writeFile(`${bound}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
  }
}

async function readBound(folder: string): Promise<number | undefined> {
  try {
    const bound = Number((await readFile(join(folder, FILE), "utf8")).trim() || Number.NaN);
    return Number.isSafeInteger(bound) ? bound : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
