// Configs by the clock: they begin and end at the very edge, whatever happens to the clock, and what could not be saved
// ends all the same.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import { ReelError } from "../../../../src/base/reel-error.js";
import { ClockedConfigs } from "../../../../src/recording/clock/clocked-configs.js";
import type { ConfigStore } from "../../../../src/recording/config-store.js";
import { ConfigEntry } from "../../../../src/recording/lifecycle/config-entry.js";
import type { RecordOptions } from "../../../../src/recording/record-config.js";
import { completeRecordConfig } from "../../../../src/recording/record-options.js";
import type { Recorder } from "../../../../src/recording/recorder.js";
import type { Gap } from "../../../../src/stream/gap.js";
import { configured, openRecorder, publish, reopen } from "../../../support/open-recorder.js";
import { until } from "../../../support/until.js";

const MINUTE_MS = 60_000;
const OFFICE = "Fri@08:00-08:01,09:00-09:01@Europe/Berlin";
/** 08:00 in Berlin on a Friday. */
const OPENS_MS = Date.parse("2026-11-27T07:00:00Z");

describe("the timer", () => {
  let told: string[] = [];
  let clocked: ClockedConfigs;
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  const store: ConfigStore = { get: () => undefined, put: async () => 1, watch: () => () => {} };

  beforeEach(() => {
    vi.useFakeTimers({ now: OPENS_MS - 10_000 });
    told = [];
    const at = (what: string): void => void told.push(`${what} ${new Date().toISOString().slice(11)}`);
    clocked = new ClockedConfigs({
      ...{ clock, store, logger: silentLogger },
      removeConfig: (configId) => {
        at(`end of ${configId}`);
        clocked.forget(entryOf(configId));
      },
      leaveOff: (entry) => {
        if (!entry.waitsForTime) at("leave off");
        entry.waitsForTime = true;
      },
      goOn: (entry) => {
        at("go on");
        entry.waitsForTime = false;
      },
    });
  });
  afterEach(() => {
    clocked.close();
    vi.useRealTimers();
  });

  const entryOf = (configId: number, more: Partial<RecordOptions> = {}): ConfigEntry => {
    const complete = completeRecordConfig({ localStreamName: "cam", pathToFile: "cam", ...more });
    return new ConfigEntry({ ...complete, configId }, "cam", clock);
  };

  it("is there at the edge of a schedule and at the end of a duration, to the millisecond", () => {
    clocked.begin(entryOf(1, { schedule: OFFICE }));
    clocked.begin(entryOf(2, { duration: 2.25 }));
    clocked.begin(entryOf(3, { duration: 100 }));
    vi.advanceTimersByTime(3_700_000);
    expect(told).toEqual([
      "leave off 06:59:51.000Z",
      "end of 2 06:59:52.250Z",
      "go on 07:00:00.000Z",
      "leave off 07:01:00.000Z",
      "end of 3 07:01:30.000Z",
      "go on 08:00:00.000Z",
      "leave off 08:01:00.000Z",
    ]);
  });

  it("follows a wall clock that is set, within a second; durations do not", () => {
    clocked.begin(entryOf(1, { schedule: OFFICE }));
    clocked.begin(entryOf(2, { duration: 5 }));
    vi.advanceTimersByTime(1000);
    vi.setSystemTime(OPENS_MS + 30_000);
    vi.advanceTimersByTime(1000);
    vi.setSystemTime(OPENS_MS - MINUTE_MS);
    vi.advanceTimersByTime(3000);
    expect(told).toEqual([
      "leave off 06:59:51.000Z",
      "go on 07:00:31.000Z",
      "leave off 06:59:01.000Z",
      "end of 2 06:59:03.000Z",
    ]);
  });

  it("rests where nothing hangs on the clock", () => {
    clocked.begin(entryOf(1));
    expect(vi.getTimerCount()).toBe(0);
    clocked.begin(entryOf(2, { duration: 5 }));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(6000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** A clock that goes on as the test says, and, where media is recorded, by itself too. */
function steppedClock(
  atMs: number,
  byItself = () => 0,
): { wallMs: () => number; monotonicMs: () => number; stepMs: number } {
  const clock = {
    stepMs: 0,
    wallMs: () => atMs + clock.stepMs,
    monotonicMs: () => 1_000_000 + byItself() + clock.stepMs,
  };
  return clock;
}

const wish = (more: Partial<RecordOptions>): RecordOptions => ({
  ...{ localStreamName: "cam", pathToFile: "cam", type: "ts" },
  ...more,
});

/** Config ids, and the wall times at which they end, as they are stored. */
const endsOf = (recorder: Recorder) => (recorder.store.get("ends")?.value ?? []) as [number, number][];

describe("a duration", () => {
  it("is stored with its config: no file has the one without the other", async () => {
    const recorder = await openRecorder();
    const missing: unknown[] = [];
    recorder.store.watch("record", ({ value }) => {
      const ends = endsOf(recorder);
      for (const { configId } of value as { configId: number }[])
        if (!ends.some(([id]) => id === configId)) missing.push(configId);
    });
    const { config } = await recorder.record(wish({ duration: 60 }));
    expect([configured(recorder), missing]).toEqual([["cam"], []]);
    recorder.removeConfig(config.configId);
    await until("its end goes with it", () => endsOf(recorder).length === 0);
  });

  it("that is over leaves the store behind its config: a crash between the two records nothing anew", async () => {
    const recorder = await openRecorder();
    const { config } = await recorder.record(wish({ duration: 3600 }));
    await until("it has an end", () => endsOf(recorder).length === 1);
    const written: string[] = [];
    for (const section of ["record", "ends"]) recorder.store.watch(section, () => void written.push(section));
    recorder.removeConfig(config.configId);
    await until("both are written", () => written.length === 2);
    expect(written).toEqual(["record", "ends"]);
  });

  it("begins anew where its end could not be saved, and ends then", async () => {
    const clock = steppedClock(OPENS_MS);
    let recorder = await openRecorder({ clock });
    await recorder.record(wish({ duration: 60 }));
    await recorder.record(wish({ duration: 600, localStreamName: "other" }));
    const path = join(recorder.stateFolder, "configs.json");
    recorder = await reopen(recorder, { clock });
    clock.stepMs += 50_000;
    await recorder.close();
    const { ends, ...stored } = JSON.parse(readFileSync(path, "utf8"));
    expect(ends).toEqual([
      [1, expect.any(Number)],
      [2, expect.any(Number)],
    ]);
    writeFileSync(path, JSON.stringify({ ...stored, ends: [ends[1], [99, ends[1][1]]] }));
    recorder = await reopen(recorder, { clock });
    clock.stepMs += 50_000;
    expect(configured(recorder)).toEqual(["cam", "other"]);
    expect(endsOf(recorder)).toEqual([ends[1], [1, OPENS_MS + 110_000]]);
    clock.stepMs += 11_000;
    await until("it has ended", () => configured(recorder).join() === "other");
    // The other goes on as it was: 111 s have passed.
    clock.stepMs += 480_000;
    await until("a look has come", () => endsOf(recorder).length === 1);
    expect(configured(recorder)).toEqual(["other"]);
    clock.stepMs += 10_000;
    await until("it has ended too", () => configured(recorder).length === 0);
  });
});

describe("a schedule that closes while a failure lasts", () => {
  it("tells what was missed until then, and nothing of the night", async () => {
    const clock = steppedClock(OPENS_MS, () => performance.now());
    const recorder = await openRecorder({ clock });
    const gaps: Gap[] = [];
    recorder.on("gap", (gap) => gaps.push(gap));
    await recorder.record(wish({ schedule: OFFICE }));
    const source = await publish(recorder, "cam", 2000);
    const isRecorded = (): boolean =>
      recorder.outStreams().some(({ currentPath, lagMs }) => currentPath && lagMs < 450);
    await until("it records", isRecorded);
    const refusal = new ReelError("diskFull", "the test says so");
    recorder.admission = () => refusal;
    recorder.enforceAdmission();
    await until("it has failed", () => recorder.outStreams().length === 0);
    await source.writeUpTo(3000);
    clock.stepMs += MINUTE_MS;
    const isTold = (): boolean => gaps.length === 1;
    await until("the gap is told", isTold);
    expect(gaps[0]?.frames).toBeGreaterThan(40);
    expect(gaps[0]?.durationMs).toBeLessThanOrEqual(3000);
    await source.writeUpTo(9000);
    recorder.admission = () => undefined;
    clock.stepMs += 59 * MINUTE_MS;
    await until("it records again", () => recorder.outStreams().length === 1);
    await source.writeUpTo(12_000);
    await until("it is in the file", isRecorded);
    source.stream.end("test");
    await until("it has ended", () => recorder.outStreams().length === 0);
    expect(gaps.length).toBe(1);
  });

  it("tells it at once where the failure comes behind the end", async () => {
    const clock = steppedClock(OPENS_MS, () => performance.now());
    const recorder = await openRecorder({ clock });
    const gaps: Gap[] = [];
    recorder.on("gap", (gap) => gaps.push(gap));
    await recorder.record(wish({ schedule: OFFICE }));
    const source = await publish(recorder, "cam", 2000);
    await until("it has a file", () => recorder.outStreams().some(({ currentPath }) => currentPath));
    recorder.admission = () => new ReelError("diskFull", "the test says so");
    await source.writeUpTo(3000);
    // At once: nobody has looked at the clock yet.
    clock.stepMs += MINUTE_MS;
    recorder.enforceAdmission();
    await until("it has failed", () => recorder.outStreams().length === 0);
    await source.writeUpTo(9000);
    source.stream.end("test");
    for (const { durationMs } of gaps) expect(durationMs).toBeLessThanOrEqual(3000);
    expect(gaps.length).toBe(1);
  });
});
