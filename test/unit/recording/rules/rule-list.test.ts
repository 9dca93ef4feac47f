// The list of rules: which are for a stream, in which order, and what of them survives a restart.

import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import type { ConfigStore } from "../../../../src/recording/config-store.js";
import { configOf, type RuleOptions } from "../../../../src/recording/rules/record-rule.js";
import { RuleList } from "../../../../src/recording/rules/rule-list.js";
import { RecordingLogger } from "../../../support/rtmp-rig.js";

/** What a restart finds. */
class Memory implements ConfigStore {
  value: unknown;
  get(): { value: unknown; revision: number } | undefined {
    return this.value === undefined ? undefined : { value: this.value, revision: 1 };
  }
  async put(_section: string, value: unknown): Promise<number> {
    this.value = JSON.parse(JSON.stringify(value));
    return 1;
  }
  watch(): () => void {
    return () => {};
  }
}

const rule = (pattern: string, more: Partial<RuleOptions> = {}): RuleOptions => ({
  ...{ pattern, pathToFile: "{stream}", type: "ts" },
  ...more,
});

const nowMs = 1000;
let ids = 0;
const nextId = (): number => ++ids;
const open = (store: ConfigStore, configured: readonly RuleOptions[] = []): RuleList =>
  new RuleList(store, configured, nextId, silentLogger, () => nowMs);
const patterns = (rules: readonly { options: RuleOptions }[]): string[] => rules.map(({ options }) => options.pattern);

describe("rules of several recorders", () => {
  it("stand in one order at each, whoever made them and whenever they came", () => {
    const [a, b] = [open(new Memory()), open(new Memory())];
    const made = [a.add(rule("1")), b.add(rule("2"))];
    b.adopt(made[0]);
    made.push(b.add(rule("3")));
    a.adopt(made[2]);
    a.adopt(made[1]);
    made.push(a.add(rule("4", { also: true })));
    b.adopt(made[3]);
    expect(patterns(a.all)).toEqual(["1", "2", "3", "4"]);
    expect(b.all).toEqual(a.all);
  });

  it("stand behind those of the configuration, and in their order after a restart", async () => {
    const store = new Memory();
    const list = open(store, [rule("own")]);
    const early = { ruleId: 900, options: rule("early"), isConfigured: false, createdMs: 1 };
    list.add(rule("late"));
    list.adopt(early);
    list.adopt({ ruleId: 800, options: rule("of an earlier version"), isConfigured: false });
    await list.whenSaved();
    const wanted = ["own", "of an earlier version", "early", "late"];
    expect(patterns(list.all)).toEqual(wanted);
    expect(patterns(open(store, [rule("own")]).all)).toEqual(wanted);
  });

  it("are refused where they cannot be read, stand here already, or are another's configuration", () => {
    const list = open(new Memory());
    const own = list.add(rule("cam"));
    for (const stored of [undefined, {}, own, { ...own, ruleId: 77, isConfigured: true }])
      expect(() => list.adopt(stored)).toThrow("cannot be read");
    expect(list.all).toEqual([own]);
  });
});

describe("a stream", () => {
  it("is for the first rule that matches, and for those with also, before and behind it", () => {
    const list = open(new Memory());
    for (const [pattern, also] of [
      ["**/1", true],
      ["cam/*", false],
      ["cam/**", false],
      ["c**", true],
    ] as const)
      list.add(rule(pattern, { also }));
    expect(patterns(list.matching("cam/1"))).toEqual(["**/1", "cam/*", "c**"]);
    expect(patterns(list.matching("cam/2/low"))).toEqual(["cam/**", "c**"]);
    expect(patterns(list.matching("lobby"))).toEqual([]);
  });

  it("gets what its rule says, under its own name, and stays", () => {
    const list = open(new Memory());
    const made = list.add(rule("cam", { also: true, chunkLength: 60 }));
    expect(configOf(made, "cam")).toMatchObject({
      ...{ localStreamName: "cam", ruleId: made.ruleId, keepAlive: true, chunkLength: 60, template: true },
    });
    expect(configOf(made, "cam")).not.toHaveProperty("also");
    expect(configOf(made, "cam")).not.toHaveProperty("pattern");
    expect(configOf({ ...made, options: { ...rule("cam"), pathToFile: "plain" } }, "cam").template).toBe(false);
  });
});

describe("the list", () => {
  it("is the same after a restart, and those of the configuration stand in front and keep their ids", async () => {
    const store = new Memory();
    const before = open(store, [rule("a"), rule("b")]);
    before.add(rule("c"));
    await before.whenSaved();
    const after = open(store, [rule("b"), rule("d")]);
    const idOf = (list: RuleList, pattern: string) =>
      list.all.find(({ options }) => options.pattern === pattern)?.ruleId;
    expect(patterns(after.all)).toEqual(["b", "d", "c"]);
    expect(after.all.map(({ isConfigured }) => isConfigured)).toEqual([true, true, false]);
    expect([idOf(after, "b"), idOf(after, "c")]).toEqual([idOf(before, "b"), idOf(before, "c")]);
    expect(new Set(after.all.map(({ ruleId }) => ruleId)).size).toBe(3);
  });

  it("gives two rules of the configuration that say the same an id each", async () => {
    const store = new Memory();
    const same = [rule("a", { also: true }), rule("a", { also: true })];
    const list = open(store, same);
    await list.whenSaved();
    const first = list.all.map(({ ruleId }) => ruleId);
    expect(new Set(first).size).toBe(2);
    expect(open(store, same).all.map(({ ruleId }) => ruleId)).toEqual(first);
  });

  it("gives up what is removed, but not what stands in the configuration", async () => {
    const store = new Memory();
    const list = open(store, [rule("a")]);
    const { ruleId } = list.add(rule("b"));
    expect(list.remove(ruleId)?.options.pattern).toBe("b");
    expect(list.remove(ruleId)).toBeUndefined();
    expect(list.get(ruleId)).toBeUndefined();
    expect(() => list.remove(list.all[0]?.ruleId ?? 0)).toThrow(/stands in rules of reel.json/);
    await list.whenSaved();
    expect(patterns(open(store, [rule("a")]).all)).toEqual(["a"]);
  });

  it("has a thousand at most, and refuses what could not be recorded, by its place", () => {
    const list = open(new Memory());
    for (let i = 0; i < 1000; i++) list.add(rule(`cam${i}`));
    expect(() => list.add(rule("more"))).toThrow(/1000 rules already/);
    expect(() => open(new Memory(), [rule("a"), rule("(", { pathToFile: "{cam}" })])).toThrow(
      /rules\[1\] of reel.json: .*unknown field \{cam\}/,
    );
    expect(() => open(new Memory(), [rule("")])).toThrow(/rules\[0\] of reel.json: pattern is empty/);
  });

  it("leaves out saved rules that it cannot use, and says so", () => {
    const store = new Memory();
    const good = { ruleId: 7, options: rule("good"), isConfigured: false };
    store.value = [{ ...good, ruleId: 0 }, { ...good, options: rule("/(/") }, null, good];
    const logger = new RecordingLogger();
    const list = new RuleList(store, [], nextId, logger, () => nowMs);
    expect(list.all).toEqual([good]);
    expect(logger.lines.map(({ message }) => message)).toEqual(
      Array(3).fill("a saved rule cannot be used and is left out"),
    );
    store.value = "rules";
    expect(open(store).all).toEqual([]);
  });
});
