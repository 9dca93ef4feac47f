// Looks into folders that several share who ask for names. Each wants to know what is there now; a look that began
// after he asked says that as well as one of his own. When an outage ends, hundreds want names in one folder, one
// after the other: they are served by one look, not by hundreds on a busy event loop (500 took 2 s).

import { FolderListing } from "./folder-listing.js";

/** A folder that exists, is inside a media folder and takes files. */
export interface CheckedFolder {
  readonly real: string;
  /** st_dev. */
  readonly volume: number;
}

interface Look<T> {
  /** Who asked up to here asked before it began. */
  readonly at: number;
  readonly releases: number;
  readonly found: Promise<T>;
}

export class FolderLooks {
  readonly #listings = new Map<string, Look<FolderListing>>();
  readonly #checks = new Map<string, Look<CheckedFolder>>();
  #asked = 0;
  #open = 0;

  /**
   * `releases`: how many names have been given back. A file that came since a look was its maker's as long as its name
   * was reserved; behind that the look is no answer.
   */
  constructor(private readonly releases: () => number) {}

  /** Asked now: looks that have begun are no answer. To be closed when the answer is used. */
  ask(): Asker {
    this.#open++;
    return new Asker(this, ++this.#asked);
  }

  listing(number: number, folder: string): Promise<FolderListing> {
    return this.#shared(this.#listings, number, folder, () => FolderListing.read(folder));
  }

  checked(number: number, folder: string, check: () => Promise<CheckedFolder>): Promise<CheckedFolder> {
    return this.#shared(this.#checks, number, folder, check);
  }

  /** Nobody is left who may use them. */
  close(): void {
    if (--this.#open > 0) return;
    this.#listings.clear();
    this.#checks.clear();
  }

  #shared<T>(looks: Map<string, Look<T>>, number: number, folder: string, begin: () => Promise<T>): Promise<T> {
    const known = looks.get(folder);
    // A failure has the words of whoever began the look.
    if (known && known.at >= number && known.releases === this.releases()) return known.found.catch(begin);
    const found = begin();
    looks.set(folder, { at: this.#asked, releases: this.releases(), found });
    return found;
  }
}

/** One who asks for a name. */
export class Asker {
  constructor(
    private readonly looks: FolderLooks,
    private readonly number: number,
  ) {}

  listing(folder: string): Promise<FolderListing> {
    return this.looks.listing(this.number, folder);
  }

  checked(folder: string, check: () => Promise<CheckedFolder>): Promise<CheckedFolder> {
    return this.looks.checked(this.number, folder, check);
  }

  close(): void {
    this.looks.close();
  }
}
