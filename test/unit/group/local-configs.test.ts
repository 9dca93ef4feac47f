// What a node has that is the group's, told from one write of its store to the next.

import fc from "fast-check";
import { expect, it } from "vitest";
import { LocalConfigs, type SharedSection } from "../../../src/group/local-configs.js";
import type { ConfigStore } from "../../../src/recording/config-store.js";
import { effort, seed } from "../../support/effort.js";

interface Config {
  readonly configId: number;
  readonly isOwn?: boolean;
}

const MANY = 10_000;
let asked = 0;

/** A section with a value of the test's. */
function sectionOf(initial: readonly Config[]): {
  local: LocalConfigs;
  section: SharedSection;
  put: (value: readonly Config[]) => void;
} {
  let stored = initial;
  const store = { get: () => ({ value: stored, revision: 1 }) } as unknown as ConfigStore;
  const section: SharedSection = {
    name: "record",
    idOf: (config) => {
      asked++;
      return (config as Config).configId;
    },
    ids: () => stored.map(({ configId }) => configId),
    isShared: (config) => (config as Config).isOwn !== true,
    adopt: () => {},
    remove: () => {},
  };
  const put = (value: readonly Config[]): void => {
    stored = value;
  };
  return { local: new LocalConfigs([section], store), section, put };
}

it("tells what came and what went, however a section is written", () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 });
  fc.assert(
    fc.property(ids, fc.array(ids, { minLength: 1, maxLength: 6 }), fc.boolean(), (first, values, isRead) => {
      const known = new Map(Array.from({ length: 12 }, (_, i) => [i + 1, { configId: i + 1, isOwn: i % 4 === 3 }]));
      // As they are in memory, or read from the file again.
      const configs = (some: readonly number[]) =>
        some.map((id) => (isRead ? { ...(known.get(id) as Config) } : (known.get(id) as Config)));
      const keysOf = (some: readonly number[]) =>
        some.filter((id) => known.get(id)?.isOwn === false).map((id) => `record.${id}`);
      const { local, section, put } = sectionOf(configs(first));
      let before = keysOf(first);
      for (const value of values) {
        put(configs(value));
        const { came, went } = local.compare(section);
        const now = keysOf(value);
        expect([...went].sort()).toEqual(before.filter((key) => !now.includes(key)).sort());
        expect([...local.keys()].sort()).toEqual([...now].sort());
        for (const key of now) if (!before.includes(key)) expect(came).toContain(key);
        before = now;
      }
    }),
    { seed, numRuns: effort(100, 2000) },
  );
});

it("looks at a config once when it comes and once when it goes, however many there are", () => {
  const { local, section, put } = sectionOf([]);
  let value: readonly Config[] = [];
  asked = 0;
  for (let configId = 1; configId <= MANY; configId++) {
    value = [...value, { configId }];
    put(value);
    local.compare(section);
  }
  put(value.toSpliced(MANY / 2, 1));
  expect(local.compare(section).went).toEqual([`record.${MANY / 2 + 1}`]);
  expect(asked).toBe(MANY + 1);
});
