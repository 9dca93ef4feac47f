// One subscriber of events (a WebSocket connection). With `since`, what the ledger holds after that sequence comes
// first, without a gap or a double: live events are held from before the ledger is read until it has been sent.
//
//   prepare: attach (holding)     reply is sent     start: read ledger, send what it has ─▶ send held, less those ─▶ live

import type { ClosedSegmentReport } from "../../catalog/segment-report.js";
import type { RecorderApi } from "../../recording/recorder-api.js";
import { BusEvent, type EventBus } from "./event-bus.js";
import type { EventSubscription } from "./event-types.js";
import { chunkClosed } from "./segment-payloads.js";

/** The connection, as far as events concern it. */
export interface EventReceiver {
  /** Queues a message; resolves when the connection has room for more, rejects when it is gone. */
  send(message: string): Promise<void>;
  /** Bytes queued and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** Ends a connection that reads too slowly. */
  drop(reason: string): void;
}

/** Events held while the ledger is sent; more than a host makes in that time. */
const MAX_HELD = 10_000;

export class EventSubscriber {
  #detach: (() => void) | undefined;
  #held: BusEvent[] | undefined;
  #missed: AsyncIterable<ClosedSegmentReport> | readonly never[] | undefined;

  constructor(
    private readonly bus: EventBus,
    private readonly recorder: RecorderApi,
    private readonly receiver: EventReceiver,
    private readonly maxBufferedBytes: number,
  ) {}

  /** Begins to hold events; answers the sequence from which on none will be missed. `start` goes on after the reply. */
  async prepare({ types, since }: EventSubscription): Promise<number> {
    this.close();
    const held: BusEvent[] = [];
    this.#held = held;
    this.#detach = this.bus.add({ types, deliver: (event) => this.#deliver(event) });
    try {
      const closed = await this.recorder.closedSince(since ?? Number.MAX_SAFE_INTEGER);
      if (this.#held === held)
        this.#missed = since !== undefined && types.has("recordChunkClosed") ? closed.entries : [];
      // A sequence that is yet to come is one of another ledger: what it names is not to be waited for.
      return Math.min(since ?? closed.newest, closed.newest);
    } catch (error) {
      if (this.#held === held) this.close();
      throw error;
    }
  }

  /**
   * Sends what was missed and held, then lives. Does nothing unless prepared; ends where another `prepare` has come
   * meanwhile.
   */
  async start(): Promise<void> {
    const missed = this.#missed;
    const held = this.#held;
    this.#missed = undefined;
    if (!missed || !held) return;
    const sent = new Set<number>();
    for await (const report of missed) {
      if (this.#held !== held) return;
      sent.add(report.sequence);
      // Not of this run's count: id 0.
      await this.receiver.send(
        new BusEvent(0, "recordChunkClosed", Math.floor(report.stoppedMs / 1000), chunkClosed(report)).serialize(),
      );
    }
    for (let event = held.shift(); event && this.#held === held; event = held.shift()) {
      const { sequence } = event.payload;
      if (event.type !== "recordChunkClosed" || typeof sequence !== "number" || !sent.has(sequence))
        await this.receiver.send(event.serialize());
    }
    if (this.#held === held) this.#held = undefined;
  }

  close(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#held = undefined;
    this.#missed = undefined;
  }

  #deliver(event: BusEvent): void {
    if (this.#held) {
      if (this.#held.length < MAX_HELD) this.#held.push(event);
      else this.#drop("too many events while the missed ones were sent");
      return;
    }
    if (this.receiver.bufferedBytes > this.maxBufferedBytes) this.#drop("events are read too slowly");
    else this.receiver.send(event.serialize()).catch(() => this.close());
  }

  #drop(reason: string): void {
    this.close();
    this.receiver.drop(reason);
  }
}
