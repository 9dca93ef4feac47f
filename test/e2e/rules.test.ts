// Rules: streams are recorded without a command for each, whatever they are called, and go on over a restart.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import { LoopedSource } from "../support/looped-source.js";
import { until } from "../support/until.js";

let root = "";
let recorder: Recorder;
let closed: ClosedSegmentReport[] = [];
let failed: FailedSegmentReport[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-rules-"));
});
afterEach(async () => {
  await recorder?.close();
  await rm(root, { recursive: true, force: true });
});

async function open(options: RecorderOptions = {}): Promise<Recorder> {
  closed = [];
  failed = [];
  recorder = await Recorder.open({ mediaFolders: [join(root, "media")], stateFolder: join(root, "state"), ...options });
  recorder.on("segmentClosed", (report) => closed.push(report));
  recorder.on("segmentFailed", (report) => failed.push(report));
  return recorder;
}

/** Media paths, sorted. */
function files(): string[] {
  return closed.map(({ path }) => relative(join(root, "media"), path)).sort();
}

async function publish(name: string, mediaMs = 1500): Promise<LoopedSource> {
  const source = new LoopedSource(recorder.streams.open(name));
  await source.writeUpTo(mediaMs);
  return source;
}

/** One run of each stream, and the files of all. */
async function runs(names: readonly string[], expected: number): Promise<string[]> {
  const sources = await Promise.all(names.map((name) => publish(name)));
  for (const { stream } of sources) stream.end("test");
  await until("all files are closed", () => closed.length >= expected);
  return files();
}

