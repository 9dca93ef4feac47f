// Rules while streams come and go: one config of each stream, tried until it records, and nothing left of old names.

import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import type { ConfigStore } from "../../../../src/recording/config-store.js";
import { RecordingSupervisor, type SupervisorParts } from "../../../../src/recording/lifecycle/recording-supervisor.js";
import { RecordRules, type RulesParts } from "../../../../src/recording/rules/record-rules.js";
import { RuleList } from "../../../../src/recording/rules/rule-list.js";
import { configured, openRecorder, publish } from "../../../support/open-recorder.js";
import { TestClock } from "../../../support/test-clock.js";
import { until } from "../../../support/until.js";

const rule = (pattern: string, more: object = {}) =>
  ({ pattern, pathToFile: "{stream}", type: "ts", ...more }) as const;

describe("a rule that comes", () => {
  it("makes one config of a stream that closes and opens again meanwhile, and records it", async () => {
    const recorder = await openRecorder();
    const first = await publish(recorder, "cam");
    const adding = recorder.rules.add(rule("cam"));
    first.stream.end("gone");
    const second = await publish(recorder, "cam");
    const { entries, failures } = await adding;
    expect(failures).toEqual([]);
    expect(configured(recorder)).toEqual(["cam"]);
    expect(entries.map(({ config }) => config.configId)).toEqual(
      recorder.configs().map(({ config }) => config.configId),
    );
    await until("it records", () => recorder.outStreams().some(({ inStreamId }) => inStreamId === second.stream.id));
    second.stream.end("test");
    await until("it has ended", () => recorder.outStreams().length === 0);
  });

  it("makes no more configs than there may be, however many streams are live", async () => {
    const recorder = await openRecorder({ maxConfigs: 2 });
    const sources = await Promise.all(["a", "b", "c"].map((name) => publish(recorder, name)));
    const { entries, failures } = await recorder.rules.add(rule("*"));
    expect([entries.length, failures.map(({ error }) => error.code)]).toEqual([2, ["limit"]]);
    for (const { stream } of sources) stream.end("test");
  });

  it("tries a live stream again that it could not begin, until it can", async () => {
    const recorder = await openRecorder();
    const media = recorder.mediaFolders[0] as string;
    await mkdir(join(media, "..", "outside"));
    await symlink(join(media, "..", "outside"), join(media, "cam"));
    const source = await publish(recorder, "cam");
    const { failures } = await recorder.rules.add(rule("cam", { pathToFile: "{stream}/x" }));
    expect(failures.map(({ localStreamName, error }) => `${localStreamName} ${error.code}`)).toEqual(["cam badPath"]);
    const [entry] = recorder.configs();
    expect(entry?.status.current.code).toBe(5);
    await rm(join(media, "cam"));
    let mediaMs = 1000;
    await until("it records", async () => {
      mediaMs += 40;
      await source.writeUpTo(mediaMs);
      return recorder.outStreams().some(({ currentPath }) => currentPath !== undefined);
    });
    source.stream.end("test");
    await until("it has ended", () => recorder.outStreams().length === 0);
  });
});

describe("a removed config of a rule", () => {
  it("leaves nothing of its stream's name behind", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const store: ConfigStore = { get: () => undefined, put: async () => 1, watch: () => () => {} };
    const clock = new TestClock();
    const supervisor = new RecordingSupervisor({
      clock,
      save: () => {},
      onForgotten: () => {},
    } as unknown as SupervisorParts);
    let ids = 1;
    const list = new RuleList(
      store,
      [],
      () => ids++,
      silentLogger,
      () => 0,
    );
    list.add(rule("**"));
    const rules = new RecordRules({
      ...{ list, supervisor, starter: { isFull: false, checkCount: () => {} }, save: () => {}, onAdded: () => {} },
      nextConfigId: () => ids++,
    } as unknown as RulesParts);
    const turn = (from: number, count: number): number => {
      for (let i = from; i < from + count; i++) {
        rules.streamOpened(`${i}/${"n".repeat(240)}`);
        const [entry] = supervisor.entries;
        if (!entry) throw new Error("the rule has made no config");
        supervisor.forget(entry);
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    turn(0, 2000);
    const before = turn(2000, 1);
    const after = turn(2001, 10_000);
    // A name alone has 245 characters.
    expect(after - before).toBeLessThan(10_000 * 100);
  });
});
