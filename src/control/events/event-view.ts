// What of the events a subscriber may see. Viewers see what the routes show them: recordings and files with all that is
// known of them, the user variables of their configs too; of streams the names alone (URIs and the user variables of
// pulls are the owner's), and no commands.

import type { Value } from "../replies/reply.js";
import { BusEvent } from "./event-bus.js";
import { EVENT_TYPES, type EventType } from "./event-types.js";

export interface EventView {
  readonly types: ReadonlySet<EventType>;
  show(event: BusEvent): BusEvent;
}

export const ALL_EVENTS: EventView = { types: new Set(EVENT_TYPES), show: (event) => event };

const OF_STREAMS: ReadonlySet<EventType> = new Set([
  "inStreamClosed",
  "inStreamCodecsUpdated",
  "inStreamCreated",
  "outStreamClosed",
  "outStreamCreated",
]);

const SHOWN_OF_STREAMS = [
  "configId",
  "creationTimestamp",
  "localStreamName",
  "name",
  "outStreamId",
  "sequence",
  "type",
  "uniqueId",
  "upTime",
];

export const VIEWER_EVENTS: EventView = {
  types: new Set<EventType>([
    ...OF_STREAMS,
    "pastShort",
    "recordChunkClosed",
    "recordChunkCreated",
    "recordChunkError",
    "recordGap",
    "recordWaiting",
    "retentionStep",
    "segmentDeleted",
    "serverStarted",
    "serverStopping",
  ]),
  show(event) {
    if (!OF_STREAMS.has(event.type)) return event;
    const shown: Record<string, Value> = {};
    for (const name of SHOWN_OF_STREAMS) {
      const value = event.payload[name];
      if (value !== undefined) shown[name] = value;
    }
    return new BusEvent(event.id, event.type, event.timestamp, shown);
  },
};
