// Which files are being played: what was read within the last minute is not deleted, so that no viewer loses the file
// between two ranges or parts. Only the last few hundred count, so that nobody keeps a whole archive by reading it.

import type { CatalogSegment } from "../catalog/catalog-segment.js";
import type { Clock } from "../time/units.js";

const PLAYED_MS = 60_000;
const MAX_PLAYED = 256;

export class PlayedFiles {
  /** When each was read last, by the segment's id; the one read last stands last. */
  readonly #readMs = new Map<number, number>();

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  note(id: number): void {
    this.#readMs.delete(id);
    this.#readMs.set(id, this.clock.monotonicMs());
    if (this.#readMs.size <= MAX_PLAYED) return;
    for (const oldest of this.#readMs.keys()) {
      this.#readMs.delete(oldest);
      return;
    }
  }

  /** For the catalogue. */
  readonly guard = ({ id }: Pick<CatalogSegment, "id">): string | undefined => {
    const readMs = this.#readMs.get(id);
    return readMs !== undefined && this.clock.monotonicMs() - readMs < PLAYED_MS ? "it is being played" : undefined;
  };
}
