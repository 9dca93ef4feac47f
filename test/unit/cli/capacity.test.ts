// `reel capacity`: the limits that follow from measured figures, the stream it publishes, and the command itself.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { costOf, type LoadPoint, limitsOf, type Measured, secondsUntilFull } from "../../../src/cli/capacity/limits.js";
import { paddedClip } from "../../../src/cli/capacity/padded-clip.js";
import { busiestOther, usageOf } from "../../../src/cli/capacity/process-usage.js";
import { clipLengthMs, readClip } from "../../../src/cli/clip.js";
import { until } from "../../support/until.js";

const point = (streams: number, mainCores: number, processCores = 2 * mainCores): LoadPoint => ({
  streams,
  mainCores,
  otherCores: mainCores / 2,
  processCores,
  residentBytes: 100e6 + streams * 1e6,
});

const measured: Measured = {
  bytesPerSecond: 325_000,
  points: [point(100, 0.06), point(300, 0.12)],
  volumes: [{ folder: "/media", bytesPerSecond: 400e6, freeBytes: 3600e9 }],
  host: {
    cores: 2,
    availableBytes: 10e9,
    copyBytesPerSecond: 10e9,
    arenaBytes: 4e9,
    descriptors: 1_000_000,
    descriptorsAtStart: 512,
    descriptorsPerStream: 5,
    networkBytesPerSecond: 125e6,
  },
};

const streamsOf = (part: string, given = measured): number | undefined =>
  limitsOf(given).find((limit) => limit.part === part)?.streams;

