// What a folder holds, for the question whether a name is taken. A busy recorder's folder has a hundred thousand parts
// and asks for hundreds of numbers, on the main thread: answered from sets that are made in one pass.

import { readdir } from "node:fs/promises";

const PART = "_part";

export class FolderListing {
  readonly #names: ReadonlySet<string>;
  #stemsWithParts: Set<string> | undefined;

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
  }

  /** `mayBeMissing`: it holds nothing then. */
  static async read(folder: string, mayBeMissing = false): Promise<FolderListing> {
    const names = readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (mayBeMissing && error.code === "ENOENT") return [];
      throw error;
    });
    return new FolderListing(await names);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** True where a name begins with `<stem>_part`. */
  hasPartsOf(stem: string): boolean {
    this.#stemsWithParts ??= stemsWithParts(this.#names);
    return this.#stemsWithParts.has(stem);
  }
}

function stemsWithParts(names: Iterable<string>): Set<string> {
  const stems = new Set<string>();
  for (const name of names)
    for (let at = name.indexOf(PART); at >= 0; at = name.indexOf(PART, at + 1)) stems.add(name.slice(0, at));
  return stems;
}