describe("rules", () => {
  it("record what they match: the first, and those with also, into folders that are made", async () => {
    const { rules } = await open();
    await rules.add({ pattern: "cam/*", pathToFile: "{stream}/x", type: "ts" });
    await rules.add({ pattern: "cam/**", pathToFile: "all/{stream}", type: "ts" });
    await rules.add({ pattern: "/1$/", pathToFile: "also/{configId}", type: "flv", also: true });
    expect(await runs(["cam/1", "cam/2/low", "lobby"], 3)).toEqual([
      "all/cam/2/low.ts",
      expect.stringMatching(/^also\/\d+\.flv$/),
      "cam/1/x.ts",
    ]);
    expect(rules.list().map(({ entries }) => entries.map(({ config }) => config.localStreamName))).toEqual([
      ["cam/1"],
      ["cam/2/low"],
      ["cam/1"],
    ]);
    expect(
      closed.every(({ localStreamName, configId, outStreamId, sequence }) =>
        Boolean(localStreamName && configId && outStreamId && sequence),
      ),
    ).toBe(true);
  });

  it("keep so much of their streams' past as they begin with, from the rule on", async () => {
    const { rules, streams } = await open({ preRecordStreams: { "cam/*": 5 } });
    const sources = await Promise.all(["cam/1", "door/1", "hall"].map((name) => publish(name, 10_000)));
    const kept = (): unknown[] => streams.list().map(({ past }) => past?.seconds ?? 0);
    expect(kept()).toEqual([5, 0, 0]);
    const first = await rules.add({ pattern: "door/*", pathToFile: "{stream}", type: "ts", from: 15 });
    await rules.add({ pattern: "**", pathToFile: "all/{stream}", type: "ts", from: 2.5 });
    expect(kept()).toEqual([5, 15, 3]);
    await publish("door/2", 10_000);
    // Of the new one all is kept, of the old one what has come since the rule.
    for (const source of sources) await source.writeUpTo(12_000);
    expect(streams.get("door/2")?.past).toMatchObject({ seconds: 15, keptSeconds: expect.closeTo(10, 0) });
    await expect(recorder.record({ localStreamName: "door/1", pathToFile: "x", type: "ts", from: 15 })).rejects.toThrow(
      /^door\/1 keeps only \d\.\d s of its past: it has not been kept for longer/,
    );
    rules.remove(first.rule.ruleId);
    expect(streams.list().map(({ past }) => past?.seconds)).toEqual([5, 3, 3, 3]);
    await expect(rules.add({ pattern: "x", pathToFile: "x", type: "ts", from: 601 })).rejects.toThrow(
      "from: a rule keeps at most 600 s of its streams' past",
    );
    for (const stream of streams.list()) stream.end("test");
  });

  it("begin with the streams that are live, and end what they record when they are removed", async () => {
    const { rules } = await open();
    const source = await publish("cam1");
    const { rule, entries, failures } = await rules.add({ pattern: "cam*", pathToFile: "{stream}", type: "ts" });
    expect(failures).toEqual([]);
    expect(entries[0]?.status.current.code).toBe(0);
    await source.writeUpTo(3000);
    await until("it is in the file", () => recorder.outStreams().every(({ lagMs }) => lagMs < 400));
    expect(rules.remove(rule.ruleId)?.entries.length).toBe(1);
    await until("its file is closed", () => closed.length === 1);
    source.stream.end("test");
    expect(recorder.configs()).toEqual([]);
    expect(rules.list()).toEqual([]);
    expect(await runs(["cam2"], 1)).toEqual(["cam1.ts"]);
  });

  it("leave nothing that records where they are removed while they begin", async () => {
    const { rules } = await open();
    const source = await publish("cam");
    const adding = rules.add({ pattern: "cam", pathToFile: "{stream}", type: "ts" });
    rules.remove(rules.list()[0]?.rule.ruleId ?? 0);
    await adding;
    expect(recorder.configs()).toEqual([]);
    source.stream.end("test");
  });

  it("name each file by its start and its part, and number what collides", async () => {
    const wallMs = Date.UTC(2026, 6, 1, 22, 30, 5);
    const clock = { wallMs: () => wallMs, monotonicMs: () => performance.now() };
    const { rules } = await open({ clock });
    const pathToFile = "{stream}/%Y-%m-%d/%H%M%S";
    await rules.add({ pattern: "cam", pathToFile, zone: "Europe/Berlin", type: "ts", chunkLength: 1 });
    await rules.add({ pattern: "p", pathToFile: "p-{part}", type: "mp4", chunkLength: 1 });
    const sources = await Promise.all([publish("cam", 3500), publish("p", 3500)]);
    for (const { stream } of sources) stream.end("test");
    await until("all files are closed", () => closed.length === 8);
    expect(files()).toEqual([
      "cam/2026-07-02/003005.ts",
      ...["0001", "0002", "0003"].map((number) => `cam/2026-07-02/003005_${number}.ts`),
      ...["0000", "0001", "0002", "0003"].map((part) => `p-${part}.mp4`),
    ]);
  });

  it("write nothing outside the media folders, whatever a stream is called", async () => {
    const { rules } = await open();
    const outside = join(root, "outside");
    await mkdir(outside);
    await mkdir(join(root, "media"), { recursive: true });
    await symlink(outside, join(root, "media", "link"));
    await rules.add({ pattern: "**", pathToFile: "{stream}", type: "ts" });
    await rules.add({ pattern: "**", pathToFile: "{stream}/%Y/x", type: "ts", also: true });
    const names = ["/etc/passwd", "././x", "link/in", "%Y{part}", "n".repeat(255), "a//b"];
    const sources = await Promise.all(names.map((name) => publish(name)));
    const year = String(new Date().getFullYear());
    await until("each has failed, or has a file", () => failed.length >= 3);
    for (const { stream } of sources) stream.end("test");
    await until("all files are closed", () => closed.length >= 9);
    expect(files()).toEqual(
      ["%Y{part}.ts", `%Y{part}/${year}/x.ts`, "a/b.ts", `a/b/${year}/x.ts`, "etc/passwd.ts", `etc/passwd/${year}/x.ts`]
        .concat("x.ts", `x/${year}/x.ts`, `${"n".repeat(255)}/${year}/x.ts`)
        .sort(),
    );
    expect(await readdir(outside)).toEqual([]);
    expect(
      [...new Set(failed.map(({ localStreamName, code }) => `${localStreamName.slice(0, 8)} ${code}`))].sort(),
    ).toEqual(["link/in badPath", "nnnnnnnn badPath"]);
    for (const name of ["../../etc", "a b", "a\u0007b", "n".repeat(256)])
      expect(() => recorder.streams.open(name), name).toThrow(/a stream name has/);
  });

  it("stay over a restart with their configs; those of the configuration go with it", async () => {
    const configured = { pattern: "c*", pathToFile: "{stream}", type: "ts" } as const;
    await open({ rules: [configured] });
    await recorder.rules.add({ pattern: "d*", pathToFile: "{stream}", type: "ts" });
    expect(await runs(["c", "d"], 2)).toEqual(["c.ts", "d.ts"]);
    const before = recorder.rules.list();
    expect(before.map(({ rule }) => rule.isConfigured)).toEqual([true, false]);
    await recorder.close();
    await open({ rules: [configured] });
    const ids = (of: typeof before) =>
      of.map(({ rule, entries }) => [rule.ruleId, entries.map((e) => e.config.configId)]);
    expect(ids(recorder.rules.list())).toEqual(ids(before));
    expect(await runs(["c", "d"], 2)).toEqual(["c_0001.ts", "d_0001.ts"]);
    expect(closed.map(({ configId }) => configId).sort()).toEqual(before.flatMap((e) => e.entries[0]?.config.configId));
    expect(() => recorder.rules.remove(before[0]?.rule.ruleId ?? 0)).toThrow(/stands in rules of reel.json/);
    await recorder.close();
    await open();
    expect(recorder.rules.list().map(({ rule }) => rule.options.pattern)).toEqual(["d*"]);
    expect(recorder.configs().map(({ config }) => config.localStreamName)).toEqual(["d"]);
  });

  it("give the config of an older stream for a new one where there may be no more, and tell where none can go", async () => {
    const { rules } = await open({ maxConfigs: 2 });
    await rules.add({ pattern: "*", pathToFile: "{stream}", type: "ts" });
    expect(await runs(["a", "b"], 2)).toEqual(["a.ts", "b.ts"]);
    const live = [await publish("c"), await publish("d")];
    expect(recorder.configs().map(({ config }) => config.localStreamName)).toEqual(["c", "d"]);
    live.push(await publish("e"));
    expect(failed.map(({ localStreamName, code }) => `${localStreamName} ${code}`)).toEqual(["e limit"]);
    for (const { stream } of live) stream.end("test");
    await until("all files are closed", () => closed.length === 4);
    expect(existsSync(join(root, "media", "e.ts"))).toBe(false);
  });
});

describe("a template of record", () => {
  it("is asked for by its fields, and refused by the name of one that is not known", async () => {
    await open();
    const { record } = recorder;
    const wish = { localStreamName: "cam", type: "ts" } as const;
    await expect(record.call(recorder, { ...wish, pathToFile: "{cam}" })).rejects.toThrow(/unknown field \{cam\};/);
    await expect(record.call(recorder, { ...wish, pathToFile: "%Y", overwrite: true })).rejects.toThrow(
      /without overwrite=1/,
    );
    await expect(record.call(recorder, { ...wish, pathToFile: "../../{stream}" })).rejects.toThrow(/leads out/);
    const entry = await recorder.record({ ...wish, pathToFile: "new/{stream}-{configId}" });
    expect(entry.computedPathToFile).toBe(`new/cam-${entry.config.configId}.ts`);
    expect(existsSync(join(root, "media", "new"))).toBe(false);
    await recorder.record({ ...wish, pathToFile: "100%", template: false });
    expect(await runs(["cam"], 2)).toEqual(["100%.ts", `new/cam-${entry.config.configId}.ts`]);
  });
});
