// Walks the entries of a sample table through a small window: a table of any length takes the same memory.

import type { Findings } from "../findings.js";
import type { WindowReader } from "../window-reader.js";
import type { Box } from "./box.js";

const WINDOW_BYTES = 64 * 1024;

export class TableCursor {
  readonly path: string;
  /** As the box says, at most as many as it has room for. */
  readonly count: number;
  /** First field of the entry that the cursor is on. */
  a = 0;
  /** Its second field. */
  b = 0;
  /** Number of the entry that `next` will take. */
  #index = 0;
  readonly #window: WindowReader;
  readonly #first: number;
  readonly #entryBytes: number;

  private constructor(path: string, window: WindowReader, first: number, entryBytes: number, count: number) {
    this.path = path;
    this.#window = window;
    this.#first = first;
    this.#entryBytes = entryBytes;
    this.count = count;
  }

  /**
   * `countAt`: bytes from the payload's beginning to entry_count; the entries follow it. Without `findings` nothing is
   * reported: it has been already.
   */
  static async open(
    reader: WindowReader,
    box: Box,
    countAt: number,
    entryBytes: number,
    findings?: Findings,
  ): Promise<TableCursor> {
    const first = box.payload + countAt + 4;
    const window = reader.fork(WINDOW_BYTES);
    if (first > box.end) {
      findings?.defect(box.path, "ends inside its header");
      return new TableCursor(box.path, window, first, entryBytes, 0);
    }
    const count = (await window.load(first - 4, 4)).readUInt32BE(0);
    const room = Math.floor((box.end - first) / entryBytes);
    if (count !== room || (box.end - first) % entryBytes !== 0)
      findings?.defect(box.path, `says ${count} entries, has room for ${room}`);
    return new TableCursor(box.path, window, first, entryBytes, Math.min(count, room));
  }

  /** Entries taken so far. */
  get index(): number {
    return this.#index;
  }

  get isAtEnd(): boolean {
    return this.#index >= this.count;
  }

  /** Moves to the next entry where the window holds it; else call `load`. Not at the end. */
  advance(): boolean {
    const entry = this.#window.peek(this.#first + this.#index * this.#entryBytes, this.#entryBytes);
    if (!entry) return false;
    this.#take(entry);
    return true;
  }

  async load(): Promise<void> {
    this.#take(await this.#window.load(this.#first + this.#index * this.#entryBytes, this.#entryBytes));
  }

  /** False at the end. */
  async next(): Promise<boolean> {
    if (this.isAtEnd) return false;
    if (!this.advance()) await this.load();
    return true;
  }

  #take(entry: Buffer): void {
    this.#index++;
    this.a = entry.readUInt32BE(0);
    if (this.#entryBytes >= 8) this.b = entry.readUInt32BE(4);
  }
}
