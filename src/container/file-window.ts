// A window on an open file for code that reads synchronously: workers and tools. Bounded memory whatever the file's
// size.

import { readSync } from "node:fs";

const WINDOW_BYTES = 1024 * 1024;

export class FileWindow {
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #onRead: ((position: number) => void) | undefined;
  #buffer: Buffer;
  #start = 0;
  #length = 0;

  constructor(fd: number, sizeBytes: number, onRead?: (position: number) => void) {
    this.#fd = fd;
    this.#buffer = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, sizeBytes));
    this.sizeBytes = sizeBytes;
    this.#onRead = onRead;
  }

  /** The bytes at `position`, fewer at the end of the file; valid until the next call. */
  read(position: number, bytes: number): Buffer {
    const from = position - this.#start;
    if (from < 0 || from + bytes > this.#length) {
      this.#load(position, bytes);
      return this.#buffer.subarray(0, Math.min(bytes, this.#length));
    }
    return this.#buffer.subarray(from, from + bytes);
  }

  #load(position: number, bytes: number): void {
    if (bytes > this.#buffer.byteLength) this.#buffer = Buffer.allocUnsafe(bytes);
    this.#start = position;
    this.#length = 0;
    const wanted = Math.min(this.#buffer.byteLength, Math.max(0, this.sizeBytes - position));
    while (this.#length < wanted) {
      const bytesRead = readSync(this.#fd, this.#buffer, this.#length, wanted - this.#length, position + this.#length);
      if (bytesRead === 0) break;
      this.#length += bytesRead;
    }
    this.#onRead?.(position + this.#length);
  }
}
