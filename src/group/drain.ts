// A node that is to be stopped or restarted: it takes no pull any more, and gives those that it has to others, one
// after the other. What it could not give away it keeps, and says why.

import type { Logger } from "../base/logger.js";
import { type HandedOver, type HandOverParts, handOver } from "./hand-over.js";
import type { PullKey } from "./subjects.js";

export interface DrainParts {
  readonly pulls: HandOverParts["pulls"] & { own(): PullKey[]; drain(isDraining: boolean): void };
  readonly nameOf: (node: number) => string;
  readonly askToTake: HandOverParts["askToTake"];
  /** The others are told whether this node takes pulls. */
  readonly onChange: () => void;
  readonly logger: Logger;
}

export interface DrainState {
  /** Nothing is under way any more. */
  readonly isDone: boolean;
  readonly handedOver: readonly { configId: number; localStreamName: string; node: string }[];
  readonly kept: readonly { configId: number; localStreamName: string; reason: string }[];
  /** Pulls that are still to be given away. */
  readonly waiting: number;
}

export class Drain {
  #isDraining = false;
  #isDone = true;
  #handed: HandedOver[] = [];
  #total = 0;

  constructor(private readonly parts: DrainParts) {}

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Begins, if it has not begun or what was kept is to be tried again, and says how far it is. */
  begin(): DrainState {
    if (!this.#isDraining || (this.#isDone && this.parts.pulls.own().length > 0)) this.#begin();
    return this.state();
  }

  end(): void {
    if (!this.#isDraining) return;
    this.#isDraining = false;
    this.parts.pulls.drain(false);
    this.parts.onChange();
    this.parts.logger.info({}, "this node takes pulls again");
  }

  state(): DrainState {
    const kept = this.#handed.filter(({ node }) => node === undefined);
    return {
      isDone: this.#isDone,
      handedOver: this.#handed.flatMap(({ pull: { configId, localStreamName }, node }) =>
        node === undefined || node === 0 ? [] : [{ configId, localStreamName, node: this.parts.nameOf(node) }],
      ),
      kept: kept.map(({ pull: { configId, localStreamName }, reason }) => ({ configId, localStreamName, reason })),
      waiting: this.#total - this.#handed.length,
    };
  }

  #begin(): void {
    const { pulls, logger, onChange } = this.parts;
    this.#isDraining = true;
    this.#isDone = false;
    this.#handed = [];
    pulls.drain(true);
    onChange();
    const own = pulls.own();
    this.#total = own.length;
    logger.info({ pulls: own.length }, "this node gives its pulls to others and takes none");
    const done = handOver(own, this.parts, (handed) => void this.#handed.push(handed));
    void done.then(() => {
      this.#isDone = true;
      const { handedOver, kept } = this.state();
      logger.info({ handedOver: handedOver.length, kept: kept.length }, "this node has given away what it could");
    });
  }
}
