// Who lives, by a clock of the test's.

import { beforeEach, expect, it } from "vitest";
import { DEAD_MS, FORGET_MS, HEARTBEAT_MS, type Heartbeat, Members } from "../../../src/group/members.js";

let nowMs: number;
let members: Members;

beforeEach(() => {
  nowMs = 1000;
  members = new Members(1, () => nowMs);
});

const beat = (node: number, more: Partial<Heartbeat> = {}): Heartbeat => ({
  node,
  instance: "a",
  name: `n${node}`,
  weight: 1,
  isDraining: false,
  isLast: false,
  ...more,
});
function pass(ms: number): void {
  for (const endMs = nowMs + ms; nowMs < endMs; members.tick()) nowMs += HEARTBEAT_MS;
}

it("takes a node for dead after 3 s of silence, and never itself", () => {
  members.hear(beat(2));
  pass(DEAD_MS - HEARTBEAT_MS);
  expect(members.isAlive(2)).toBe(true);
  pass(HEARTBEAT_MS);
  expect(members.isAlive(2)).toBe(false);
  expect(members.live()).toEqual([]);
  expect(members.isAlive(1)).toBe(true);
});

it("gives a node that it has not heard yet as long", () => {
  expect(members.isAlive(3)).toBe(true);
  pass(DEAD_MS);
  expect(members.isAlive(3)).toBe(false);
});

it("buries nobody for the time that it stood still, or had no connection", () => {
  members.hear(beat(2));
  nowMs += 20_000; // SIGSTOP
  expect(members.tick()).toBe(true);
  expect(members.isAlive(2)).toBe(true);
  pass(DEAD_MS - HEARTBEAT_MS);
  members.deaf();
  pass(DEAD_MS - HEARTBEAT_MS);
  expect(members.isAlive(2)).toBe(true);
  pass(HEARTBEAT_MS);
  expect(members.isAlive(2)).toBe(false);
});

it("gives no time again to a node that was dead while others were heard", () => {
  members.hear(beat(2));
  members.hear(beat(3));
  for (let ms = 0; ms <= DEAD_MS; ms += HEARTBEAT_MS) {
    members.hear(beat(3));
    pass(HEARTBEAT_MS);
  }
  members.hear(beat(3));
  // A claim has no answer, and then the process stands still.
  members.deaf();
  nowMs += 2000;
  members.tick();
  expect(members.isAlive(2)).toBe(false);
  expect(members.isAlive(3)).toBe(true);
  members.hear(beat(2));
  expect(members.isAlive(2)).toBe(true);
});

it("believes a last heartbeat at once, but not that of an earlier run", () => {
  members.hear(beat(2, { instance: "b" }));
  members.hear(beat(2, { instance: "a", isLast: true }));
  expect(members.isAlive(2)).toBe(true);
  members.hear(beat(2, { instance: "b", isLast: true }));
  expect(members.isAlive(2)).toBe(false);
  members.hear(beat(2, { instance: "c" }));
  expect(members.isAlive(2)).toBe(true);
});

it("knows since when a node has been there without a break", () => {
  members.hear(beat(2));
  pass(1000);
  members.hear(beat(2));
  expect(members.live()[0]?.sinceMs).toBe(1000);
  pass(DEAD_MS);
  members.hear(beat(2));
  expect(members.live()[0]?.sinceMs).toBe(5000);
});

it("forgets who has not been heard for a week, dead or gone in good order", () => {
  for (const node of [2, 3, 4]) members.hear(beat(node));
  members.hear(beat(3, { isLast: true }));
  nowMs += FORGET_MS - 1;
  members.tick();
  expect(members.known().map(({ node }) => node)).toEqual([2, 3, 4]);
  members.hear(beat(4));
  nowMs += 1;
  members.tick();
  expect(members.known().map(({ node }) => node)).toEqual([4]);
});
