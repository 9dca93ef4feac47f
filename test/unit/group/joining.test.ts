// A node that joins takes its share: when, how fast, how much, and what it leaves.

import { beforeEach, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Joining } from "../../../src/group/joining.js";
import type { PlacedNode } from "../../../src/group/placement.js";

const SELF = 3;
const AFTER_MS = 60_000;
const TICK_MS = 500;
const PULLS = 90;

let nowMs: number;
let nodes: PlacedNode[];
let owners: Map<number, number>;
/** Beside their owners now, and for how long. */
let taking: Map<number, number>;
/** Every pull that was to be taken. */
let asked: number[];
/** They never come to be recorded. */
let dead: Set<number>;
let refusal: string | undefined;
let joining: Joining;
/** The most at once. */
let most: number;

function create(afterMs: number): Joining {
  return new Joining({
    pulls: {
      held: () => [...owners].map(([configId, node]) => ({ configId, node })),
      isTaking: (configId) => taking.has(configId),
      take: (configId) => {
        asked.push(configId);
        if (refusal === undefined) taking.set(configId, 0);
        most = Math.max(most, taking.size);
        return refusal;
      },
    },
    self: SELF,
    nodes: () => nodes,
    afterMs,
    monotonicMs: () => nowMs,
    logger: silentLogger,
  });
}

beforeEach(() => {
  nowMs = 1000;
  nodes = [1, 2, SELF].map((node) => ({ node, weight: 1 }));
  owners = new Map(Array.from({ length: PULLS }, (_, index) => [index + 1, 1 + (index % 2)]));
  taking = new Map();
  dead = new Set();
  asked = [];
  refusal = undefined;
  most = 0;
  joining = create(AFTER_MS);
});

/** Each that is taken records after two ticks, or is given up. */
function pass(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs += TICK_MS;
    for (const [configId, ticks] of taking) {
      taking.set(configId, ticks + 1);
      if (ticks < 2) continue;
      taking.delete(configId);
      if (!dead.has(configId)) owners.set(configId, SELF);
    }
    joining.tick();
  }
}

const own = (): number[] => [...owners].filter(([, node]) => node === SELF).map(([configId]) => configId);

it("takes nothing at first, then one pull after the other, up to its share", () => {
  pass(AFTER_MS - TICK_MS);
  expect(own()).toEqual([]);
  pass(4 * TICK_MS);
  expect(own()).toHaveLength(1);
  pass(3 * TICK_MS);
  expect(own()).toHaveLength(2);
  pass(AFTER_MS);
  expect(most).toBe(1);
  const taken = own();
  // Its share is 30; of which it comes first is hashed.
  expect(taken.length).toBeGreaterThan(20);
  expect(taken.length).toBeLessThanOrEqual(PULLS / 3);
  pass(10 * AFTER_MS);
  expect(own()).toEqual(taken);
});

it("moves nothing where it has nearly its share, and nothing later for that", () => {
  for (let configId = 1; configId <= 24; configId++) owners.set(configId, SELF);
  pass(2 * AFTER_MS);
  expect(own()).toHaveLength(24);
  for (let configId = 1; configId <= 24; configId++) owners.set(configId, 1);
  pass(2 * AFTER_MS);
  expect(own()).toEqual([]);
});

it("begins again, after the same time, when it was away", () => {
  pass(AFTER_MS / 2);
  joining.begin();
  pass(AFTER_MS - TICK_MS);
  expect(own()).toEqual([]);
  pass(AFTER_MS);
  const taken = own();
  for (const configId of taken) owners.set(configId, 1);
  joining.begin();
  pass(3 * AFTER_MS);
  expect(own().length).toBeGreaterThan(20);
});

it("leaves those that do not live here with their owners, and asks for none again", () => {
  for (let configId = 1; configId <= PULLS; configId += 2) dead.add(configId);
  pass(3 * AFTER_MS);
  expect(own().length).toBeGreaterThan(5);
  expect(own().every((configId) => !dead.has(configId))).toBe(true);
  expect(asked.length).toBeGreaterThan(own().length);
  expect(new Set(asked).size).toBe(asked.length);
  refusal = "it takes nothing now";
  joining.begin();
  for (const configId of own()) owners.set(configId, 1);
  pass(3 * AFTER_MS);
  expect(own()).toEqual([]);
});

it("takes less where it is loaded, and never where it is told so or has no room", () => {
  nodes = nodes.map(({ node }) => ({ node, weight: node === SELF ? 0.25 : 1 }));
  pass(3 * AFTER_MS);
  expect(own().length).toBeGreaterThan(4);
  expect(own().length).toBeLessThanOrEqual(PULLS / 9);
  for (const configId of own()) owners.set(configId, 1);
  nodes = nodes.map(({ node }) => ({ node, weight: node === SELF ? 0 : 1 }));
  joining.begin();
  pass(3 * AFTER_MS);
  expect(own()).toEqual([]);
  nodes = nodes.map(({ node }) => ({ node, weight: 1 }));
  joining = create(0);
  pass(3 * AFTER_MS);
  expect(own()).toEqual([]);
});

it("waits where it has not read yet what others have", () => {
  const held = owners;
  owners = new Map();
  pass(2 * AFTER_MS);
  owners = held;
  pass(AFTER_MS);
  expect([...owners.values()].filter((node) => node === SELF).length).toBeGreaterThan(PULLS / 4);
});
