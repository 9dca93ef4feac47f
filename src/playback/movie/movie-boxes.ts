// The boxes of an index that playback needs, ISO/IEC 14496-12 §8: bounds are checked, since a file may be damaged. The
// whole index is in memory; nothing of it is copied.

import { ReelError } from "../../base/reel-error.js";

export interface BoxPlace {
  readonly type: string;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

const HEADER_SIZE = 8;
const LARGE_HEADER_SIZE = 16;
/** A track has some ten, a movie one per track. */
const MAX_BOXES = 256;

/** Throws ReelError `corrupt`. */
export function boxesIn(bytes: Buffer, from: number, to: number): BoxPlace[] {
  const boxes: BoxPlace[] = [];
  for (let at = from; at + HEADER_SIZE <= to; ) {
    const { type, size, headerSize } = readBoxHeader(bytes, at);
    if (size < headerSize || at + size > to || boxes.length === MAX_BOXES) throw damaged();
    boxes.push({ type, start: at, payload: at + headerSize, end: at + size });
    at += size;
  }
  return boxes;
}

/** At least LARGE_HEADER_SIZE bytes, or to the end of the file. `size` 0: to the end of the file. */
export function readBoxHeader(bytes: Buffer, at: number): { type: string; size: number; headerSize: number } {
  const type = bytes.toString("latin1", at + 4, at + 8);
  const size = bytes.readUInt32BE(at);
  if (size !== 1 || at + LARGE_HEADER_SIZE > bytes.byteLength) return { type, size, headerSize: HEADER_SIZE };
  return { type, size: Number(bytes.readBigUInt64BE(at + 8)), headerSize: LARGE_HEADER_SIZE };
}

/** The box at the end of a path of types; undefined where one is missing. */
export function boxAt(bytes: Buffer, parent: BoxPlace, ...path: readonly string[]): BoxPlace | undefined {
  let box: BoxPlace | undefined = parent;
  for (const type of path) {
    if (!box) return undefined;
    box = boxesIn(bytes, box.payload, box.end).find((child) => child.type === type);
  }
  return box;
}

export function neededBox(bytes: Buffer, parent: BoxPlace, ...path: readonly string[]): BoxPlace {
  const box = boxAt(bytes, parent, ...path);
  if (!box) throw damaged();
  return box;
}

/** A table of entries behind its number, in words of 32 bits. */
export class Table {
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #first: number;

  constructor(
    bytes: Buffer,
    box: BoxPlace,
    private readonly words: number,
    /** Where its number stands, from the payload on. */
    countAt = 4,
  ) {
    this.#bytes = bytes;
    this.#first = box.payload + countAt + 4;
    if (this.#first > box.end) throw damaged();
    this.count = bytes.readUInt32BE(this.#first - 4);
    if (this.#first + this.count * words * 4 > box.end) throw damaged();
  }

  at(entry: number, word = 0): number {
    return this.#bytes.readUInt32BE(this.#first + (entry * this.words + word) * 4);
  }
}

export function damaged(): ReelError {
  return new ReelError("corrupt", "the index of the file cannot be read");
}
