// The events of ems-record-spec §6 by name, and what a subscription asks for.

export const EVENT_TYPES = [
  "applicationStart",
  "applicationStop",
  "cliRequest",
  "cliResponse",
  "copyFailed",
  "inStreamClosed",
  "inStreamCodecsUpdated",
  "inStreamCreated",
  "outStreamClosed",
  "outStreamCreated",
  "pastShort",
  "pullMoved",
  "recordChunkClosed",
  "recordChunkCreated",
  "recordChunkError",
  "recordGap",
  "recordWaiting",
  "retentionStep",
  "segmentCopied",
  "segmentDeleted",
  "segmentUploaded",
  "serverStarted",
  "serverStopping",
  "streamConflict",
  "timerClosed",
  "timerCreated",
  "timerTriggered",
  "uploadFailed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The canonical name of an event, any case; undefined where there is none. */
export function findEventType(name: string): EventType | undefined {
  const wanted = name.toLowerCase();
  return EVENT_TYPES.find((type) => type.toLowerCase() === wanted);
}

export interface EventSubscription {
  readonly types: ReadonlySet<EventType>;
  /** The last `sequence` the subscriber has seen; undefined = only what comes from now on. */
  readonly since: number | undefined;
}

export interface Subscribed {
  /** Of those wanted, what the subscriber may see. */
  readonly types: ReadonlySet<EventType>;
  /** The sequence after which none will be missed. */
  readonly since: number;
}
