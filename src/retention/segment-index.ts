// The final segments of a recorder, followed in memory, since a rule looks at all of its scope: some 250 bytes each. It
// is filled from the catalogue, page by page, and follows it from then on. Estimated segments are not in it: Reel does
// not know whether it has recorded their files.

import type { SegmentCatalog } from "../catalog/catalog.js";
import type { CatalogSegment, FoundSegment } from "../catalog/catalog-segment.js";
import { isThere } from "../catalog/segment-deletion.js";
import type { SegmentWishes } from "../container/segment-origin.js";
import { OwnRules } from "./own-rules.js";
import { byAge, type KeptSegment } from "./retention-plan.js";

const PAGE = 1000;
const SAMPLES = 8;
/** Segments in these states have a file that may go. A failed one may still be recovered. */
const DELETABLE = ["finished", "recovered", "uploaded"] as const;

/** These may get one. */
const NOT_FINAL = ["growing", "failed"] as const;

export class SegmentIndex {
  /** By path: a file that was overwritten is the newest segment's alone. */
  readonly #segments = new Map<string, KeptSegment>();
  readonly #detach: (() => void)[];
  /** The same by age as far as `#isSorted`, with some that are gone among them. */
  #order: KeptSegment[] = [];
  #isSorted = true;
  readonly #gone = new Set<KeptSegment>();
  /** Deleted while pages are read. */
  #deleted: Set<number> | undefined;
  readonly #ownRules = new OwnRules();
  /** Segments with a rule of their own. */
  #ruled = 0;
  /** Of those that the catalogue has and this not: their file is away or gone, or they are not final. */
  readonly #ruledOutside = new Set<number>();
  #isLoaded = false;
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

  /** Some segments of the catalogue have brought a rule with them, whether their file is there or not. */
  get hasOwnRules(): boolean {
    return this.#ruled > 0 || this.#ruledOutside.size > 0;
  }

  /** A segment is recorded; it comes into the index when it is final. */
  opened(id: number, wishes: SegmentWishes | undefined): void {
    if (wishes?.retain) this.#ruledOutside.add(id);
  }

  /** False until all of the catalogue has been read. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** May be called again: what has come back meanwhile is added. */
  async load(): Promise<void> {
    const deleted = new Set<number>();
    this.#deleted = deleted;
    let cursor: string | undefined;
    do {
      const page = await this.catalog.query({
        state: [...DELETABLE, ...NOT_FINAL],
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
      });
      for (const segment of page.segments) {
        const { id, state, wishes } = segment;
        const isFinal = (DELETABLE as readonly string[]).includes(state);
        // Where it is missing, somebody else has removed its file, or its size has changed.
        const hasFile = isFinal && (!segment.missing || (await isThere(segment.path).catch(() => false)));
        if (this.#isStopped) return;
        const isHere = hasFile && (await this.#isHere(segment));
        if (this.#isStopped) return;
        if (deleted.has(id)) continue;
        if (isHere) this.#add(segment);
        if (this.#segments.get(segment.path)?.id !== id) this.opened(id, wishes);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    this.#deleted = undefined;
    this.#isLoaded = true;
  }

  /** Of several records of one path the file is that of the newest whose volume is mounted. */
  async #isHere(segment: FoundSegment): Promise<boolean> {
    const other = this.#segments.get(segment.path);
    if (other?.id === segment.id || (!other && !segment.missing)) return true;
    if (await this.catalog.isAway(segment)) return false;
    if (other && other.id > segment.id && (await this.catalog.isAway(other))) this.forget(other);
    return true;
  }

  /** Some that must be there if their folder is: the first and the last ones that came. */
  someIn(folder: string): string[] {
    const paths = [...this.#segments.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set([...paths.slice(0, SAMPLES), ...paths.slice(-SAMPLES)])];
  }

  /** Oldest first. New ones come at the end, so there is seldom anything to sort. */
  sorted(): readonly KeptSegment[] {
    if (this.#gone.size > 0) this.#order = this.#order.filter((segment) => !this.#gone.has(segment));
    this.#gone.clear();
    // Another array: somebody may be looking at the last one.
    if (!this.#isSorted) this.#order = [...this.#order].sort(byAge);
    this.#isSorted = true;
    return this.#order;
  }

  /** The whole segment, for its deletion; undefined where the catalogue no longer has it. */
  async find({ id }: KeptSegment): Promise<CatalogSegment | undefined> {
    const segment = await this.catalog.find(id);
    return segment && (DELETABLE as readonly string[]).includes(segment.state) ? segment : undefined;
  }

  forget({ path, id }: KeptSegment): void {
    const segment = this.#segments.get(path);
    if (segment?.id !== id) return;
    this.#segments.delete(path);
    this.#leave(segment);
  }

  #leave(segment: KeptSegment): void {
    this.#gone.add(segment);
    if (!segment.own) return;
    this.#ruled--;
    this.#ruledOutside.add(segment.id);
  }

  stop(): void {
    this.#isStopped = true;
    for (const detach of this.#detach) detach();
  }

  #add(found: CatalogSegment): void {
    const { id, path, localStreamName, configId, startedMs, stoppedMs, sizeBytes } = found;
    if (found.isEstimated) return;
    const before = this.#segments.get(path);
    if (before && before.id > id) return;
    const own = this.#ownRules.of(found.wishes?.retain);
    const times = { startedMs, stoppedMs: stoppedMs ?? startedMs };
    const segment: KeptSegment = { id, path, localStreamName, configId, ...times, sizeBytes, ...(own && { own }) };
    this.#segments.set(path, segment);
    if (before) this.#leave(before);
    if (own) this.#ruled++;
    this.#ruledOutside.delete(id);
    const last = this.#order.at(-1);
    if (last && byAge(last, segment) > 0) this.#isSorted = false;
    this.#order.push(segment);
  }

  #remove({ id, path, localStreamName, configId, startedMs, sizeBytes }: CatalogSegment): void {
    this.#deleted?.add(id);
    this.forget({ id, path, localStreamName, configId, startedMs, stoppedMs: startedMs, sizeBytes });
    this.#ruledOutside.delete(id);
  }
}
