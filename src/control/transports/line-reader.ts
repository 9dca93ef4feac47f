// Splits a byte stream into lines (ems-record-spec §1.1): ended by CR, LF or both, empty ones skipped, at most 16 KiB.
// Bytes are decoded a line at a time, so a UTF-8 sequence may be split anywhere.

import { MAX_LINE_BYTES } from "../commands/grammar.js";

const CR = 13;
const LF = 10;

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}

export class LineReader {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** True after a line that was longer than the limit; nothing more is read then. */
  isOverlong = false;

  /** The lines that `chunk` ends. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let at = 0; at <= chunk.byteLength && !this.isOverlong; at++) {
      const isEnd = isLineEnd(chunk[at]);
      if (!isEnd && at < chunk.byteLength) continue;
      const part = chunk.subarray(start, at);
      if (this.#restBytes + part.byteLength > MAX_LINE_BYTES) this.isOverlong = true;
      else if (part.byteLength > 0) this.#keep(part);
      if (isEnd && !this.isOverlong) lines.push(...this.end());
      start = at + 1;
    }
    return lines;
  }

  /** What is left when the stream ends. */
  end(): string[] {
    if (this.#restBytes === 0 || this.isOverlong) return [];
    const line = Buffer.concat(this.#rest).toString();
    this.#rest = [];
    this.#restBytes = 0;
    return [line];
  }

  /** Copies the bytes, because a few of them must not keep the whole chunk in memory. */
  #keep(part: Buffer): void {
    this.#rest.push(Buffer.from(part));
    this.#restBytes += part.byteLength;
  }
}
