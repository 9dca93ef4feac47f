// One subscriber of events (a WebSocket connection). With `since`, the events that the ledger holds after that sequence
// come first, each exactly once: live events are held back from before the ledger is read until it is sent.
//
//   prepare: attach (holding)     reply is sent   start: read ledger, send what it has ─▶ send held, less those ─▶ live

import type { EndEntry } from "../../catalog/ledger-entry.js";
import type { RecorderApi } from "../../recording/recorder-api.js";
import { BusEvent, type EventBus } from "./event-bus.js";
import type { EventSubscription, EventType, Subscribed } from "./event-types.js";
import type { EventView } from "./event-view.js";
import { chunkClosed, segmentDeleted } from "./segment-payloads.js";

/** Events that the ledger holds. */
export const IN_LEDGER: readonly EventType[] = ["recordChunkClosed", "segmentDeleted"];

/** Those of the ledger are outside this run's count, so their id is 0. When a file was deleted no line says. */
export function ledgerEvent(entry: EndEntry): BusEvent {
  const { report } = entry;
  const timestamp = Math.floor((report.stoppedMs ?? report.startedMs) / 1000);
  if (entry.type === "closed") return new BusEvent(0, "recordChunkClosed", timestamp, chunkClosed(entry.report));
  return new BusEvent(0, "segmentDeleted", timestamp, segmentDeleted(entry.report));
}

/** The part of a connection that events need. */
export interface EventReceiver {
  /** Queues a message. Resolves when the connection has room for more, rejects when it is gone. */
  send(message: string): Promise<void>;
  /** Bytes queued and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** Ends a connection that reads too slowly. */
  drop(reason: string): void;
}

export interface SubscriberOptions {
  readonly maxBufferedBytes: number;
  /** What of the events its owner may see. */
  readonly view: EventView;
}

/** Events held while the ledger is sent. A host makes fewer in that time. */
const MAX_HELD = 10_000;

export class EventSubscriber {
  #detach: (() => void) | undefined;
  #held: BusEvent[] | undefined;
  #missed: AsyncIterable<EndEntry> | readonly never[] | undefined;
  #types: ReadonlySet<EventType> = new Set();
  /** Sequences that the ledger has told; the events of the newest may be yet to come. */
  #told = new Set<number>();

  constructor(
    private readonly bus: EventBus,
    private readonly recorder: RecorderApi,
    private readonly receiver: EventReceiver,
    private readonly options: SubscriberOptions,
  ) {}

  /** Begins to hold events. `start` goes on after the reply. */
  async prepare({ types, since }: EventSubscription): Promise<Subscribed> {
    this.close();
    const held: BusEvent[] = [];
    this.#held = held;
    const { view } = this.options;
    const seen = new Set([...types].filter((type) => view.types.has(type)));
    this.#detach = this.bus.add({ types: seen, deliver: (event) => this.#deliver(view.show(event)) });
    this.#types = seen;
    try {
      const closed = await this.recorder.closedSince(since ?? Number.MAX_SAFE_INTEGER);
      if (this.#held === held)
        this.#missed = since !== undefined && IN_LEDGER.some((type) => seen.has(type)) ? closed.ends : [];
      // A sequence beyond the newest is of another ledger, so nothing waits for it.
      return { types: seen, since: Math.min(since ?? closed.newest, closed.newest) };
    } catch (error) {
      if (this.#held === held) this.close();
      throw error;
    }
  }

  /**
   * Sends the missed events, then the held ones, then live ones. Does nothing unless prepared, and ends if another
   * `prepare` comes meanwhile.
   */
  async start(): Promise<void> {
    const missed = this.#missed;
    const held = this.#held;
    this.#missed = undefined;
    if (!missed || !held) return;
    this.#told = new Set();
    for await (const entry of missed) {
      if (this.#held !== held) return;
      const event = this.options.view.show(ledgerEvent(entry));
      if (!this.#types.has(event.type)) continue;
      this.#tell(entry.report.sequence);
      await this.receiver.send(event.serialize());
    }
    for (let event = held.shift(); event && this.#held === held; event = held.shift())
      if (!this.#isTold(event)) await this.receiver.send(event.serialize());
    if (this.#held === held) this.#held = undefined;
  }

  close(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#held = undefined;
    this.#missed = undefined;
  }

  #tell(sequence: number): void {
    this.#told.add(sequence);
    if (this.#told.size <= MAX_HELD) return;
    const [oldest = 0] = this.#told;
    this.#told.delete(oldest);
  }

  /** An entry is in the ledger before its event is made, so it may have been sent as one that was missed. */
  #isTold(event: BusEvent): boolean {
    const { sequence } = event.payload;
    return IN_LEDGER.includes(event.type) && typeof sequence === "number" && this.#told.delete(sequence);
  }

  #deliver(event: BusEvent): void {
    if (this.#held) {
      if (this.#held.length < MAX_HELD) this.#held.push(event);
      else this.#drop("too many events while the missed ones were sent");
      return;
    }
    if (this.#isTold(event)) return;
    if (this.receiver.bufferedBytes > this.options.maxBufferedBytes) this.#drop("events are read too slowly");
    else this.receiver.send(event.serialize()).catch(() => this.close());
  }

  #drop(reason: string): void {
    this.close();
    this.receiver.drop(reason);
  }
}
