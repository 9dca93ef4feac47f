// This node's heartbeat, and the others': core NATS, twice a second, one timer for all that the group does by time.

import type { Subscription } from "@nats-io/transport-node";
import type { Logger } from "../base/logger.js";
import { isNodeNumber } from "./claimed-numbers.js";
import { HEARTBEAT_MS, type Heartbeat, type Members } from "./members.js";
import type { Nats } from "./nats-connection.js";
import type { GroupSubjects } from "./subjects.js";

export interface HeartbeatParts {
  readonly nats: Nats;
  readonly subjects: GroupSubjects;
  readonly members: Members;
  /** This node's as it is now. */
  readonly own: () => Heartbeat;
  /** After every heartbeat while there is a connection, and when another node has said that it goes. */
  readonly onTick: () => void;
  /** This node could not be heard, or could not hear: the others may have taken what it had. */
  readonly onAbsent: () => void;
  readonly onReconnect: () => void;
  readonly logger: Logger;
}

export class Heartbeats {
  readonly #timer: NodeJS.Timeout;
  readonly #heard: Subscription;
  #isDoubleTold = false;
  #isClosed = false;

  constructor(private readonly parts: HeartbeatParts) {
    const { nats, subjects } = parts;
    this.#heard = nats.connection.subscribe(subjects.heartbeat("*"), {
      callback: (error, message) => {
        if (!error) this.#hear(message.data);
      },
    });
    void this.#watchConnection();
    this.#timer = setInterval(() => this.#tick(), HEARTBEAT_MS).unref();
    this.#send(false);
  }

  /** Says that this node goes, so that nobody waits for it to be dead. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#heard.unsubscribe();
    this.#send(true);
  }

  /** There is a connection to a server of NATS. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** What has changed of this node is told at once. */
  tell(): void {
    this.#send(false);
  }

  #tick(): void {
    if (this.parts.members.tick()) this.parts.onAbsent();
    this.#send(false);
    // What is asked without a connection would wait for it, and be asked of those who live.
    if (this.#isConnected) this.parts.onTick();
  }

  #send(isLast: boolean): void {
    const { nats, subjects, own } = this.parts;
    const beat = { ...own(), isLast };
    // What is published without a connection would wait for it, and be heard too late.
    if (nats.connection.isClosed() || !this.#isConnected) return;
    nats.connection.publish(subjects.heartbeat(beat.node), JSON.stringify(beat));
  }

  #isConnected = true;

  async #watchConnection(): Promise<void> {
    const { nats, members, onAbsent, onReconnect, logger } = this.parts;
    for await (const status of nats.connection.status()) {
      if (status.type === "disconnect") {
        this.#isConnected = false;
        members.deaf();
        logger.warn({}, "the group's NATS is gone: what this node records goes on");
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        members.deaf();
        onAbsent();
        onReconnect();
        logger.info({ server: status.server }, "the group's NATS is back");
      }
    }
  }

  #hear(data: Uint8Array): void {
    const { members, own, onTick, logger } = this.parts;
    const beat = parseHeartbeat(data);
    if (!beat) return;
    const self = own();
    if (beat.node !== self.node) {
      members.hear(beat);
      if (beat.isLast) onTick();
    } else if (beat.instance !== self.instance && !beat.isLast && !this.#isDoubleTold) {
      this.#isDoubleTold = true;
      logger.warn({ node: beat.name }, "another process is this node of the group: give each its own group.node");
    }
  }
}

/** undefined for what is no heartbeat: others may publish what they want. */
export function parseHeartbeat(data: Uint8Array): Heartbeat | undefined {
  let value: Partial<Record<keyof Heartbeat, unknown>>;
  try {
    value = JSON.parse(new TextDecoder().decode(data)) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { node, instance, name, weight, isDraining, isLast } = value;
  if (!isNodeNumber(node)) return undefined;
  if (typeof instance !== "string" || typeof name !== "string" || typeof weight !== "number") return undefined;
  if (!(weight >= 0 && weight <= 1)) return undefined;
  return { node, instance, name, weight, isDraining: isDraining === true, isLast: isLast === true };
}
