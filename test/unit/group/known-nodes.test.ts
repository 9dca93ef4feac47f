// Which nodes a node expects an answer of, also after its restart.

import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { KnownNodes } from "../../../src/group/known-nodes.js";
import { FORGET_MS } from "../../../src/group/members.js";
import type { ConfigStore, StoredSection } from "../../../src/recording/config-store.js";

let stored: StoredSection | undefined;
let writes = 0;
const store: ConfigStore = {
  get: () => stored,
  put: async (_section, value) => {
    stored = { value: JSON.parse(JSON.stringify(value)) as unknown, revision: ++writes };
    return stored.revision;
  },
  watch: () => () => {},
};

it("expects those of an earlier run, until they have been silent for a week, and knows who has left", async () => {
  let nowMs = 1_000_000;
  const open = (): KnownNodes => new KnownNodes(store, () => nowMs, silentLogger);
  const first = open();
  first.heard({ number: 3, name: "c", hasLeft: false });
  first.heard({ number: 2, name: "b", hasLeft: false });
  first.heard({ number: 3, name: "c", hasLeft: true });
  await first.whenSaved();
  const before = writes;
  for (let i = 0; i < 10; i++) first.heard({ number: 2, name: "b", hasLeft: false });
  await first.whenSaved();
  expect(writes).toBe(before);
  const again = open();
  const dead = { number: 2, name: "b", isAlive: false, hasLeft: false };
  const left = { number: 3, name: "c", isAlive: false, hasLeft: true };
  expect(again.with([])).toEqual([dead, left]);
  const alive = { ...left, isAlive: true, hasLeft: false };
  expect(again.with([alive])).toEqual([dead, alive]);
  nowMs += FORGET_MS;
  expect(again.with([])).toEqual([]);
  again.heard({ number: 4, name: "d", hasLeft: false });
  await again.whenSaved();
  expect(stored?.value).toEqual([{ number: 4, name: "d", heardMs: nowMs, hasLeft: false }]);
});

it("starts without what it cannot read", () => {
  stored = { value: [null, 1, { number: 2 }, { number: "2", name: "b", heardMs: 1, hasLeft: false }], revision: 1 };
  expect(new KnownNodes(store, () => 2, silentLogger).with([])).toEqual([]);
});
