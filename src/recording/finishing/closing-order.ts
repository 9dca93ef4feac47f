// The closings of one recording are told in the order of its segments, and so get their sequences, though two finishes
// of a volume run at once: a short last segment is final before the long one in front of it. Only work that goes on is
// waited for: a finish that is tried again later holds up nobody, and neither does one on another volume.

import type { Segment } from "../lifecycle/segment.js";

/** The place of a segment. */
export interface Turn {
  /** Resolves when all in front are told, or will be told later. */
  readonly come: Promise<unknown>;
  /** It is told, or nobody is to wait for it any more. */
  pass(): void;
}

export class ClosingOrder {
  /** The last turn of each recording, by its out stream. */
  readonly #last = new Map<number, { volume: number; passed: Promise<unknown> }>();

  /** Behind the segments of its recording that have joined before. */
  join({ origin, volume }: Pick<Segment, "origin" | "volume">): Turn {
    const { outStreamId } = origin;
    const front = this.#last.get(outStreamId);
    const come = front?.volume === volume ? front.passed : Promise.resolve();
    let pass = (): void => {};
    const own = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const turn = { volume, passed: Promise.all([come, own]) };
    this.#last.set(outStreamId, turn);
    void turn.passed.then(() => {
      if (this.#last.get(outStreamId) === turn) this.#last.delete(outStreamId);
    });
    return { come, pass };
  }
}
