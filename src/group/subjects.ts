// The subjects and keys of a group. All begin with the group's name, so a user of NATS can be confined: to publish
// `reel.<group>.>`, `$KV.REEL_<group>_configs.>`, `$JS.API.>` and `$JS.FC.>` (answers to flow control), and
// to subscribe to `reel.<group>.>` and `_INBOX.>`. Names from outside are encoded into one token each:
// NATS gives `.`, `*`, `>` and spaces a meaning, and keys of a bucket allow `-/_=.a-zA-Z0-9` alone.

import { ReelError } from "../base/reel-error.js";

const PLAIN = /^[A-Za-z0-9_-]$/;
const GROUP_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** Throws ReelError `badArgument`. A group's name stands in subjects and in names of streams as it is. */
export function checkGroupName(name: string): void {
  if (!GROUP_NAME.test(name))
    throw new ReelError("badArgument", `group.name is 1 to 32 letters, digits, - and _, not ${JSON.stringify(name)}`);
}

/** A name as one token: `=` and two hexadecimal digits for each byte of UTF-8 that is no letter, digit, `-` or `_`. */
export function encodeToken(name: string): string {
  let token = "";
  for (const byte of new TextEncoder().encode(name)) {
    const character = String.fromCharCode(byte);
    token += PLAIN.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return token;
}

/** undefined for what `encodeToken` does not write. */
export function decodeToken(token: string): string | undefined {
  if (!/^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/.test(token)) return undefined;
  const bytes = [...token.matchAll(/=([0-9A-F]{2})|(.)/g)].map(([, hex, plain]) =>
    hex === undefined ? (plain ?? "").charCodeAt(0) : Number.parseInt(hex, 16),
  );
  try {
    const name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    return encodeToken(name) === token ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A pull as claims name it: by its config's id, which is never used again. The name is for people who read subjects.
 */
export interface PullKey {
  readonly configId: number;
  readonly localStreamName: string;
}

/** What a node is asked for: to `take` a pull, to carry out a `command`, to answer a `route` of its HTTP listener. */
export type Asked = "take" | "command" | "route";

export class GroupSubjects {
  /** The JetStream stream of claims, of ids and node numbers. */
  readonly claimStream: string;
  /** The bucket of configs. */
  readonly configBucket: string;
  /** The JetStream stream of events. */
  readonly eventStream: string;
  readonly #root: string;

  constructor(group: string) {
    checkGroupName(group);
    this.#root = `reel.${group}`;
    this.claimStream = `REEL_${group}_claims`;
    this.configBucket = `REEL_${group}_configs`;
    this.eventStream = `REEL_${group}_events`;
  }

  /** What the stream of claims holds. */
  get claimed(): string[] {
    return [`${this.#root}.claim.>`, `${this.#root}.ids.*`, `${this.#root}.number.*`];
  }
  get claims(): string {
    return `${this.#root}.claim.>`;
  }
  claim({ localStreamName, configId }: PullKey, epoch: number): string {
    return `${this.#root}.claim.${encodeToken(localStreamName)}.${configId}.${epoch}`;
  }
  /** Every epoch of a pull. */
  claimsOf({ localStreamName, configId }: PullKey): string {
    return `${this.#root}.claim.${encodeToken(localStreamName)}.${configId}.*`;
  }
  /** undefined for a subject that is no claim. */
  parseClaim(subject: string): { configId: number; epoch: number } | undefined {
    const prefix = `${this.#root}.claim.`;
    if (!subject.startsWith(prefix)) return undefined;
    const [, id = "", epoch = "", ...rest] = subject.slice(prefix.length).split(".");
    if (rest.length > 0 || !/^[1-9]\d{0,15}$/.test(id) || !/^[1-9]\d{0,15}$/.test(epoch)) return undefined;
    return { configId: Number(id), epoch: Number(epoch) };
  }
  /** A block of config ids. */
  ids(block: number | "*"): string {
    return `${this.#root}.ids.${block}`;
  }
  number(node: number | "*"): string {
    return `${this.#root}.number.${node}`;
  }
  get events(): string {
    return `${this.#root}.event.>`;
  }
  /** `sequence`: of the node's ledger. */
  event(node: number, type: string, sequence?: number): string {
    return `${this.#root}.event.${node}.${type}${sequence === undefined ? "" : `.${sequence}`}`;
  }
  heartbeat(node: number | "*"): string {
    return `${this.#root}.beat.${node}`;
  }
  /** Names of live streams. */
  names(node: number | "*"): string {
    return `${this.#root}.names.${node}`;
  }
  request(node: number, what: Asked): string {
    return `${this.#root}.node.${node}.${what}`;
  }
  /** Where the answer to a node's question comes. */
  answer(node: number, id: number | "*"): string {
    return `${this.#root}.node.${node}.answer.${id}`;
  }
}
