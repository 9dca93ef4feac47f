// Who guesses credentials is slowed down, by address, and told in the log. A program that keeps showing the same old
// token guesses nothing, so one wrong pair counts once. What an address has shown right before passes while it waits:
// behind a proxy, where all have one address, a stranger must not keep out the programs that work.

import { createHmac, randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import type { Clock } from "../../time/units.js";
import { type Credentials, type Holder, type HttpCredentials, holderOf } from "./credentials.js";

/** People mistype. */
const FREE_MISTAKES = 5;
const FIRST_WAIT_MS = 1_000;
export const LONGEST_WAIT_MS = 30_000;
/** Without a further mistake for so long, an address begins anew. */
const FORGET_MS = 15 * 60_000;
/** The one that was not heard of for longest is forgotten. */
const MAX_ADDRESSES = 1_000;
/** Pairs that are known of one address, wrong or right. */
const MAX_PAIRS = 32;
const LINES_PER_SECOND = 2;

interface Shown {
  readonly wrong: Set<string>;
  readonly right: Set<string>;
  mistakes: number;
  mistakeMs: number;
  untilMs: number;
}

/** Nobody looks at what was shown before. */
export interface Wait {
  readonly waitMs: number;
}

export class WrongCredentials {
  /** By address, in the order of the last that each showed. */
  readonly #addresses = new Map<string, Shown>();
  /** What was shown is not kept in clear, nor in a form that another process could compare. */
  readonly #key = randomBytes(32);
  readonly #lines: LogLimit;

  constructor(
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly logger: Logger,
  ) {
    this.#lines = new LogLimit(clock, LINES_PER_SECOND);
  }

  /** Whose credentials an address shows: undefined = nobody's. */
  holderOf(shown: Credentials, all: HttpCredentials, address = ""): Holder | Wait | undefined {
    const known = this.#of(networkOf(address));
    const pair = this.#hashOf(shown);
    const waitMs = known.untilMs - this.clock.monotonicMs();
    if (waitMs > 0 && !known.right.has(pair)) return { waitMs };
    const holder = holderOf(shown, all);
    if (holder) remember(known.right, pair);
    else if (!known.wrong.has(pair)) this.#count(known, pair, address);
    return holder;
  }

  #count(known: Shown, pair: string, address: string): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - known.mistakeMs > FORGET_MS) known.mistakes = 0;
    known.right.delete(pair);
    remember(known.wrong, pair);
    known.mistakeMs = nowMs;
    const step = ++known.mistakes - FREE_MISTAKES;
    const waitMs = step < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** step, LONGEST_WAIT_MS);
    known.untilMs = nowMs + waitMs;
    const { mistakes } = known;
    this.#lines.pass((suppressed) =>
      this.logger.warn({ address, mistakes, waitMs, suppressed }, "wrong credentials were shown"),
    );
  }

  #of(network: string): Shown {
    const known = this.#addresses.get(network) ?? {
      ...{ wrong: new Set(), right: new Set() },
      ...{ mistakes: 0, mistakeMs: 0, untilMs: Number.NEGATIVE_INFINITY },
    };
    this.#addresses.delete(network);
    this.#addresses.set(network, known);
    const [first] = this.#addresses.keys();
    if (this.#addresses.size > MAX_ADDRESSES && first !== undefined) this.#addresses.delete(first);
    return known;
  }

  #hashOf({ token, user, password }: Credentials): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([token, user, password]))
      .digest("base64");
  }
}

/** The last that came stay. */
function remember(pairs: Set<string>, pair: string): void {
  pairs.delete(pair);
  pairs.add(pair);
  const [first] = pairs;
  if (pairs.size > MAX_PAIRS && first !== undefined) pairs.delete(first);
}

/** Of IPv6 the first half, as a host has the other half to choose from (RFC 4291 §2.5.1). */
function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain)) return plain;
  const [left = "", right] = plain.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [head, tail] = [groups(left), groups(right ?? "")];
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  return [...head, ...new Array<string>(Math.max(0, zeros)).fill("0"), ...tail].slice(0, 4).join(":");
}
