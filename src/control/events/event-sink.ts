// Sinks as configured in `eventLogger` (ems-record-spec §6.1). A sink takes events and never makes anyone wait: it
// queues within bounds, counts what it had to drop, and logs it.

import { suggestion } from "../../base/nearest-name.js";
import { ReelError } from "../../base/reel-error.js";
import type { Value } from "../replies/reply.js";
import { isEmsOnly } from "./ems-events.js";
import type { EventListener } from "./event-bus.js";
import { EVENT_TYPES, type EventType, findEventType } from "./event-types.js";

export interface EventSinkOptions {
  readonly type: "RPC" | "file";
  /** RPC: POSTed to exactly this. */
  readonly url?: string | undefined;
  /** file: appended to. */
  readonly filename?: string | undefined;
  /** Absent = all. */
  readonly enabledEvents?: readonly string[] | undefined;
  /** Copied into every payload; it wins over the logger's. */
  readonly customData?: unknown;
  /** RPC: only JSON. */
  readonly serializerType?: string | undefined;
  /** file: only json. */
  readonly format?: string | undefined;
  /** file: name_YYYYMMDD_HHMMSS.ext. Default true. */
  readonly appendTimestamp?: boolean | undefined;
  /** file: name_0237.ext, in front of the time. Default false. */
  readonly appendInstance?: boolean | undefined;
  /** file: in EMS's manual, which does not say what it does. */
  readonly timestamp?: boolean | undefined;
  /** file: seconds per file. */
  readonly fileChunkLength?: number | undefined;
  /** file: time of day, UTC, at which a new file begins. */
  readonly fileChunkTime?: string | undefined;
}

export interface EventLoggerOptions {
  readonly sinks?: readonly EventSinkOptions[] | undefined;
  readonly customData?: unknown;
}

export interface EventSink extends EventListener {
  /** Events that the sink dropped. */
  readonly dropped: number;
  /** Events that wait. */
  readonly queued: number;
  /** Sends what is queued, for at most `deadlineMs`, then ends. */
  close(deadlineMs: number): Promise<void>;
}

/** Throws ReelError `badArgument` for a name that no event has. */
export function enabledTypes(names: readonly string[] | undefined): ReadonlySet<EventType> {
  const types = (names ?? EVENT_TYPES).map((name) => {
    const type = findEventType(name);
    if (!type && !isEmsOnly(name))
      throw new ReelError(
        "badArgument",
        `eventLogger: there is no event ${name}${suggestion(name, EVENT_TYPES)}; known are ${EVENT_TYPES.join(", ")}`,
      );
    return type;
  });
  return new Set(types.filter((type) => type !== undefined));
}

/** Any JSON as a value of an event; what JSON cannot hold becomes null. */
export function asValue(given: unknown): Value {
  const json = JSON.stringify(given);
  return json === undefined ? null : (JSON.parse(json) as Value);
}
