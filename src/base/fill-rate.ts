// By how much a volume fills up, from looks at what it has free.

/** The rate is taken over so long, or since the first look. */
const WINDOW_MS = 10 * 60_000;
/** A rate over a shorter time says nothing. */
const SHORTEST_MS = 10_000;

interface Look {
  atMs: number;
  freeBytes: number;
}

export class FillRate {
  #looks: Look[] = [];

  /** Bytes a second, over the time since the oldest look of the window; negative where space has become free. */
  after(look: Look): number {
    while (this.#looks.length > 1 && look.atMs - (this.#looks[0] as Look).atMs > WINDOW_MS) this.#looks.shift();
    const [first] = this.#looks;
    const newest = this.#looks.at(-1);
    // Whoever asks more often must not fill the memory.
    if (!newest || look.atMs - newest.atMs >= SHORTEST_MS / 10) this.#looks.push(look);
    if (!first || look.atMs - first.atMs < SHORTEST_MS) return 0;
    return ((first.freeBytes - look.freeBytes) * 1000) / (look.atMs - first.atMs);
  }
}
