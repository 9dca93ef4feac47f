// The claim of one pull, step by step. What all orders of steps come to is in claim-model.test.ts.

import { expect, it } from "vitest";
import { type Claim, type ClaimInput, type ClaimStep, NO_CLAIM, stepClaim } from "../../../src/group/claim.js";

const SELF = 1;
const seen = (epoch: number, node: number, sequence = epoch): ClaimInput => ({ type: "seen", epoch, node, sequence });

function run(...inputs: ClaimInput[]): { claim: Claim; steps: (ClaimStep | undefined)[] } {
  let claim = NO_CLAIM;
  const steps = inputs.map((input) => {
    const result = stepClaim(claim, input, SELF);
    claim = result.claim;
    return result.step;
  });
  return { claim, steps };
}

it("asks for the next epoch, and records when its claim stands in the log", () => {
  const { claim, steps } = run(seen(4, 2), { type: "wanted" }, { type: "wanted" }, seen(5, SELF));
  expect(steps).toEqual([undefined, { type: "ask", epoch: 5 }, undefined, { type: "start" }]);
  expect(claim).toEqual({ epoch: 5, owner: SELF, sequence: 5, asking: 0, isRunning: true });
});

it("does not record because it is told that it won, and goes on when it is told that it lost", () => {
  const won: ClaimInput = { type: "answered", epoch: 1, outcome: "won" };
  expect(run({ type: "wanted" }, won).claim.isRunning).toBe(false);
  const lost: ClaimInput = { type: "answered", epoch: 2, outcome: "lost" };
  expect(run(seen(1, SELF), lost).claim.isRunning).toBe(true);
});

it("yields to a higher epoch, and not to a claim that it has seen or passed", () => {
  const { claim, steps } = run(seen(2, SELF), seen(1, 2), seen(2, 2, 9), seen(3, 2));
  expect(steps).toEqual([{ type: "start" }, undefined, undefined, { type: "stop", owner: 2, epoch: 3 }]);
  expect(claim.isRunning).toBe(false);
});

it("goes on where its own claim of an earlier run is the highest", () => {
  expect(run(seen(1, 2), seen(2, SELF)).steps).toEqual([undefined, { type: "start" }]);
  expect(run(seen(2, SELF), seen(3, SELF)).steps).toEqual([{ type: "start" }, undefined]);
});

it("gives an epoch that the server gave twice to the first in the log", () => {
  expect(run(seen(1, SELF, 8), seen(1, 2, 7)).steps).toEqual([{ type: "start" }, { type: "stop", owner: 2, epoch: 1 }]);
});
