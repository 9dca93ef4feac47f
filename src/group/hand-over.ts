// Gives pulls away without a gap: another node pulls beside this one, claims when it records, and this one stops when
// it reads that. A node that does not take a pull in time leaves it with its owner, and the next one is asked.
//
//   owner ── take? ─▶ node ─ pulls, records ─ claims the next epoch ─▶ log ─▶ owner: stop

import type { Logger } from "../base/logger.js";
import { TAKE_MS } from "./group-pulls.js";
import type { PullKey } from "./subjects.js";

/** What a node answers who is asked to take a pull. */
export interface TakeAnswer {
  /** Why not; null where it tries. */
  readonly refusal: string | null;
}

export interface HandOverParts {
  readonly pulls: {
    takersOf(pull: PullKey): number[];
    whenYielded(configId: number, ms: number): Promise<number | undefined>;
  };
  /** undefined where the node does not answer. */
  readonly askToTake: (node: number, pull: PullKey) => Promise<TakeAnswer | undefined>;
  readonly logger: Logger;
}

export interface HandedOver {
  readonly pull: PullKey;
  /** Who has it now; undefined where this node kept it. */
  readonly node: number | undefined;
  /** Why this node kept it. */
  readonly reason: string;
}

/** So many at once: each connects to a camera and opens files. */
const AT_ONCE = 16;
const NODES_ASKED = 3;
/** The one who takes may claim at its last moment. */
const YIELD_MS = TAKE_MS + 5000;

/** Resolves when each has gone to another node or was kept; `onDone` is called for each as it is so. */
export async function handOver(
  pulls: readonly PullKey[],
  parts: HandOverParts,
  onDone: (done: HandedOver) => void,
): Promise<void> {
  const waiting = [...pulls];
  const next = async (): Promise<void> => {
    for (let pull = waiting.shift(); pull; pull = waiting.shift()) onDone(await giveAway(pull, parts));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** `takers`: who is asked, one after the other. */
export async function giveAway(
  pull: PullKey,
  { pulls, askToTake, logger }: HandOverParts,
  takers: readonly number[] = pulls.takersOf(pull).slice(0, NODES_ASKED),
): Promise<HandedOver> {
  let reason = "no other node takes pulls";
  for (const taker of takers) {
    const yielded = pulls.whenYielded(pull.configId, YIELD_MS);
    const answer = await askToTake(taker, pull);
    if (answer?.refusal === null) {
      const node = await yielded;
      if (node !== undefined) return { pull, node, reason: "" };
      reason = `node ${taker} did not bring it to record it`;
    } else reason = answer ? `node ${taker}: ${answer.refusal}` : `node ${taker} did not answer`;
    logger.warn({ stream: pull.localStreamName, configId: pull.configId, node: taker, reason }, "a pull was not taken");
  }
  return { pull, node: undefined, reason };
}
