// The names of live streams, told among the nodes over core NATS when they change, when a node comes, and every ten
// seconds, since a message may be lost. NameConflicts says what follows.
//
//   reel.<group>.names.<node>   gzip of {"published":[…],"pulled":[…]}

import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Subscription } from "@nats-io/transport-node";
import type { Logger } from "../base/logger.js";
import { isNodeNumber } from "./claimed-numbers.js";
import type { Members } from "./members.js";
import { type LiveNames, NameConflicts } from "./name-conflicts.js";
import type { Nats } from "./nats-connection.js";
import type { GroupSubjects } from "./subjects.js";

const compress = promisify(gzip);
const decompress = promisify(gunzip);
/** Of ticks, which are half a second. */
const TELL_EVERY = 20;
const MAX_BYTES = 16 * 1024 * 1024;

export interface StreamNamesParts {
  readonly nats: Nats;
  readonly subjects: GroupSubjects;
  readonly self: number;
  readonly members: Members;
  /** Of this node. */
  readonly live: () => LiveNames;
  /** A stream of this node lives at others too: their numbers. */
  readonly onConflict: (localStreamName: string, nodes: readonly number[]) => void;
  readonly logger: Logger;
}

export class StreamNames {
  readonly #conflicts = new NameConflicts();
  readonly #heard: Subscription;
  #ticks = 0;
  /** To be told. */
  #isChanged = true;
  /** To be compared. */
  #isOld = true;
  #alive = "";
  #taken: Promise<void> = Promise.resolve();

  constructor(private readonly parts: StreamNamesParts) {
    const { nats, subjects, logger } = parts;
    this.#heard = nats.connection.subscribe(subjects.names("*"), {
      callback: (error, { subject, data }) => {
        if (error) return;
        // One after the other: a long old message must not be unpacked behind a short new one.
        this.#taken = this.#taken
          .then(() => this.#take(Number(subject.slice(subject.lastIndexOf(".") + 1)), data))
          .catch((unread: unknown) => logger.debug({ err: unread }, "another node's streams cannot be read"));
      },
    });
  }

  /** A stream has begun or ended here. */
  changed(): void {
    this.#isChanged = true;
    this.#isOld = true;
  }

  /** Called twice a second while there is a connection. */
  tick(): void {
    const { members, live, onConflict } = this.parts;
    const alive = members
      .live()
      .map(({ node, sinceMs }) => `${node} ${sinceMs}`)
      .join();
    const isOther = alive !== this.#alive;
    this.#alive = alive;
    if (this.#isChanged || isOther || ++this.#ticks % TELL_EVERY === 0) void this.#tell(live());
    if (!this.#isOld && !isOther) return;
    this.#isOld = false;
    for (const { name, nodes } of this.#conflicts.compare(live(), (node) => members.isAlive(node)))
      onConflict(name, nodes);
  }

  /** The other nodes where a stream of that name lives too. */
  conflictsOf(localStreamName: string): readonly number[] {
    return this.#conflicts.of(localStreamName);
  }

  close(): void {
    this.#heard.unsubscribe();
  }

  async #tell(names: LiveNames): Promise<void> {
    const { nats, subjects, self, logger } = this.parts;
    this.#isChanged = false;
    const bytes = await compress(JSON.stringify(names), { level: 1 });
    if (nats.connection.isClosed()) return;
    try {
      nats.connection.publish(subjects.names(self), bytes);
    } catch (error) {
      // The connection is being drained, or the names are more than a message of this server may hold.
      this.#isChanged = true;
      logger.debug({ err: error }, "the names of this node's streams could not be told");
    }
  }

  async #take(node: number, data: Uint8Array): Promise<void> {
    if (node === this.parts.self || !isNodeNumber(node)) return;
    const text = (await decompress(data, { maxOutputLength: MAX_BYTES })).toString();
    const { published, pulled } = JSON.parse(text) as Partial<LiveNames>;
    this.#conflicts.heard(node, { published: strings(published), pulled: strings(pulled) });
    this.#isOld = true;
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
