// What is kept of the gaps of many streams, and what is counted of the rest.

import { expect, it } from "vitest";
import { GapMemory } from "../../../src/server/newest-gaps.js";

function rig() {
  const memory = new GapMemory<{ stream: string; id: number }>();
  let id = 0;
  const add = (stream: string, count = 1): void => {
    for (let i = 0; i < count; i++) memory.add({ stream, id: ++id });
  };
  return { memory, add, ids: (stream?: string) => memory.newest(stream).gaps.map((gap) => gap.id) };
}

it("the newest come first, of one stream and of all", () => {
  const { memory, add, ids } = rig();
  for (const stream of ["a", "b", "a"]) add(stream);
  expect([ids(), ids("a"), ids("nobody")]).toEqual([[3, 2, 1], [3, 1], []]);
  expect([memory.newest().forgotten, memory.newest("nobody").forgotten]).toEqual([0, 0]);
});

it("a stream that gaps all night pushes out its own only", () => {
  const { memory, add, ids } = rig();
  add("quiet");
  add("flapping", 10_000);
  expect(ids("quiet")).toEqual([1]);
  expect(memory.newest("flapping")).toMatchObject({ forgotten: 9800, gaps: { length: 200 } });
  expect([ids("flapping")[0], ids().length, memory.newest().forgotten]).toEqual([10_001, 201, 9800]);
});

it("where all together are too many those with most give way", () => {
  const { memory, add, ids } = rig();
  add("quiet", 3);
  for (let i = 0; i < 20; i++) add(`camera-${i}`, 200);
  expect(ids()).toHaveLength(2000);
  expect(memory.newest("quiet").forgotten).toBe(0);
  for (let i = 0; i < 20; i++) expect(ids(`camera-${i}`).length).toBeGreaterThan(80);
  expect(memory.newest().forgotten).toBe(2003);
});

it("names are bounded, and what went with them is counted", () => {
  const { memory, add, ids } = rig();
  for (let i = 0; i < 5001; i++) add(`name-${i}`);
  expect([ids().length, memory.newest().forgotten]).toEqual([2000, 3001]);
  expect([memory.newest("name-0").forgotten, memory.newest("name-1").forgotten]).toEqual([1, 1]);
});
