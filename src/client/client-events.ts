// The client's side of events: any number of iterators over one subscription. It remembers the last `sequence`, so that
// after a break no recordChunkClosed is missing and none comes twice.

import type { EventName, ReelEvent } from "./control-protocol.js";

/** Events an iterator holds for a reader that is busy; one that falls back further is told so. */
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
   * One subscription for all iterators: what any of them wants. recordChunkClosed is always in it, to know the last
   * sequence. A new subscription ends the one before, which may have been sending what was missed: it begins where the
   * iterator that has seen least stands.
   */
  async #renew(): Promise<void> {
    const queues = [...this.#queues];
    const positions = queues.flatMap((queue) => queue.position ?? []);
    const since = positions.length === 0 ? undefined : Math.min(...positions);
    const wantsAll = queues.some((queue) => queue.types === undefined);
    const types = new Set<EventName>(["recordChunkClosed"]);
    for (const queue of queues) for (const type of queue.types ?? []) types.add(type);
    const from = await this.subscribe(wantsAll ? undefined : [...types], since);
    // Lower than asked for: the ledger is another one, its sequences begin anew.
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

  constructor(
    readonly types: ReadonlySet<EventName> | undefined,
    /** recordChunkClosed up to this were seen; undefined until the server has said where "now" is. */
    private lastSequence: number | undefined,
    private readonly onEnd: () => void,
  ) {}

  [Symbol.asyncIterator](): AsyncIterableIterator<ReelEvent> {
    return this;
  }

  /** Up to where it has seen every recordChunkClosed; undefined where it has no beginning yet, or wants none. */
  get position(): number | undefined {
    return !this.types || this.types.has("recordChunkClosed") ? this.lastSequence : undefined;
  }

  /**
   * A subscription has begun after the sequence `from`, where `asked` was asked for; `newest` is the last that is known
   * of.
   */
  begin(from: number, asked: number | undefined, newest: number): void {
    if (asked !== undefined && from < asked) this.lastSequence = from;
    // What is sent again for another's sake is not of "now".
    else this.lastSequence ??= Math.max(from, newest);
  }

  push(event: ReelEvent): void {
    if (this.#isEnded || (this.types && !this.types.has(event.type))) return;
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
