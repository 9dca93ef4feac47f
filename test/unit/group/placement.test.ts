// Where pulls belong, and how many move when a node comes or goes.

import fc from "fast-check";
import { expect, it } from "vitest";
import { type Holding, movesToJoined, type PlacedNode, rankNodes, weightOf } from "../../../src/group/placement.js";
import { effort, seed } from "../../support/effort.js";

const MOST_OF_IDEAL = 1.2;

const nodesOf = (weights: readonly number[]): PlacedNode[] =>
  weights.map((weight, index) => ({ node: index + 1, weight }));
const weights = (min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(
    fc.integer({ min: 1, max: 8 }).map((eighths) => eighths / 8),
    { minLength: min, maxLength: max },
  );
const pullsOf = (count: number, salt: number): string[] => Array.from({ length: count }, (_, i) => `cam${salt}.${i}`);
const place = (pulls: readonly string[], nodes: readonly PlacedNode[]): Holding[] =>
  pulls.map((pull) => ({ pull, node: rankNodes(pull, nodes)[0] as number }));

it("moves at most 1.2 times the ideal when a node joins, and only to that node", () => {
  fc.assert(
    fc.property(weights(2, 9), fc.integer({ min: 0, max: 1000 }), fc.nat(), (given, count, salt) => {
      const nodes = nodesOf(given);
      const joined = nodes.at(-1) as PlacedNode;
      const held = place(pullsOf(count, salt), nodes.slice(0, -1));
      const moves = movesToJoined(held, nodes, joined.node);
      const ideal = (count * joined.weight) / nodes.reduce((sum, { weight }) => sum + weight, 0);
      expect(moves.length).toBeLessThanOrEqual(MOST_OF_IDEAL * ideal);
      // It gets what it should have, give or take what hashing scatters.
      expect(moves.length).toBeGreaterThanOrEqual(Math.floor(ideal - 5 * Math.sqrt(ideal) - 1));
    }),
    { seed, numRuns: effort(10, 200) },
  );
});

it("moves nothing but what the node had when one leaves", () => {
  fc.assert(
    fc.property(weights(2, 9), fc.integer({ min: 0, max: 1000 }), fc.nat(), (given, count, salt) => {
      const nodes = nodesOf(given);
      const pulls = pullsOf(count, salt);
      const before = place(pulls, nodes);
      const after = place(pulls, nodes.slice(1));
      before.forEach(({ node }, index) => {
        if (node !== 1) expect(after[index]?.node).toBe(node);
      });
    }),
    { seed, numRuns: effort(10, 200) },
  );
});

it("gives shares by weight, and nothing to a node without any", () => {
  const nodes = nodesOf([1, 0.5, 0.25, 0]);
  const shares = new Map<number, number>();
  for (const { node } of place(pullsOf(7000, 1), nodes)) shares.set(node, (shares.get(node) ?? 0) + 1);
  expect(shares.get(4)).toBeUndefined();
  for (const [node, ideal] of [
    [1, 4000],
    [2, 2000],
    [3, 1000],
  ] as const)
    expect(Math.abs((shares.get(node) ?? 0) - ideal) / ideal).toBeLessThan(0.1);
  expect(rankNodes("cam", nodes).at(-1)).toBe(4);
});

it("shares evenly among nodes of which none has weight, and never gives all to one", () => {
  const nodes = nodesOf([0, 0, 0]);
  const shares = new Map<number, number>();
  for (const { node } of place(pullsOf(3000, 1), nodes)) shares.set(node, (shares.get(node) ?? 0) + 1);
  for (const { node } of nodes) expect(Math.abs((shares.get(node) ?? 0) - 1000)).toBeLessThan(100);
});

it("takes from nobody who has no more than its share", () => {
  const nodes = nodesOf([1, 1, 1]);
  const pulls = pullsOf(90, 1);
  const held = pulls.map((pull, index) => ({ pull, node: index < 30 ? 1 : 2 }));
  const moves = movesToJoined(held, nodes, 3);
  expect(moves.length).toBeGreaterThan(10);
  expect(moves.filter(({ node }) => node === 1)).toEqual([]);
  const nearly = pulls.map((pull, index) => ({ pull, node: index < 29 ? 3 : 2 }));
  expect(movesToJoined(nearly, nodes, 3)).toHaveLength(1);
});

it("takes no notice of a load that trembles about a step, and of one that leaves it", () => {
  const load = (free: number) => ({ cpuFree: free, diskFree: 1, bitRateFree: 1 });
  let weight = weightOf(load(0.5));
  for (const free of [0.55, 0.45, 0.62, 0.38]) {
    weight = weightOf(load(free), weight);
    expect(weight).toBe(0.5);
  }
  expect(weightOf(load(0.25), weight)).toBe(0.25);
  expect(weightOf({ cpuFree: 1, diskFree: 0.01, bitRateFree: 1 }, weight)).toBe(0);
  expect(weightOf(load(Number.NaN))).toBe(0);
  for (const [free, before, after] of [
    [0.07, 0, 0],
    [0.07, 0.125, 0.125],
    [0.11, 0, 0.125],
  ] as const)
    expect(weightOf(load(free), before)).toBe(after);
});
