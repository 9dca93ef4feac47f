// Which names of streams are told as conflicts: those that somebody publishes, at nodes that live.

import { expect, it } from "vitest";
import { NameConflicts } from "../../../src/group/name-conflicts.js";

const alive = (): boolean => true;

it("finds a name that is published here or there and lives at both, and no pull that is handed over", () => {
  const conflicts = new NameConflicts();
  conflicts.heard(2, { published: ["a", "b"], pulled: ["c", "d"] });
  conflicts.heard(3, { published: ["a"], pulled: [] });
  const told = conflicts.compare({ published: ["a", "c", "x"], pulled: ["b", "d"] }, alive);
  expect(told).toEqual([
    { name: "a", nodes: [2, 3] },
    { name: "c", nodes: [2] },
    { name: "b", nodes: [2] },
  ]);
  expect(["a", "b", "c", "d", "x"].map((name) => conflicts.of(name))).toEqual([[2, 3], [2], [2], [], []]);
});

it("tells a conflict once, again where a node more has it, and anew where it was over", () => {
  const conflicts = new NameConflicts();
  const own = { published: ["a"], pulled: [] };
  const nobody = { published: [], pulled: [] };
  conflicts.heard(2, own);
  expect(conflicts.compare(own, alive)).toHaveLength(1);
  expect(conflicts.compare(own, alive)).toEqual([]);
  conflicts.heard(3, own);
  expect(conflicts.compare(own, alive)).toEqual([{ name: "a", nodes: [2, 3] }]);
  expect(conflicts.compare(own, (node) => node === 2)).toEqual([]);
  expect(conflicts.of("a")).toEqual([2]);
  conflicts.heard(2, nobody);
  conflicts.heard(3, nobody);
  expect(conflicts.compare(own, alive)).toEqual([]);
  expect(conflicts.of("a")).toEqual([]);
  conflicts.heard(2, own);
  expect(conflicts.compare(own, alive)).toEqual([{ name: "a", nodes: [2] }]);
});

it("keeps no names of nodes that are gone, but those of one whose first heartbeat is still to come", () => {
  const conflicts = new NameConflicts();
  const own = { published: ["a"], pulled: [] };
  const dead = (): boolean => false;
  for (let node = 2; node < 100; node++) conflicts.heard(node, own);
  conflicts.compare(own, dead);
  conflicts.heard(7, own);
  conflicts.compare(own, dead);
  expect(conflicts.count).toBe(1);
  expect(conflicts.compare(own, (node) => node === 7)).toEqual([{ name: "a", nodes: [7] }]);
  conflicts.compare(own, dead);
  conflicts.compare(own, dead);
  expect(conflicts.count).toBe(0);
});
