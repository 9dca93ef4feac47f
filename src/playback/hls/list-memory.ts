// What lists have named before: a file that is deleted must not give its numbers to the next one (RFC 8216 §6.2.1). Of
// each list it is kept where its files stood when it was asked for last; a list that nobody asks for is forgotten.

import { beginsAnew, type PlaylistPart } from "./playlist.js";

export interface ListedFile {
  readonly id: number;
  readonly parts: readonly PlaylistPart[];
}

interface Place {
  readonly parts: number;
  readonly discontinuities: number;
}

const MAX_LISTS = 256;

export class ListMemory {
  /** By list: what stands in front of each of its files, and of its end. The one asked for last stands last. */
  readonly #lists = new Map<string, { byFile: ReadonlyMap<number, Place>; end: Place }>();

  /** How much the list has lost in front of its first file that is still there. */
  goneFrom(list: string, files: readonly ListedFile[]): Place {
    const before = this.#lists.get(list);
    const gone = before ? placeOfFirst(before, files) : { parts: 0, discontinuities: 0 };
    const byFile = new Map<number, Place>();
    let { parts, discontinuities } = gone;
    for (const file of files) {
      if (file.parts.length > 0) byFile.set(file.id, { parts, discontinuities });
      for (const part of file.parts) if (beginsAnew(part, parts++)) discontinuities++;
    }
    this.#lists.delete(list);
    this.#lists.set(list, { byFile, end: { parts, discontinuities } });
    for (const oldest of this.#lists.keys()) {
      if (this.#lists.size <= MAX_LISTS) break;
      this.#lists.delete(oldest);
    }
    return gone;
  }
}

function placeOfFirst(
  { byFile, end }: { byFile: ReadonlyMap<number, Place>; end: Place },
  files: readonly ListedFile[],
) {
  // Of a file that could not be read the last time nothing is known: it stands in front of those that were.
  let parts = 0;
  for (const file of files) {
    const place = byFile.get(file.id);
    if (place) return { parts: Math.max(0, place.parts - parts), discontinuities: place.discontinuities };
    parts += file.parts.length;
  }
  return end;
}
