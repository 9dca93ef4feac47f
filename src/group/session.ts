// What a node of a group has from the moment when NATS was reached: the log of claims, heartbeats, requests, events and
// the names of streams. Opened once; a connection that comes back goes on with it.

import type { Logger } from "../base/logger.js";
import { ClaimLog } from "./claim-log.js";
import { EventStream } from "./event-stream.js";
import { DEFAULT_REPLICAS } from "./group-settings.js";
import { type HeartbeatParts, Heartbeats } from "./heartbeats.js";
import type { Members } from "./members.js";
import type { Nats } from "./nats-connection.js";
import { type RequestHandler, Requests } from "./requests.js";
import { StreamNames, type StreamNamesParts } from "./stream-names.js";
import type { Asked, GroupSubjects } from "./subjects.js";

export interface Session {
  readonly nats: Nats;
  readonly log: ClaimLog;
  readonly heartbeats: Heartbeats;
  readonly requests: Requests;
  readonly events: EventStream;
  readonly names: StreamNames;
}

export interface SessionParts
  extends Pick<HeartbeatParts, "own" | "onTick" | "onAbsent" | "onReconnect">,
    Pick<StreamNamesParts, "live" | "onConflict"> {
  readonly subjects: GroupSubjects;
  /** This node's number. */
  readonly self: number;
  readonly members: Members;
  readonly replicas: number | undefined;
  /** What is answered to others. */
  readonly handlers: ReadonlyMap<Asked, RequestHandler>;
  /** The node may go while the streams are opened: nothing is told by it then. */
  readonly isWanted: () => boolean;
  readonly logger: Logger;
}

/** Undefined where it is not wanted any more. Rejects where NATS has no leader, or refuses the streams. */
export async function openSession(nats: Nats, parts: SessionParts): Promise<Session | undefined> {
  const { subjects, self, members, replicas = DEFAULT_REPLICAS, handlers, isWanted, logger } = parts;
  const log = await ClaimLog.open(nats, subjects, { self, replicas, logger });
  const events = await EventStream.open(nats, subjects, self, replicas);
  if (!isWanted()) return undefined;
  const { own, onTick, onAbsent, onReconnect, live, onConflict } = parts;
  const heartbeats = new Heartbeats({
    ...{ nats, subjects, members, own, onTick, onReconnect, logger },
    // Also where this process stood still: its reader of claims may be one that nothing is sent to any more.
    onAbsent: () => {
      log.readAgain();
      onAbsent();
    },
  });
  const requests = new Requests({ nats, subjects, self, isConnected: () => heartbeats.isConnected, logger });
  for (const [what, handler] of handlers) requests.serve(what, handler);
  const names = new StreamNames({ nats, subjects, self, members, live, onConflict, logger });
  return { nats, log, heartbeats, requests, events, names };
}
