// A node that has joined takes its share of the pulls: slowly, one after the other, each without a gap (it pulls beside
// the owner, claims when it records, and the owner stops). It begins when it has been a member without a break for some
// time, and only where it has much less than its share: who comes and goes moves nothing. It ends at its share, so it
// never takes more than the ideal; who gives keeps a share of its own.

import type { Logger } from "../base/logger.js";
import type { Millis } from "../time/units.js";
import { type Holding, movesToJoined, type PlacedNode, shareOf } from "./placement.js";

export interface JoiningParts {
  readonly pulls: {
    held(): { readonly configId: number; readonly node: number }[];
    isTaking(configId: number): boolean;
    /** Why not, where it cannot be. */
    take(configId: number): string | undefined;
  };
  readonly self: number;
  /** All nodes that take pulls, this one among them. */
  readonly nodes: () => readonly PlacedNode[];
  /** It begins after so long; 0 = never. */
  readonly afterMs: Millis;
  readonly monotonicMs: () => Millis;
  readonly logger: Logger;
}

/** With so much of its share a node is left as it is. */
const ENOUGH = 0.75;
/** Weights change while it takes, so it plans anew after so many: hashing all pulls takes 2 µs for each node. */
const PLANNED = 16;

export class Joining {
  /** Since when it has been a member without a break. */
  #sinceMs: Millis;
  #state: "waiting" | "taking" | "over" = "waiting";
  #plan: number[] = [];
  /** Under way now. */
  #current: number | undefined;
  /** They did not come to be recorded here: their owners keep them. */
  readonly #refused = new Set<number>();
  #takenCount = 0;

  constructor(private readonly parts: JoiningParts) {
    this.#sinceMs = parts.monotonicMs();
  }

  /** The node has joined again: it was cut off, stood still, or takes pulls again. */
  begin(): void {
    this.#sinceMs = this.parts.monotonicMs();
    this.#state = "waiting";
    this.#plan = [];
    this.#current = undefined;
    this.#refused.clear();
    this.#takenCount = 0;
  }

  /** Called with every heartbeat. */
  tick(): void {
    const { afterMs, monotonicMs, pulls, self } = this.parts;
    if (afterMs === 0 || this.#state === "over" || monotonicMs() - this.#sinceMs < afterMs) return;
    // It has not read yet what others have, or there is nothing to share.
    if (this.#state === "waiting" && pulls.held().length === 0) return;
    if (this.#state === "waiting" && !this.#isShort()) {
      this.#state = "over";
      return;
    }
    this.#state = "taking";
    if (this.#current !== undefined) {
      if (pulls.isTaking(this.#current)) return;
      const isOwn = pulls.held().some(({ configId, node }) => configId === this.#current && node === self);
      if (isOwn) this.#takenCount++;
      else this.#refused.add(this.#current);
    }
    this.#next();
  }

  /** It has much less than its share. */
  #isShort(): boolean {
    const { pulls, nodes, self } = this.parts;
    const held = pulls.held();
    const own = held.filter(({ node }) => node === self).length;
    return own < ENOUGH * shareOf(held.length, nodes(), self);
  }

  #next(): void {
    const { pulls, logger } = this.parts;
    if (this.#plan.length === 0) this.#plan = this.#planned();
    this.#current = this.#plan.shift();
    if (this.#current === undefined) {
      this.#state = "over";
      logger.info({ pulls: this.#takenCount, kept: this.#refused.size }, "this node has its share of the pulls");
    } else if (pulls.take(this.#current) !== undefined) this.#refused.add(this.#current);
  }

  #planned(): number[] {
    const { pulls, nodes, self } = this.parts;
    const held: Holding[] = pulls.held().map(({ configId, node }) => ({ pull: String(configId), node }));
    const moves = movesToJoined(held, nodes(), self).map(({ pull }) => Number(pull));
    return moves.filter((configId) => !this.#refused.has(configId)).slice(0, PLANNED);
  }
}
