// What rules delete: the oldest, no more than they must, and each with the cause that it has.

import { expect, it } from "vitest";
import { FolderWatch } from "../../../src/retention/folder-watch.js";
import { planAll } from "../../../src/retention/plan-all.js";
import { byAge, type KeptSegment, planScope } from "../../../src/retention/retention-plan.js";
import { TestClock } from "../../support/test-clock.js";

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 27);
const ROOM = { freeBytes: 1000, sizeBytes: 10_000 };

/** The n-th of a minute each, of 100 bytes; the last one has just ended. */
function segments(count: number, configId = 1): KeptSegment[] {
  return Array.from({ length: count }, (_, i) => ({
    id: configId * 1000 + i,
    path: `/media/${configId}/${i}.ts`,
    localStreamName: `cam${configId}`,
    configId,
    startedMs: NOW - (count - i) * MINUTE,
    stoppedMs: NOW - (count - 1 - i) * MINUTE,
    sizeBytes: 100,
  }));
}

it.each([
  ["nothing", {}, []],
  ["nothing where every bound is 0", { seconds: 0, bytes: 0, segments: 0, freeBytes: 0, freePercent: 0 }, []],
  ["by age, of the end", { seconds: 180 }, ["0 age", "1 age"]],
  ["by number", { segments: 3 }, ["0 segments", "1 segments"]],
  ["by bytes, until no more are there than may be", { bytes: 399 }, ["0 bytes", "1 bytes"]],
  ["for free bytes", { freeBytes: 1101 }, ["0 freeSpace", "1 freeSpace"]],
  ["for a free share", { freePercent: 11 }, ["0 freeSpace"]],
  ["by the first cause that holds", { seconds: 240, segments: 4 }, ["0 age"]],
] as const)("deletes %s", (_what, rule, wanted) => {
  const planned = planScope({ segments: segments(5), rule, room: ROOM, nowMs: NOW });
  expect(planned.map(({ segment, cause }) => `${segment.id - 1000} ${cause}`)).toEqual(wanted);
});

it("deletes nothing for a volume that does not answer", () => {
  expect(planScope({ segments: segments(5), rule: { freeBytes: 5000 }, room: undefined, nowMs: NOW })).toEqual([]);
});

it("takes the default where a config bounds nothing, and a folder's rule for what all configs leave", () => {
  const folder = new FolderWatch("/media", { bytes: 600, freeBytes: 1450 }, new TestClock());
  folder.room = ROOM;
  const plan = (makesRoom: boolean): string[] =>
    planAll({
      segments: [...segments(5, 1), ...segments(5, 2), ...segments(5, 3)].sort(byAge),
      folders: [folder],
      configOf: (configId) => {
        const retain = { 1: { segments: 4 }, 2: { segments: 0 } }[configId];
        return retain && { retain };
      },
      streamRuleOf: () => undefined,
      byDefault: { segments: 2 },
      makesRoom: () => makesRoom,
      toCome: () => 0,
      isComplete: true,
      nowMs: NOW,
    }).map(({ segment, cause }) => `${segment.path.slice(7)} ${cause}`);
  const byRules = ["1/0.ts segments", "3/0.ts segments", "3/1.ts segments", "3/2.ts segments"];
  const byFolder = ["2/0.ts bytes", "1/1.ts bytes", "2/1.ts bytes", "1/2.ts bytes", "2/2.ts bytes"];
  expect(plan(false).sort()).toEqual([...byRules, ...byFolder].sort());
  // Nine files make 900 bytes of room, and 450 are missing: none goes for its sake.
  expect(plan(true).length).toBe(9);
  folder.room = { ...ROOM, freeBytes: 400 };
  expect(plan(true).filter((line) => line.endsWith("freeSpace"))).toEqual(["1/3.ts freeSpace", "2/3.ts freeSpace"]);
});

it("counts the files of a rule together, and those of a stream whatever config made them", () => {
  const folder = new FolderWatch("/media", {}, new TestClock());
  folder.room = ROOM;
  const retain = { segments: 3, scope: "rule" } as const;
  // Configs 1 and 2 are a rule's, 3 and 4 record one stream, of which 4 bounds all.
  const ofStream = [...segments(4, 3), ...segments(4, 4)].map((segment) => ({ ...segment, localStreamName: "door" }));
  const configs = { 1: { retain, ruleId: 9 }, 2: { retain, ruleId: 9 }, 3: { retain: { segments: 2 } } };
  const planned = planAll({
    segments: [...segments(2, 1), ...segments(3, 2), ...ofStream].sort(byAge),
    folders: [folder],
    configOf: (configId) =>
      configId === 4 ? { retain: { scope: "stream" } } : (configs as Record<number, { retain: object }>)[configId],
    streamRuleOf: (name) => (name === "door" ? { segments: 5, scope: "stream" } : undefined),
    byDefault: { segments: 1 },
    makesRoom: () => false,
    toCome: () => 0,
    isComplete: true,
    nowMs: NOW,
  }).map(({ segment }) => segment.path.slice(7));
  // Of the rule's five the two oldest; of the stream's eight two by config 3, and the oldest of the six that are left.
  expect(planned.sort()).toEqual(["1/0.ts", "2/0.ts", "3/0.ts", "3/1.ts", "4/0.ts"]);
});
