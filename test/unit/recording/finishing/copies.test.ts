// Copies of final files in a second media folder: byte for byte, over a restart and a folder that is away, and the
// first folder never waits for the second.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ClosedSegmentReport, CopiedSegmentReport } from "../../../../src/catalog/segment-report.js";
import type { CopyFailure } from "../../../../src/recording/finishing/copies.js";
import { Recorder } from "../../../../src/recording/recorder.js";
import { LoopedSource } from "../../../support/looped-source.js";
import { until } from "../../../support/until.js";

const TYPES = ["mp4", "ts", "flv"] as const;
let root: string;
let first: string;
let second: string;
let recorder: Recorder;
let closed: ClosedSegmentReport[];
let copied: CopiedSegmentReport[];
let failed: CopyFailure[];

async function open(): Promise<void> {
  recorder = await Recorder.open({ mediaFolders: [first, second], stateFolder: join(root, "state"), workers: 1 });
  recorder.on("segmentClosed", (report) => closed.push(report));
  recorder.on("segmentCopied", (report) => copied.push(report));
  recorder.on("copyFailed", (failure) => failed.push(failure));
}

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "reel-copies-")));
  [first, second] = [join(root, "first"), join(root, "second")];
  [closed, copied, failed] = [[], [], []];
  await open();
});
afterEach(async () => {
  await recorder.close();
  await rm(root, { recursive: true, force: true });
});

async function record(): Promise<void> {
  const source = new LoopedSource(recorder.streams.open("cam"));
  await source.writeUpTo(4000);
  source.stream.end("test");
  await until("the files are closed", () => recorder.outStreams().length === 0);
}

async function configure(): Promise<void> {
  for (const type of TYPES) {
    const options = { localStreamName: "cam", pathToFile: `a/${type}`, type, chunkLength: 2, manifest: true };
    mkdirSync(join(first, "a"), { recursive: true });
    await recorder.record({ ...options, copyTo: second });
  }
}

function expectCopies(count: number): void {
  const files = readdirSync(join(first, "a")).sort();
  expect(readdirSync(join(second, "a")).sort()).toEqual(files);
  expect(files.length).toBe(count * 2); // with their manifests
  for (const file of files)
    expect(readFileSync(join(second, "a", file)).equals(readFileSync(join(first, "a", file))), file).toBe(true);
}

it("are there byte for byte, with their manifests, and the catalogue knows them", async () => {
  await configure();
  await record();
  await until("all are copied", () => copied.length === closed.length && copied.length === 6);
  expectCopies(6);
  for (const { path, copy } of copied) {
    expect(copy).toBe(path.replace(first, second));
    expect(await recorder.catalog.findByPath(path)).toMatchObject({ state: "finished", copy });
  }
  expect(failed).toEqual([]);
});

it("wait for a folder that is away, which costs the recordings nothing, and are made by the next start", async () => {
  await configure();
  renameSync(second, `${second}.away`);
  await record();
  expect(closed.length).toBe(6);
  await until("a copy has failed", () => failed.length > 0);
  expect(failed[0]).toMatchObject({ code: "notWritable", tries: 1, nextTryMs: expect.any(Number) });
  expect(existsSync(second), "nothing is made in its place").toBe(false);
  const tries = () => recorder.collect().find(({ name }) => name === "reel_copy_failures_total")?.value ?? 0;
  await until("each was tried", () => tries() >= 6);
  expect(failed.length, "told once for the folder").toBe(1);
  await recorder.close();
  renameSync(`${second}.away`, second);
  mkdirSync(join(second, "a"));
  // What a kill in the middle of a copy leaves.
  const [one] = closed;
  writeFileSync(`${one?.path.replace(first, second)}.copying`, "half");
  await open();
  await until("all are copied", () => copied.length === 6);
  expectCopies(6);
});

it("replace no file of another's, and refuse a folder that is none of ours", async () => {
  await configure();
  mkdirSync(join(second, "a"), { recursive: true });
  writeFileSync(join(second, "a/ts_part0000.ts"), "another's");
  await record();
  await until("all others are copied", () => copied.length === 5 && failed.length === 1);
  expect(failed[0]).toMatchObject({ code: "targetBusy", nextTryMs: null });
  expect(readFileSync(join(second, "a/ts_part0000.ts"), "utf8")).toBe("another's");
  rmSync(join(second, "a/ts_part0000.ts"));
  const other = { localStreamName: "b", pathToFile: "b", copyTo: root };
  await expect(recorder.record(other)).rejects.toMatchObject({ code: "badPath" });
});

it("leave nothing of what a crash left, also where the file is there or gone", async () => {
  await configure();
  renameSync(second, `${second}.away`);
  await record();
  await until("a copy has failed", () => failed.length > 0);
  await recorder.close();
  renameSync(`${second}.away`, second);
  mkdirSync(join(second, "a"));
  const [whole, gone] = closed.map(({ path }) => ({ path, copy: path.replace(first, second) }));
  if (!whole || !gone) throw new Error("there are no files");
  // A crash behind the last step of a copy, and one in the middle of a copy of a file that somebody took away.
  for (const name of [whole.copy, `${whole.copy}.copying`]) copyFileSync(whole.path, name);
  for (const name of [gone.copy, `${gone.copy}.manifest`]) writeFileSync(`${name}.copying`, "half");
  rmSync(gone.path);
  failed = [];
  await open();
  await until("all others are copied, and one is not", () => copied.length === 5 && failed.length === 1);
  expect(failed[0]).toMatchObject({ code: "notFound", copy: gone.copy, nextTryMs: null });
  expect(readdirSync(join(second, "a")).filter((name) => name.endsWith(".copying"))).toEqual([]);
});
