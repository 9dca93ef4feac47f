// The events of all nodes on one JetStream stream, which keeps them for a week: consumers resume by its sequence. An
// event of the ledger has a subject of its own, which is created as claims are (claim-log.ts), so it is there once,
// however often its node had to try.
//
//   reel.<group>.event.<node>.<type>               one that happens and is gone
//   reel.<group>.event.<node>.<type>.<sequence>    one that stands in the node's ledger

import type { StreamConfig } from "@nats-io/jetstream";
import { create } from "./claim-log.js";
import type { Nats } from "./nats-connection.js";
import { ensureStream } from "./streams.js";
import type { GroupSubjects } from "./subjects.js";

const NANOS_PER_DAY = 86_400 * 1e9;
const KEEP_DAYS = 7;
/** At 1 kB each half a gigabyte. */
const MAX_EVENTS = 500_000;
const PUBLISH_MS = 2000;

export class EventStream {
  private constructor(
    private readonly nats: Nats,
    private readonly subjects: GroupSubjects,
    private readonly self: number,
  ) {}

  /** Makes the stream where it is not there. */
  static async open(nats: Nats, subjects: GroupSubjects, self: number, replicas: number): Promise<EventStream> {
    const config: Partial<StreamConfig> & { name: string } = {
      name: subjects.eventStream,
      subjects: [subjects.events],
      num_replicas: replicas,
      max_age: KEEP_DAYS * NANOS_PER_DAY,
      max_msgs: MAX_EVENTS,
      discard: "old",
    };
    await ensureStream(nats, config);
    return new EventStream(nats, subjects, self);
  }

  /** True when it stands there, also where it did before; false where that is not known. Never rejects. */
  async publish(type: string, event: string, sequence?: number): Promise<boolean> {
    const subject = this.subjects.event(this.self, type, sequence);
    if (sequence !== undefined) return (await create(this.nats, subject, event)) !== "unknown";
    try {
      await this.nats.jetstream.publish(subject, event, { timeout: PUBLISH_MS, retries: 0 });
      return true;
    } catch {
      return false;
    }
  }
}
