// This node's events on the group's stream. What stands in the ledger comes from there, one after the other, and how
// far it has come is kept: a crash, or hours without NATS, lose none and double none. Other events are sent as they
// happen, and given up where they cannot be.
//
//   ledger ─▶ after the last that was published ─▶ put, once ─▶ keep its sequence
//   bus ────▶ put, if there is room

import { waitAtMost } from "../../base/deadline.js";
import type { Logger } from "../../base/logger.js";
import type { RecorderApi } from "../../recording/recorder-api.js";
import type { BusEvent } from "../events/event-bus.js";
import type { EventSink } from "../events/event-sink.js";
import { IN_LEDGER, ledgerEvent } from "../events/event-subscriber.js";
import { EVENT_TYPES, type EventType } from "../events/event-types.js";
import { serialize } from "../replies/reply.js";
import type { GroupPort } from "./group-port.js";

/** Of a client and its server, not of what is recorded. */
const OWN: readonly EventType[] = ["cliRequest", "cliResponse"];
/** On their way at once. */
const MAX_QUEUED = 1000;
const AGAIN_MS = 1000;
const LAST_MS = 2000;

export class GroupEventSink implements EventSink {
  readonly types: ReadonlySet<EventType> = new Set(EVENT_TYPES.filter((type) => !OWN.includes(type)));
  #dropped = 0;
  #queued = 0;
  #isClosed = false;
  #isBehind = true;
  #pumping: Promise<void> | undefined;

  constructor(
    private readonly group: GroupPort,
    private readonly recorder: Pick<RecorderApi, "closedSince">,
    private readonly logger: Logger,
  ) {}

  get dropped(): number {
    return this.#dropped;
  }
  get queued(): number {
    return this.#queued;
  }

  /** Publishes what the ledger holds since the last run. */
  start(): void {
    this.#pump();
  }

  deliver(event: BusEvent): void {
    if (IN_LEDGER.includes(event.type)) {
      this.#isBehind = true;
      this.#pump();
      return;
    }
    if (this.#queued >= MAX_QUEUED) {
      this.#dropped++;
      return;
    }
    this.#queued++;
    void this.group.publish(event.type, this.#textOf(event)).then((isThere) => {
      this.#queued--;
      if (!isThere) this.#dropped++;
    });
  }

  async close(deadlineMs: number): Promise<void> {
    this.#pump();
    // What NATS does not take now, the next start brings.
    if (this.#pumping) await waitAtMost(this.#pumping, Math.min(deadlineMs, LAST_MS));
    this.#isClosed = true;
  }

  #pump(): void {
    this.#pumping ??= this.#publishLedger().finally(() => {
      this.#pumping = undefined;
    });
  }

  async #publishLedger(): Promise<void> {
    while (this.#isBehind && !this.#isClosed) {
      this.#isBehind = false;
      try {
        const since = this.group.publishedUpTo;
        const { ends, newest } = await this.recorder.closedSince(since ?? Number.MAX_SAFE_INTEGER);
        // What was recorded before this node was a member is its own.
        if (since === undefined) this.group.keepPublished(newest);
        for await (const entry of ends)
          if (!(await this.#publishOne(ledgerEvent(entry), entry.report.sequence))) return;
      } catch (error) {
        this.logger.warn({ err: error }, "the ledger could not be read for the group's events; it is tried again");
        this.#isBehind = true;
        await pause(AGAIN_MS);
      }
    }
  }

  /** False where the sink has closed meanwhile. */
  async #publishOne(event: BusEvent, sequence: number): Promise<boolean> {
    while (!this.#isClosed) {
      if (await this.group.publish(event.type, this.#textOf(event), sequence)) {
        this.group.keepPublished(sequence);
        return true;
      }
      await pause(AGAIN_MS);
    }
    return false;
  }

  /** The envelope of docs/commands.md, with the node's name. */
  #textOf({ id, type, timestamp, payload }: BusEvent): string {
    const { nodeName: node } = this.group;
    const own = { ...payload, PID: process.pid, customData: null };
    return serialize({ id, node, payload: own, processId: process.pid, timestamp, type });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
