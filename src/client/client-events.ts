// The client's side of events: any number of iterators over one subscription. It remembers the last `sequence`, so that
// after a break no recordChunkClosed is missing and none comes twice.

import type { EventName, ReelEvent } from "./event-payloads.js";

/** Events that an iterator buffers for a busy reader. A reader that falls further behind gets an error. */
const MAX_BUFFERED = 10_000;

type Subscribe = (types: readonly EventName[] | undefined, since: number | undefined) => Promise<number>;

export class EventFeed {
  readonly #queues = new Set<EventQueue>();
  #lastSequence: number | undefined;
  #isEnded = false;

  constructor(private readonly subscribe: Subscribe) {}

  iterate<T extends EventName>(
    types: readonly T[] | undefined,
    since: number | undefined,
  ): AsyncIterableIterator<ReelEvent<T>> {
    const queue = new EventQueue(types && new Set(types), since, () => this.#queues.delete(queue));
    if (this.#isEnded) queue.end();
    else {
      this.#queues.add(queue);
      this.#renew().catch((error: unknown) => queue.end(error));
    }
    return queue as unknown as AsyncIterableIterator<ReelEvent<T>>;
  }

  push(event: ReelEvent): void {
    if (event.type === "recordChunkClosed")
      this.#lastSequence = Math.max(this.#lastSequence ?? 0, event.payload.sequence);
    for (const queue of this.#queues) queue.push(event);
  }

  /** After a reconnection. */
  async resume(): Promise<void> {
    if (this.#queues.size > 0) await this.#renew();
  }

  end(): void {
    this.#isEnded = true;
    for (const queue of [...this.#queues]) queue.end();
  }

  /**
   * All iterators share one subscription, which asks for what any of them wants. It always contains recordChunkClosed,
   * to know the last sequence. A new subscription replaces the one before, which may still have been sending missed
   * events, so it begins at the iterator that has seen least.
   */
  async #renew(): Promise<void> {
    const queues = [...this.#queues];
    const positions = queues.flatMap((queue) => queue.position ?? []);
    const since = positions.length === 0 ? undefined : Math.min(...positions);
    const wantsAll = queues.some((queue) => queue.types === undefined);
    const types = new Set<EventName>(["recordChunkClosed"]);
    for (const queue of queues) for (const type of queue.types ?? []) types.add(type);
    const from = await this.subscribe(wantsAll ? undefined : [...types], since);
    // A lower sequence than we asked for means another ledger, whose sequences begin anew.
    if (since !== undefined && from < since) this.#lastSequence = from;
    else this.#lastSequence ??= from;
    for (const queue of queues) queue.begin(from, since, this.#lastSequence);
  }
}

class EventQueue implements AsyncIterableIterator<ReelEvent> {
  readonly #events: ReelEvent[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;
  #error: unknown;
  /** The last segmentDeleted seen, or what was the newest sequence when it began. */
  #lastDeleted: number | undefined;

  constructor(
    readonly types: ReadonlySet<EventName> | undefined,
    /** The last recordChunkClosed seen; undefined until the server has said where "now" is. */
    private lastSequence: number | undefined,
    private readonly onEnd: () => void,
  ) {}

  [Symbol.asyncIterator](): AsyncIterableIterator<ReelEvent> {
    return this;
  }

  /**
   * It has seen all up to this that the server repeats; undefined before its beginning is known, or if it wants none.
   */
  get position(): number | undefined {
    if (!this.types || this.types.has("recordChunkClosed")) return this.lastSequence;
    return this.types.has("segmentDeleted") ? this.#lastDeleted : undefined;
  }

  /** A subscription has begun after the sequence `from`; we asked for `asked`, and know of sequences up to `newest`. */
  begin(from: number, asked: number | undefined, newest: number): void {
    if (asked !== undefined && from < asked) this.#lastDeleted = from;
    else this.#lastDeleted ??= this.lastSequence ?? Math.max(from, newest);
    if (asked !== undefined && from < asked) this.lastSequence = from;
    // The server sends these again for another iterator; this one began later.
    else this.lastSequence ??= Math.max(from, newest);
  }

  push(event: ReelEvent): void {
    if (this.#isEnded || (this.types && !this.types.has(event.type))) return;
    if (event.type === "segmentDeleted") {
      if (event.payload.sequence <= (this.#lastDeleted ?? Number.POSITIVE_INFINITY)) return;
      this.#lastDeleted = event.payload.sequence;
    }
    if (event.type === "recordChunkClosed") {
      if (event.payload.sequence <= (this.lastSequence ?? Number.POSITIVE_INFINITY)) return;
      this.lastSequence = event.payload.sequence;
    }
    if (this.#events.length >= MAX_BUFFERED) {
      this.end(new Error(`${MAX_BUFFERED} events were not read in time`));
      return;
    }
    this.#events.push(event);
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<ReelEvent>> {
    while (this.#events.length === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const value = this.#events.shift();
    if (value) return { value, done: false };
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<ReelEvent>> {
    this.#events.length = 0;
    this.end();
    return { value: undefined, done: true };
  }

  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    this.#wake?.();
    this.onEnd();
  }
}
