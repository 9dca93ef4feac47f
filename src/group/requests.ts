// What one node asks of another: core NATS, answered within a deadline or not at all. Answers may be larger than a
// message of NATS (1 MB): they are compressed and cut, and the parts of one answer come in order, from one publisher.
// The first is empty and comes at once: the deadline is for nodes that hang, not for long lists. Answers go to a
// subject of the group's own, so that nobody needs to publish to inboxes.
//
//   reel.<group>.node.<n>.<what>   {"body":…}          a part: a byte, 1 for the last, and gzip
//   reel.<group>.node.<me>.answer.<id>  ◀──────────────┘

import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Msg } from "@nats-io/transport-node";
import type { Logger } from "../base/logger.js";
import type { Nats } from "./nats-connection.js";
import type { Asked, GroupSubjects } from "./subjects.js";

const compress = promisify(gzip);
const decompress = promisify(gunzip);
/** Servers take 1 MB by default. */
const PART_BYTES = 512 * 1024;
/** Of an answer as it is read: lists of some ten thousand streams. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/**
 * A node that has begun to answer has so long in all: lists of eleven thousand configs of five nodes that shared two
 * cores took 2.0 s.
 */
const AT_WORK_MS = 10_000;
const MORE = 0;
const LAST = 1;

export interface RequestParts {
  readonly nats: Nats;
  readonly subjects: GroupSubjects;
  readonly self: number;
  readonly isConnected: () => boolean;
  readonly logger: Logger;
}

/** What a node answers with is JSON, and comes from another version of Reel, perhaps. */
export type RequestHandler = (body: unknown, from: number) => Promise<unknown>;

interface Waiting {
  readonly parts: Uint8Array[];
  /** Called with its first part. */
  readonly begins: () => void;
  readonly resolve: (bytes: Buffer | undefined) => void;
}

export class Requests {
  readonly #waiting = new Map<string, Waiting>();
  #lastId = 0;

  constructor(private readonly parts: RequestParts) {
    const { nats, subjects, self } = parts;
    nats.connection.subscribe(subjects.answer(self, "*"), {
      callback: (error, message) => {
        if (!error) this.#take(message);
      },
    });
  }

  /** Answers what other nodes ask of this one. A handler that throws answers nothing, and who asks knows at once. */
  serve(what: Asked, handler: RequestHandler): void {
    const { nats, subjects, self } = this.parts;
    nats.connection.subscribe(subjects.request(self, what), {
      callback: (error, message) => {
        if (!error) void this.#answer(message, what, handler);
      },
    });
  }

  /** The answer of a node; undefined where there is none within the deadline. */
  async ask(node: number, what: Asked, body: unknown, deadlineMs: number): Promise<unknown> {
    const { nats, subjects, self, isConnected } = this.parts;
    // What is published without a connection would wait for it.
    if (!isConnected() || nats.connection.isClosed()) return undefined;
    const reply = subjects.answer(self, ++this.#lastId);
    const answered = new Promise<Buffer | undefined>((resolve) => {
      let timer = setTimeout(() => resolve(undefined), deadlineMs);
      this.#waiting.set(reply, {
        parts: [],
        begins: () => {
          clearTimeout(timer);
          timer = setTimeout(() => resolve(undefined), Math.max(deadlineMs, AT_WORK_MS));
        },
        resolve: (bytes) => {
          clearTimeout(timer);
          resolve(bytes);
        },
      });
    });
    try {
      nats.connection.publish(subjects.request(node, what), JSON.stringify({ from: self, body }), { reply });
      const bytes = await answered;
      if (!bytes || bytes.byteLength === 0) return undefined;
      return JSON.parse((await decompress(bytes, { maxOutputLength: MAX_ANSWER_BYTES })).toString()) as unknown;
    } catch (error) {
      this.parts.logger.debug({ err: error, node, what }, "another node's answer cannot be read");
      return undefined;
    } finally {
      this.#waiting.delete(reply);
    }
  }

  #take({ subject, data, headers }: Msg): void {
    const waiting = this.#waiting.get(subject);
    if (!waiting) return;
    // Nobody listens there: the server says so at once.
    if (data.byteLength === 0 && headers?.code === 503) {
      waiting.resolve(undefined);
      return;
    }
    if (waiting.parts.length === 0) waiting.begins();
    waiting.parts.push(data.subarray(1));
    if (data[0] === LAST) waiting.resolve(Buffer.concat(waiting.parts));
  }

  async #answer({ data, reply }: Msg, what: Asked, handler: RequestHandler): Promise<void> {
    const { nats, logger } = this.parts;
    if (reply === undefined || nats.connection.isClosed()) return;
    nats.connection.publish(reply, Buffer.of(MORE));
    let bytes = Buffer.alloc(0);
    try {
      const { body, from } = JSON.parse(new TextDecoder().decode(data)) as { body: unknown; from: number };
      bytes = await compress(JSON.stringify(await handler(body, from)), { level: 1 });
    } catch (error) {
      logger.warn({ err: error, what }, "what another node asked could not be answered");
    }
    if (nats.connection.isClosed()) return;
    for (let at = 0; at === 0 || at < bytes.byteLength; at += PART_BYTES) {
      const part = bytes.subarray(at, at + PART_BYTES);
      const isLast = at + PART_BYTES >= bytes.byteLength;
      nats.connection.publish(reply, Buffer.concat([Buffer.of(isLast ? LAST : MORE), part]));
    }
  }
}
