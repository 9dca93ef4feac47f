// The one bus of events. It numbers every event of the run, also those nobody wants, and hands each to the listeners
// that asked for its type. Payloads and bytes are made only for a listener that wants them. Listeners must not block:
// sinks queue, subscribers buffer, both bounded.

import type { Logger } from "../../base/logger.js";
import { type Collector, counter, gauge, type Sample } from "../../base/samples.js";
import type { Clock } from "../../time/units.js";
import { serialize, type Value, type ValueObject } from "../replies/reply.js";
import type { EventType } from "./event-types.js";

/**
 * One event, and its envelope `{"id","payload":{…,"PID","customData"},"processId","timestamp","type"}` (ems-record-spec
 * §6.1).
 */
export class BusEvent {
  #plain: string | undefined;

  constructor(
    readonly id: number,
    readonly type: EventType,
    /** Unix seconds. */
    readonly timestamp: number,
    readonly payload: ValueObject,
  ) {}

  /** The envelope as bytes; made once for all receivers without customData of their own. */
  serialize(customData: Value = null): string {
    if (customData !== null) return this.#write(customData);
    this.#plain ??= this.#write(null);
    return this.#plain;
  }

  #write(customData: Value): string {
    const payload = { ...this.payload, PID: process.pid, customData };
    return serialize({ id: this.id, payload, processId: process.pid, timestamp: this.timestamp, type: this.type });
  }
}

export interface EventListener {
  readonly types: ReadonlySet<EventType>;
  deliver(event: BusEvent): void;
}

export class EventBus implements Collector {
  readonly #listeners = new Set<EventListener>();
  #lastId = 0;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Returns a function that removes the listener. */
  add(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  collect(): readonly Sample[] {
    return [
      counter("reel_events_total", "Events of this run, sent or not.", this.#lastId),
      gauge("reel_event_receivers", "Sinks and subscribers.", this.#listeners.size),
    ];
  }

  emit(type: EventType, payload: () => ValueObject): void {
    const id = ++this.#lastId;
    let event: BusEvent | undefined;
    for (const listener of this.#listeners) {
      if (!listener.types.has(type)) continue;
      try {
        event ??= new BusEvent(id, type, Math.floor(this.clock.wallMs() / 1000), payload());
        listener.deliver(event);
      } catch (error) {
        // A listener must not disturb a recording, whatever it throws.
        this.logger.warn({ err: error, type }, "an event could not be delivered");
      }
    }
  }
}
