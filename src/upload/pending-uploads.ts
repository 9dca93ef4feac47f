// The files that wait for their upload, and when each may be tried. Pure but for the clock that it is given.

import type { CatalogSegment } from "../catalog/catalog-segment.js";
import type { TaskFailure } from "./upload-task.js";

export interface PendingUpload {
  readonly segment: CatalogSegment;
  /** Of its object; undefined where the template gives it none that S3 can have. */
  readonly key: string | undefined;
  isUnderWay: boolean;
  tries: number;
  /** By the monotonic clock. */
  nextTryMs: number;
  failure: TaskFailure | undefined;
}

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 300_000;

export class PendingUploads {
  /** In the order in which they came, which is nearly that of their ends. */
  readonly #all = new Map<number, PendingUpload>();
  /** Failures of the server without a success between them. */
  #serverFailures = 0;
  /** Until then nothing is tried, because the server fails everything. */
  #shutUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly concurrency: number,
    /** From 0 to 1. */
    private readonly random: () => number,
    private readonly firstPauseMs = FIRST_PAUSE_MS,
  ) {}

  get size(): number {
    return this.#all.size;
  }
  get bytes(): number {
    let sum = 0;
    for (const { segment } of this.#all.values()) sum += segment.sizeBytes;
    return sum;
  }
  get underWay(): number {
    let count = 0;
    for (const { isUnderWay } of this.#all.values()) if (isUnderWay) count++;
    return count;
  }

  has(id: number): boolean {
    return this.#all.has(id);
  }
  get(id: number): PendingUpload | undefined {
    return this.#all.get(id);
  }

  add(segment: CatalogSegment, key: string | undefined): PendingUpload {
    const pending = { segment, key, isUnderWay: false, tries: 0, nextTryMs: 0, failure: undefined };
    this.#all.set(segment.id, pending);
    return pending;
  }

  remove(id: number): void {
    this.#all.delete(id);
  }

  /** Oldest end first. */
  sorted(): PendingUpload[] {
    const byEnd = ({ segment: a }: PendingUpload, { segment: b }: PendingUpload): number =>
      (a.stoppedMs ?? 0) - (b.stoppedMs ?? 0) || a.id - b.id;
    return [...this.#all.values()].sort(byEnd);
  }

  /**
   * The oldest that may be tried now. While the server fails everything, one at a time, and the least tried first:
   * files that fail on their own must not hold up all others.
   */
  next(nowMs: number): PendingUpload | undefined {
    if (nowMs < this.#shutUntilMs || (this.#isShut && this.underWay > 0)) return undefined;
    let oldest: PendingUpload | undefined;
    for (const pending of this.#all.values()) {
      if (pending.isUnderWay || nowMs < pending.nextTryMs) continue;
      const isLess = this.#isShut && oldest ? pending.tries - oldest.tries : 0;
      if (!oldest || isLess < 0 || (isLess === 0 && isOlder(pending, oldest))) oldest = pending;
    }
    return oldest;
  }

  /** When `next` may have one that it has not now; undefined where only the end of another changes that. */
  nextMs(): number | undefined {
    if (this.#isShut && this.underWay > 0) return undefined;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const { isUnderWay, nextTryMs } of this.#all.values())
      if (!isUnderWay && nextTryMs < soonestMs) soonestMs = nextTryMs;
    return soonestMs === Number.POSITIVE_INFINITY ? undefined : Math.max(this.#shutUntilMs, soonestMs);
  }

  succeeded(id: number): void {
    this.#all.delete(id);
    this.#serverFailures = 0;
  }

  /** Half a pause to a whole one, doubled with each try: many that failed together do not come back together. */
  failed(pending: PendingUpload, failure: TaskFailure, nowMs: number): void {
    pending.isUnderWay = false;
    pending.failure = failure;
    pending.nextTryMs = nowMs + this.#pauseMs(pending.tries);
    if (!failure.isServers) return;
    this.#serverFailures++;
    if (this.#isShut) this.#shutUntilMs = nowMs + this.#pauseMs(this.#serverFailures - this.concurrency);
  }

  /** Somebody says that the reason of the failures is gone. */
  retryNow(): void {
    this.#serverFailures = 0;
    this.#shutUntilMs = Number.NEGATIVE_INFINITY;
    for (const pending of this.#all.values()) pending.nextTryMs = 0;
  }

  get #isShut(): boolean {
    return this.#serverFailures > this.concurrency;
  }

  #pauseMs(tries: number): number {
    const whole = Math.min(this.firstPauseMs * 2 ** Math.max(0, tries - 1), MAX_PAUSE_MS);
    return whole * (0.5 + this.random() / 2);
  }
}

function isOlder({ segment: a }: PendingUpload, { segment: b }: PendingUpload): boolean {
  const difference = (a.stoppedMs ?? 0) - (b.stoppedMs ?? 0);
  return difference < 0 || (difference === 0 && a.id < b.id);
}
