// The log of claims: one JetStream stream with a copy on every server. A claim is the *creation* of its subject: a
// publish that expects no message there, without any fallback. `update` of a key with its revision is not safe on three
// copies of server 2.9.10 (nats-io/nats-server#4320: 29 to 37 of 60 races had several winners); creation was, in every
// race. The stream itself takes one message of a subject too. Ids and node numbers are claimed in the same way.

import type { JetStreamApiError, StoredMsg, StreamConfig } from "@nats-io/jetstream";
import type { Logger } from "../base/logger.js";
import type { ClaimOutcome } from "./claim.js";
import type { Nats } from "./nats-connection.js";
import { ensureStream } from "./streams.js";
import type { GroupSubjects, PullKey } from "./subjects.js";

/** Without a leader there is no answer: elections took 5.0 to 6.8 s. */
const ASK_MS = 2000;
const WRONG_LAST_SEQUENCE = 10071;
const TOO_MANY_OF_SUBJECT = 10077;
/** A server that goes with the reader's place in the log is noticed after two heartbeats. */
const READ = { expires: 4000, idle_heartbeat: 1000 };
const READ_AGAIN_MS = 500;

/** A claim as it stands in the log. */
export interface LoggedClaim {
  readonly configId: number;
  readonly epoch: number;
  readonly node: number;
  readonly sequence: number;
}

export interface ClaimReader {
  seen(claim: LoggedClaim): void;
  /** All that stood in the log when reading began has been told. */
  caughtUp(): void;
}

export class ClaimLog {
  #isClosed = false;
  #stop: (() => void) | undefined;
  /** Counts what readers were made for: one that was under way at a reconnect is of the connection before. */
  #generation = 0;

  private constructor(
    private readonly nats: Nats,
    private readonly subjects: GroupSubjects,
    private readonly self: number,
    private readonly logger: Logger,
  ) {}

  /** Makes the stream where it is not there. `self`: the number that claims are signed with. */
  static async open(
    nats: Nats,
    subjects: GroupSubjects,
    { self, replicas, logger }: { self: number; replicas: number; logger: Logger },
  ): Promise<ClaimLog> {
    await ensureClaimStream(nats, subjects, replicas);
    return new ClaimLog(nats, subjects, self, logger);
  }

  /** Asks for an epoch of a pull. Never rejects. */
  async ask(pull: PullKey, epoch: number): Promise<ClaimOutcome> {
    const outcome = await create(this.nats, this.subjects.claim(pull, epoch), { node: this.self });
    // The one before the last explains nothing any more. The highest is never purged, so it can never be created again.
    if (outcome === "won" && epoch > 2) this.#purge(this.subjects.claim(pull, epoch - 2));
    return outcome;
  }

  /** The newest claim of a pull, as the stream's leader has it. Rejects where none answers. */
  async readBack(pull: PullKey): Promise<LoggedClaim | undefined> {
    const stream = this.subjects.claimStream;
    const message = await this.nats.manager.streams.getMessage(stream, { last_by_subj: this.subjects.claimsOf(pull) });
    return message ? this.#parse(message) : undefined;
  }

  /** The pull's config is gone, and its id is never used again. */
  forget(pull: PullKey): void {
    this.#purge(this.subjects.claimsOf(pull));
  }

  /** Tells every claim in the log's order, from the first, and those that come. Calls nothing after `close`. */
  follow(reader: ClaimReader): void {
    void this.#follow(reader);
  }

  /**
   * Reads on with a reader of its own making, after a connection that was gone, or a process that stood still. The one
   * before may never tell anything again: a node that was cut off for 7 s, and one that was stopped for 5 s, went on
   * with what others had taken.
   */
  readAgain(): void {
    this.#generation++;
    this.#stop?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
  }

  async #follow(reader: ClaimReader): Promise<void> {
    let next = 1;
    let last: number | undefined;
    while (!this.#isClosed) {
      try {
        const generation = this.#generation;
        last ??= await this.#lastSequence();
        if (next > last) reader.caughtUp();
        const consumer = await this.nats.jetstream.consumers.get(this.subjects.claimStream, {
          // A list of filters needs server 2.10.
          filter_subjects: this.subjects.claims,
          deliver_policy: "by_start_sequence",
          opt_start_seq: next,
        });
        const messages = await consumer.consume(READ);
        this.#stop = () => messages.stop();
        if (this.#isClosed || generation !== this.#generation) messages.stop();
        for await (const message of messages) {
          const claim = this.#parse(message);
          next = message.seq + 1;
          if (claim && !this.#isClosed) reader.seen(claim);
          if (message.info.pending === 0 || next > last) reader.caughtUp();
        }
      } catch (error) {
        if (!this.#isClosed) this.logger.debug({ err: error }, "the log of claims cannot be read; it is tried again");
      }
      if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS).unref());
    }
  }

  /** Of the claims alone: ids and numbers stand in the same stream. */
  async #lastSequence(): Promise<number> {
    const stream = this.subjects.claimStream;
    const message = await this.nats.manager.streams.getMessage(stream, { last_by_subj: this.subjects.claims });
    return message?.seq ?? 0;
  }

  #parse({ subject, seq, data }: { subject: string; seq: number; data: Uint8Array }): LoggedClaim | undefined {
    const place = this.subjects.parseClaim(subject);
    const node = nodeOf(data);
    return place && node !== undefined ? { ...place, node, sequence: seq } : undefined;
  }

  #purge(filter: string): void {
    this.nats.manager.streams.purge(this.subjects.claimStream, { filter }).catch((error: unknown) => {
      this.logger.debug({ err: error, filter }, "claims of the past were not purged; they do no harm");
    });
  }
}

export async function ensureClaimStream(nats: Nats, subjects: GroupSubjects, replicas: number): Promise<void> {
  const config: Partial<StreamConfig> & { name: string } = {
    name: subjects.claimStream,
    subjects: subjects.claimed,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    discard: "new",
    discard_new_per_subject: true,
  };
  await ensureStream(nats, config);
}

/** Creates a subject of a stream. Never rejects. */
export async function create(nats: Nats, subject: string, body: object | string): Promise<ClaimOutcome> {
  try {
    await nats.jetstream.publish(subject, typeof body === "string" ? body : JSON.stringify(body), {
      expect: { lastSubjectSequence: 0 },
      timeout: ASK_MS,
      retries: 0,
    });
    return "won";
  } catch (error) {
    const code = codeOf(error);
    return code === WRONG_LAST_SEQUENCE || code === TOO_MANY_OF_SUBJECT ? "lost" : "unknown";
  }
}

/** What stands at a subject, as the stream's leader has it. */
export async function readSubject(
  nats: Nats,
  subjects: GroupSubjects,
  subject: string,
): Promise<StoredMsg | undefined> {
  return (await nats.manager.streams.getMessage(subjects.claimStream, { last_by_subj: subject })) ?? undefined;
}

function codeOf(error: unknown): number | undefined {
  const { code } = error as Partial<JetStreamApiError>;
  return typeof code === "number" ? code : undefined;
}

function nodeOf(data: Uint8Array): number | undefined {
  try {
    const { node } = JSON.parse(new TextDecoder().decode(data)) as { node?: unknown };
    return Number.isSafeInteger(node) && (node as number) > 0 ? (node as number) : undefined;
  } catch {
    return undefined;
  }
}
