// Streams of JetStream, made by the node that needs them first.

import type { JetStreamApiError, StreamConfig } from "@nats-io/jetstream";
import type { Nats } from "./nats-connection.js";

const NAME_IN_USE = 10058;

/** Makes a stream where it is not there. One that an operator has made, or changed, stays as it is. */
export async function ensureStream(nats: Nats, config: Partial<StreamConfig> & { name: string }): Promise<void> {
  try {
    await nats.manager.streams.add(config);
  } catch (error) {
    if ((error as Partial<JetStreamApiError>).code !== NAME_IN_USE) throw error;
  }
}
