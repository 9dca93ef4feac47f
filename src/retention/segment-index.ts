// The final segments of a recorder, followed in memory, since a rule looks at all of its scope: some 250 bytes each. It
// is filled from the catalogue at the start, page by page, and follows it from then on.

import type { SegmentCatalog } from "../catalog/catalog.js";
import type { CatalogSegment } from "../catalog/catalog-segment.js";
import { byAge, type KeptSegment } from "./retention-plan.js";

const PAGE = 1000;
/** Segments in these states have a file that may go. A failed one may still be recovered. */
const DELETABLE = ["finished", "recovered", "uploaded"] as const;

export class SegmentIndex {
  /** By path: a file that was overwritten is the newest segment's alone. */
  readonly #segments = new Map<string, KeptSegment>();
  readonly #detach: (() => void)[];
  /** Deleted while the pages were read. */
  #deleted: Set<number> | undefined = new Set();
  #isStopped = false;

  constructor(
    private readonly catalog: SegmentCatalog,
    /** A segment has come. */
    onAdded: () => void,
  ) {
    this.#detach = [
      catalog.onClosed((segment) => {
        this.#add(segment);
        onAdded();
      }),
      catalog.onDeleted((_report, segment) => this.#remove(segment)),
    ];
  }

  get size(): number {
    return this.#segments.size;
  }

  /** False until all of the catalogue has been read. */
  get isLoaded(): boolean {
    return this.#deleted === undefined;
  }

  async load(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.catalog.query({
        state: DELETABLE,
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
      });
      if (this.#isStopped) return;
      // Somebody else has removed its file, or another one has its name.
      for (const segment of page.segments) if (!segment.missing && !this.#deleted?.has(segment.id)) this.#add(segment);
      cursor = page.cursor;
    } while (cursor !== undefined);
    this.#deleted = undefined;
  }

  /** Oldest first. */
  sorted(): KeptSegment[] {
    return [...this.#segments.values()].sort(byAge);
  }

  /** The whole segment, for its deletion; undefined where the catalogue no longer has it. */
  async find({ id }: KeptSegment): Promise<CatalogSegment | undefined> {
    const segment = await this.catalog.find(id);
    return segment && (DELETABLE as readonly string[]).includes(segment.state) ? segment : undefined;
  }

  forget({ path, id }: KeptSegment): void {
    if (this.#segments.get(path)?.id === id) this.#segments.delete(path);
  }

  stop(): void {
    this.#isStopped = true;
    for (const detach of this.#detach) detach();
  }

  #add({ id, path, localStreamName, configId, startedMs, stoppedMs, sizeBytes }: CatalogSegment): void {
    const before = this.#segments.get(path);
    if (before && before.id > id) return;
    const segment = { id, path, localStreamName, configId, startedMs, stoppedMs: stoppedMs ?? startedMs, sizeBytes };
    this.#segments.set(path, segment);
  }

  #remove({ id, path, localStreamName, configId, startedMs, sizeBytes }: CatalogSegment): void {
    this.#deleted?.add(id);
    this.forget({ id, path, localStreamName, configId, startedMs, stoppedMs: startedMs, sizeBytes });
  }
}
