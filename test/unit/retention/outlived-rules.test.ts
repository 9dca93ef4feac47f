// Rules of configs that are gone: their files keep them, over a restart too.

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../../src/catalog/segment-report.js";
import type { RecordOptions } from "../../../src/recording/record-config.js";
import type { Recorder } from "../../../src/recording/recorder.js";
import { FolderWatch } from "../../../src/retention/folder-watch.js";
import type { ScopedRule } from "../../../src/retention/own-rules.js";
import { planAll } from "../../../src/retention/plan-all.js";
import { Retention } from "../../../src/retention/retention.js";
import type { KeptSegment } from "../../../src/retention/retention-plan.js";
import { configured, openRecorder, publish, reopen } from "../../support/open-recorder.js";
import { TestClock } from "../../support/test-clock.js";
import { until } from "../../support/until.js";

const HOUR_MS = 3_600_000;

async function record(recorder: Recorder, more: Partial<RecordOptions>): Promise<string> {
  const closed: ClosedSegmentReport[] = [];
  recorder.on("segmentClosed", (report) => closed.push(report));
  await recorder.record({ localStreamName: "cam", pathToFile: "cam", type: "ts", ...more });
  const source = await publish(recorder, "cam");
  await until("it has a file", () => recorder.outStreams().some(({ currentPath }) => currentPath));
  source.stream.end("test");
  await until("its file is closed", () => closed.length === 1);
  return closed[0]?.path ?? "";
}

it.each([
  ["duration has ended", { duration: 3600 }],
  ["stream has ended", { keepAlive: false }],
])("of a config whose %s go on behind a restart, until its files are gone", async (_what, more) => {
  const clock = {
    stepMs: 0,
    wallMs: () => Date.now() + clock.stepMs,
    monotonicMs: () => performance.now() + clock.stepMs,
  };
  let recorder = await openRecorder({ clock });
  let retention = Retention.start({ recorder, clock, logger: silentLogger });
  const file = await record(recorder, { ...more, retain: { seconds: 7200 } });
  clock.stepMs += HOUR_MS + 1000;
  await until("its config is gone", () => configured(recorder).length === 0);
  await retention.close();
  recorder = await reopen(recorder, { clock });
  retention = Retention.start({ recorder, clock, logger: silentLogger });
  await until("the catalogue is read", () => retention.isComplete);
  await retention.run();
  expect(existsSync(file)).toBe(true);
  clock.stepMs += HOUR_MS;
  // A volume that is slow to answer is not waited for, so it may take more than one run.
  await until("the file goes, and nobody has a rule: the next start reads nothing", async () => {
    await retention.run();
    return !existsSync(file) && recorder.store.get("retainsFiles")?.value === false;
  });
  await retention.close();
});

it("of files whose volume is away at a start are kept in mind until it is back", async () => {
  const clock = {
    stepMs: 0,
    wallMs: () => Date.now() + clock.stepMs,
    monotonicMs: () => performance.now() + clock.stepMs,
  };
  let recorder = await openRecorder({ clock });
  let retention = Retention.start({ recorder, clock, logger: silentLogger });
  const file = await record(recorder, { keepAlive: false, retain: { seconds: 7200 } });
  const [media = ""] = recorder.mediaFolders;
  await until("its config is gone", () => configured(recorder).length === 0);
  for (const isAway of [true, false]) {
    await retention.close();
    if (!isAway) rmSync(media, { recursive: true });
    renameSync(isAway ? media : `${media}.away`, isAway ? `${media}.away` : media);
    if (isAway) mkdirSync(media);
    recorder = await reopen(recorder, { clock });
    retention = Retention.start({ recorder, clock, logger: silentLogger });
    await until("the catalogue is read", () => retention.isComplete);
    await retention.run();
    expect(recorder.store.get("retainsFiles")?.value, `away: ${isAway}`).toBe(true);
  }
  clock.stepMs += 3 * HOUR_MS;
  await until("the file goes", async () => {
    await retention.run();
    return !existsSync(file);
  });
  await retention.close();
});

const NOW = Date.UTC(2026, 10, 27);
let nextId = 1;

/** Files of 100 bytes that have just ended, each with what it brought. */
function files(count: number, configId: number, own?: ScopedRule, localStreamName = "cam"): KeptSegment[] {
  return Array.from({ length: count }, () => {
    const id = nextId++;
    const times = { startedMs: NOW + id, stoppedMs: NOW + id };
    return { id, path: `/media/${id}.ts`, localStreamName, configId, ...times, sizeBytes: 100, ...(own && { own }) };
  });
}

function planned(
  segments: readonly KeptSegment[],
  configs: Record<number, ScopedRule>,
  streamRule?: ScopedRule,
): number[] {
  const folder = new FolderWatch("/media", {}, new TestClock());
  folder.room = { freeBytes: 1000, sizeBytes: 10_000 };
  return planAll({
    ...{ segments, folders: [folder], byDefault: { segments: 5 }, isComplete: true, nowMs: NOW },
    configOf: (configId) => configs[configId],
    streamRuleOf: () => streamRule?.retain,
    makesRoom: () => false,
    toCome: () => 0,
  }).map(({ segment }) => segments.indexOf(segment));
}

it("count as they stood last, and for nothing where the config is there", () => {
  const old = { retain: { segments: 1 } };
  const segments = [...files(2, 1, old), ...files(3, 1, { retain: { segments: 3 } })];
  expect(planned(segments, {})).toEqual([0, 1]);
  expect(planned(segments, { 1: { retain: { segments: 4 } } })).toEqual([0]);
  expect(planned(segments, { 1: { retain: {} } })).toEqual([]);
  expect(planned(files(7, 1), {})).toEqual([0, 1]);
});

it("count the files of a rule's configs together, with those that are there", () => {
  const own = { retain: { scope: "rule", segments: 2 }, ruleId: 9 } as const;
  const segments = [...files(2, 1, own), ...files(2, 2, own)];
  expect(planned(segments, {})).toEqual([0, 1]);
  expect(planned(segments, { 2: { retain: { scope: "rule", segments: 3 }, ruleId: 9 } })).toEqual([0]);
  expect(planned([...segments].reverse(), { 2: { retain: { scope: "rule", segments: 3 }, ruleId: 9 } })).toEqual([0]);
});

it("count the files of a stream together that its gone configs have left, but where a config does", () => {
  const own = { retain: { scope: "stream", segments: 2 } } as const;
  const segments = [...files(2, 1, own), ...files(2, 2, own), ...files(4, 3)];
  expect(planned(segments, {})).toEqual([0, 1]);
  expect(planned(segments, {}, { retain: { scope: "stream", segments: 7 } })).toEqual([0]);
});

it("do not end with a file of their stream that no config is known of and that brought none", () => {
  const own = { retain: { scope: "stream", segments: 1 } } as const;
  expect(planned([...files(2, 1, own), ...files(1, 0)], {})).toEqual([0]);
  expect(planned([...files(1, 0), ...files(2, 1, own)], {})).toEqual([1]);
  expect(planned(files(6, 0), {}), "the default is theirs").toEqual([0]);
});