describe("limits of a host", () => {
  it("follow from what more streams cost, beside what is there without any", () => {
    expect(costOf(measured.points, ({ mainCores }) => mainCores)).toEqual({
      base: expect.closeTo(0.03, 6),
      perStream: expect.closeTo(0.0003, 9),
    });
    // (0.7 - 0.03) / 0.0003, (1.4 - 0.06) / 0.0006, (8e9 - 1e8) / 1e6, 1e10 / 1.3e6, (1e6 - 512) / 5
    expect(streamsOf("main thread")).toBe(2233);
    // (0.7 - 0.015) / 0.00015
    expect(streamsOf("busiest other thread")).toBe(4566);
    expect(streamsOf("2 cores")).toBe(2233);
    expect(streamsOf("memory")).toBe(7900);
    expect(streamsOf("shared memory")).toBe(3200);
    expect(streamsOf("memory bandwidth")).toBe(7692);
    expect(streamsOf("open files")).toBe(199_897);
    expect(streamsOf("/media")).toBe(861);
    expect(streamsOf("network")).toBe(307);
  });

  it("stand in the order in which they end", () => {
    const streams = limitsOf(measured).map((limit) => limit.streams);
    expect(streams).toEqual([...streams].sort((a, b) => a - b));
    expect(limitsOf(measured)[0]?.part).toBe("network");
    const unknown = { ...measured, host: { ...measured.host, networkBytesPerSecond: undefined } };
    expect(limitsOf(unknown)[0]?.part).toBe("/media");
  });

  it("promise less, not more, where noise turns the line", () => {
    const falling = [point(100, 0.2), point(300, 0.15)] as const;
    expect(costOf(falling, ({ mainCores }) => mainCores)).toEqual({ base: 0, perStream: 0.15 / 300 });
    const steep = [point(100, 0.01), point(300, 0.3)] as const;
    expect(costOf(steep, ({ mainCores }) => mainCores)).toEqual({ base: 0, perStream: 0.3 / 300 });
  });

  it("say when a volume is full", () => {
    const [volume] = measured.volumes;
    if (!volume) throw new Error("no volume");
    expect(secondsUntilFull(volume, 100, 360_000)).toBe(100_000);
    expect(secondsUntilFull(volume, 0, 360_000)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the clip as a stream of any rate", () => {
  const clip = readClip();
  const lengthMs = clipLengthMs(clip);

  it.each([1, 2.6, 25])("has %f Mb/s, in access units that are whole", (rate) => {
    const tags = paddedClip(clip, (rate * 1e6) / 8);
    const bytes = tags.reduce((sum, { data }) => sum + data.length, 0);
    expect((8 * bytes) / lengthMs / 1000).toBeCloseTo(rate, 3);
    for (const [i, { type, data }] of tags.entries()) {
      if (type !== 9 || data[1] !== 1) {
        expect(data).toBe(clip[i]?.data);
        continue;
      }
      let at = 5;
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      while (at < data.length) at += 4 + view.getUint32(at);
      expect(at).toBe(data.length);
    }
  });

  it("cannot be made thinner, and says so", () => {
    expect(() => paddedClip(clip, 10_000)).toThrow(/at least 0\.5\d Mb\/s/);
  });
});

it("reads what a process costs", () => {
  const before = usageOf(process.pid);
  for (const since = process.cpuUsage(); process.cpuUsage(since).user < 60_000; );
  const after = usageOf(process.pid);
  expect(after.processSeconds).toBeGreaterThan(before.processSeconds);
  expect(after.processSeconds).toBeGreaterThanOrEqual(after.mainSeconds);
  expect(after.residentBytes).toBeGreaterThan(10e6);
});

it("finds the thread that was busiest beside the main one", async () => {
  const before = usageOf(process.pid);
  const busy = new Worker("const end = performance.now() + 200; while (performance.now() < end);", { eval: true });
  let after = usageOf(process.pid);
  const isDone = once(busy, "exit").then(() => true);
  // A thread that has ended has no figures.
  while (busiestOther(before, after) < 0.03 && !(await Promise.race([isDone, delay(1)]))) after = usageOf(process.pid);
  expect(busiestOther(before, after)).toBeGreaterThanOrEqual(0.03);
  await isDone;
});

describe("reel capacity", () => {
  const reel = join(import.meta.dirname, "../../../dist/cli/reel.js");
  const folder = mkdtempSync(join(tmpdir(), "reel-capacity-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const media = join(folder, "media");

  it("records for a moment, tells the limits and leaves nothing in the media folder", () => {
    const args = [reel, "capacity", "--json", "--seconds", "3", "--streams", "9", "--rate", "1", "--media", media];
    const answer = JSON.parse(execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" })) as Measured & {
      limits: { part: string; streams: number | null }[];
      streams: number;
    };
    expect(answer.points.map(({ streams }) => streams)).toEqual([3, 9]);
    for (const { processCores, residentBytes } of answer.points) {
      expect(processCores).toBeGreaterThan(0);
      expect(residentBytes).toBeGreaterThan(20e6);
    }
    expect(answer.limits.map(({ part }) => part)).toEqual(
      expect.arrayContaining(["main thread", "busiest other thread", "memory", media]),
    );
    // JSON has no Infinity: a thread that was too idle to be measured says null.
    expect(answer.streams).toBe(Math.min(...answer.limits.map(({ streams }) => streams ?? Number.POSITIVE_INFINITY)));
    expect(existsSync(media), "it was not there before").toBe(false);
  });

  it("ended by a signal ends its server and leaves nothing", async () => {
    mkdirSync(media);
    const args = [reel, "capacity", "--seconds", "60", "--streams", "3", "--rate", "1", "--media", media];
    const run = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    run.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const ready = await until("its server is ready", () =>
      readdirSync(media)
        .map((name) => join(media, name, "ready.json"))
        .find((path) => existsSync(path)),
    );
    const { pid } = JSON.parse(readFileSync(ready, "utf8")) as { pid: number };
    run.kill("SIGTERM");
    const [code] = (await once(run, "exit")) as [number];
    expect({ code, said }).toEqual({ code: 1, said: "reel capacity: ended by SIGTERM\n" });
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(readdirSync(media)).toEqual([]);
  });

  it.each([
    [["--rate", "0.1", "--seconds", "3"], "the rate must be at least"],
    [["--seconds", "1"], "--seconds 1 is no number from 3"],
    [["--config", "nowhere.json"], "does not exist"],
  ])("says what is wrong with %j", (args, text) => {
    const run = spawnSync(process.execPath, [reel, "capacity", "--media", media, ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(run.stderr).toContain(text);
    expect(run.status).toBe(1);
    expect(existsSync(media) ? readdirSync(media) : []).toEqual([]);
  });
});
