// The disk under the streams' pasts is full: what it cannot take is missing and told, what it has room for it takes,
// and no recording suffers.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { SpillFile } from "../../src/recording/past/spill-file.js";
import { Recorder } from "../../src/recording/recorder.js";
import { LoopedSource } from "../support/looped-source.js";
import { runProgram } from "../support/run-program.js";
import { TestClock } from "../support/test-clock.js";
import { until } from "../support/until.js";
import { mountTmpfs, removeVolumes } from "../support/volumes.js";

const MIB = 1024 * 1024;
const folders: string[] = [];

afterEach(async () => {
  await removeVolumes();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function tmpfs(mebibytes: number): Promise<{ root: string; spill: string }> {
  const root = await mkdtemp(join(tmpdir(), "reel-spill-full-"));
  folders.push(root);
  const spill = join(root, "spill");
  await mountTmpfs(spill, mebibytes);
  return { root, spill };
}

/** On a volume of that size. `put` puts a mebibyte of the first letter of a name, which is in `lost` where it fails. */
async function openFile(mebibytes: number) {
  const { spill } = await tmpfs(mebibytes);
  const clock = new TestClock();
  const file = new SpillFile({ folder: spill, limitBytes: 64 * MIB, hangMs: 60_000, clock, logger: silentLogger });
  const lost: string[] = [];
  const put = (name: string) =>
    file.put(
      MIB,
      (target) => target.fill(name.charCodeAt(0)),
      () => lost.push(name),
    );
  return { spill, clock, file, lost, put };
}

/** All the room that there is. */
async function fill(folder: string): Promise<void> {
  await runProgram("dd", ["if=/dev/zero", `of=${join(folder, "filler")}`, "bs=64K"]);
}

it("a full disk under the past costs what it cannot take, and nothing of a recording", async () => {
  const { root, spill } = await tmpfs(4);
  const closed: ClosedSegmentReport[] = [];
  const short: string[] = [];
  let missing = 0;
  const recorder = await Recorder.open({
    ...{ mediaFolders: [join(root, "media")], stateFolder: join(root, "state"), workers: 1 },
    ...{ preRecordSeconds: 120, preRecordMib: 1, preRecordSpillMib: 64, preRecordSpillFolder: spill },
  });
  recorder.on("segmentClosed", (report) => closed.push(report));
  recorder.on("pastShort", (name) => short.push(name));
  recorder.on("gap", ({ frames }) => {
    missing += frames;
  });
  const source = new LoopedSource(recorder.streams.open("cam"));
  await recorder.record({ localStreamName: "cam", pathToFile: "whole", type: "ts" });
  const write = async (fromMs: number, toMs: number): Promise<void> => {
    for (let upToMs = fromMs + 1000; upToMs <= toMs; upToMs += 1000) {
      await source.writeUpTo(upToMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await write(0, 30_000);
  await fill(spill);
  await write(30_000, 100_000);
  await until("it is told", () => short.length > 0);
  expect(short).toEqual(["cam"]);
  expect(source.stream.past?.keptBytes).toBeLessThanOrEqual(MIB);
  expect(source.stream.past?.spilledBytes, "older parts stay").toBeGreaterThan(MIB);
  const oldest90k = source.stream.keptPast?.stretches[0]?.points[0]?.dts90k ?? Number.NaN;
  expect(oldest90k, "of before the disk was full").toBeLessThan(20_000 * 90);
  const from = (source.stream.newest90k - oldest90k) / 90_000;
  await recorder.record({ localStreamName: "cam", pathToFile: "past", type: "ts", from });
  await until("it reads the stream's own ring", () => source.stream.cursorCount === 2);
  source.stream.end("test");
  await until("both are closed", () => closed.length === 2);
  const taken = (name: string): number => {
    const one = closed.find(({ path }) => path.endsWith(name));
    return (one?.videoFrames ?? 0) + (one?.audioFrames ?? 0);
  };
  const all = source.framesBetween(0, 100_000).length;
  expect(taken("whole.ts")).toBe(all);
  expect([missing > 0, taken("past.ts") > all / 5]).toEqual([true, true]);
  expect(taken("past.ts") + missing).toBe(source.framesBetween(oldest90k / 90, 100_000).length);
  await recorder.close();
});

it("room that the past has had is written again on a full disk, and given back with the last of it", async () => {
  const { spill, clock, file, lost, put } = await openFile(8);
  const a = put("a");
  const b = put("b");
  expect((await b?.read())?.[0]).toBe("b".charCodeAt(0));
  // Read in its turn: both are written.
  await until("both are written", async () => (await freeMib(spill)) <= 6);
  await fill(spill);
  clock.nowMs += 5000;
  a?.free();
  const c = put("c");
  const d = put("d");
  await until("c is written, or lost, and there is no room for d", () => lost.includes("d"));
  const read = await c?.read();
  expect([read?.[0], read?.[MIB - 1], lost]).toEqual(["c".charCodeAt(0), "c".charCodeAt(0), ["d"]]);
  for (const one of [b, c, d]) one?.free();
  expect(file.usedBytes).toBe(0);
  await until("the volume has its room again", async () => (await freeMib(spill)) >= 2);
  file.close();
});

it("room of what was freed before it was written is asked for", async () => {
  const { spill, clock, file, lost, put } = await openFile(4);
  put("a");
  const freed = put("b");
  const c = put("c");
  freed?.free();
  await until("a and c are written", async () => (await freeMib(spill)) <= 2);
  // One more, and a tenth of the volume would no longer be left.
  await runProgram("dd", ["if=/dev/zero", `of=${join(spill, "filler")}`, "bs=64K", "count=14"]);
  clock.nowMs += 5000;
  put("d");
  await until("d is lost", () => lost.length > 0);
  expect(lost).toEqual(["d"]);
  expect(await c?.read()).toHaveLength(MIB);
  file.close();
});

async function freeMib(folder: string): Promise<number> {
  const { stdout } = await runProgram("df", ["--output=avail", "-B1M", folder]);
  return Number(stdout.trim().split("\n").at(-1));
}
