// The claim of one pull as one node sees it: a state machine without I/O. What others did comes from the log of claims,
// in the log's order; what this node asks for goes there as the creation of `<pull>.<epoch>`.
//
//   seen: a higher epoch ─▶ mine: record     another's: yield
//   wanted (its owner is gone, or there is none) ─▶ ask for the next epoch ─▶ answered: won, lost or unknown
//
// Always: who records has seen its own claim in the log; nothing but a higher epoch (or the same, earlier in the log)
// ends a recording; an answer that never comes ends nothing. An epoch has one winner, the first in the log's order,
// even where the server should have taken two.

export interface Claim {
  /** The highest that was seen; 0 = none. */
  readonly epoch: number;
  /** Its node; 0 = none. */
  readonly owner: number;
  /** Where it stands in the log. */
  readonly sequence: number;
  /** The epoch that this node has asked for and had no answer to; 0 = none. */
  readonly asking: number;
  /** This node records under the highest epoch. */
  readonly isRunning: boolean;
}

export const NO_CLAIM: Claim = { epoch: 0, owner: 0, sequence: 0, asking: 0, isRunning: false };

export type ClaimInput =
  /** A claim stands in the log. */
  | { readonly type: "seen"; readonly epoch: number; readonly node: number; readonly sequence: number }
  /** This node should have the pull, and nobody who lives has it. */
  | { readonly type: "wanted" }
  /** What became of the claim that was asked for. `won` changes nothing by itself: the log says it too. */
  | { readonly type: "answered"; readonly epoch: number; readonly outcome: ClaimOutcome };

/** `unknown`: no answer came, and the claim may stand in the log all the same. */
export type ClaimOutcome = "won" | "lost" | "unknown";

export type ClaimStep =
  | { readonly type: "start" }
  | { readonly type: "stop"; readonly owner: number; readonly epoch: number }
  | { readonly type: "ask"; readonly epoch: number };

export interface ClaimResult {
  readonly claim: Claim;
  readonly step: ClaimStep | undefined;
}

/** `self`: the number of this node. */
export function stepClaim(claim: Claim, input: ClaimInput, self: number): ClaimResult {
  switch (input.type) {
    case "seen":
      return seen(claim, input, self);
    case "wanted": {
      if (claim.asking > 0 || claim.isRunning) return { claim, step: undefined };
      const epoch = claim.epoch + 1;
      return { claim: { ...claim, asking: epoch }, step: { type: "ask", epoch } };
    }
    case "answered":
      return { claim: input.epoch === claim.asking ? { ...claim, asking: 0 } : claim, step: undefined };
  }
}

function seen(
  claim: Claim,
  { epoch, node, sequence }: { epoch: number; node: number; sequence: number },
  self: number,
): ClaimResult {
  const isNewer = epoch > claim.epoch || (epoch === claim.epoch && sequence < claim.sequence);
  if (!isNewer) return { claim, step: undefined };
  const isMine = node === self;
  const next: Claim = {
    epoch,
    owner: node,
    sequence,
    asking: claim.asking > epoch ? claim.asking : 0,
    isRunning: isMine,
  };
  if (isMine === claim.isRunning) return { claim: next, step: undefined };
  return { claim: next, step: isMine ? { type: "start" } : { type: "stop", owner: node, epoch } };
}
