// What a start tells of the crash before it: per file what it lacks of what had been received, per config one gap.

import { readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import type { LedgerEntry } from "../../../../src/catalog/ledger-entry.js";
import type { SegmentReport } from "../../../../src/catalog/segment-report.js";
import { crashGap, lostOf, RestartGaps } from "../../../../src/recording/finishing/restart-gaps.js";
import type { ReceivedNote } from "../../../../src/recording/received-note.js";
import { ReceivedNotes, readReceivedNotes } from "../../../../src/recording/received-notes.js";
import type { Gap } from "../../../../src/stream/gap.js";
import { scratch } from "../../../support/scratch.js";
import { until } from "../../../support/until.js";

const { path } = scratch();

const NOTE: ReceivedNote = {
  ...{ configId: 3, sequence: 7, frames: 120, bytes: 60_000, durationMs: 2400, zeroMs: 5000 },
  ...{ waitingFrames: 10, waitingBytes: 5000, waitingMs: 400 },
  ...{ lostFrames: 0, lostBytes: 0, lostMs: 0, wallMs: 10_000 },
};
/** Of a segment, or config, of which nothing was noted. */
const UNNOTED: ReceivedNote = {
  ...{ configId: 3, sequence: 7, frames: 0, bytes: 0, durationMs: 0, zeroMs: 0 },
  ...{ waitingFrames: 0, waitingBytes: 0, waitingMs: 0 },
  ...{ lostFrames: 0, lostBytes: 0, lostMs: 0, wallMs: 0 },
};
const FOUND = { videoFrames: 40, audioFrames: 70, durationMs: 2000, lost: null };

function report(sequence: number, configId = 3): SegmentReport {
  const origin = { localStreamName: "cam", configId, outStreamId: 9, variables: {} };
  return { ...origin, path: `/m/${sequence}.ts`, container: "ts", tracks: [], startedMs: 1000, sequence };
}

function unclosed(...sequences: number[]): Map<number, LedgerEntry> {
  return new Map(sequences.map((sequence) => [sequence, { type: "opened", report: report(sequence) }]));
}

describe("what a crash took of a file", () => {
  it("is what had been received and is not in it, with its share of the bytes", () => {
    expect(crashGap(FOUND, NOTE)).toEqual({
      ...{ cause: "crash", track: null, dtsMs: 7000, durationMs: 400, frames: 10, bytes: 5000 },
    });
  });

  it("of a single frame ends where that ended", () => {
    expect(crashGap({ ...FOUND, audioFrames: 79 }, NOTE)).toMatchObject({ frames: 1, bytes: 500, durationMs: 400 });
  });

  it("is at least what the repair has cut off, and nothing of a whole file", () => {
    const lost = { frames: 1, bytes: 188, durationMs: 0 };
    expect(crashGap({ ...FOUND, lost }, undefined)).toMatchObject({ ...lost, dtsMs: 2000 });
    expect(crashGap({ ...FOUND, audioFrames: 90, lost: null }, NOTE)).toBeUndefined();
    expect(crashGap(FOUND, undefined)).toBeUndefined();
  });

  it("is lost with what was told of it before, once", () => {
    const crash = crashGap(FOUND, NOTE);
    const lag: Gap = { cause: "lag", track: null, dtsMs: 0, durationMs: 50, frames: 2, bytes: 100 };
    const noted = { ...NOTE, lostFrames: 2, lostBytes: 100, lostMs: 50 };
    expect(lostOf([lag], crash, noted)).toEqual({ frames: 12, bytes: 5100, durationMs: 450 });
    expect(lostOf([lag], undefined, undefined)).toEqual({ frames: 2, bytes: 100, durationMs: 50 });
    expect(lostOf([{ ...lag, frames: 0, bytes: 0 }], undefined, undefined)).toBeNull();
  });
});

describe("the gap of a restart", () => {
  let told: [Gap, SegmentReport][] = [];
  const tell = (gap: Gap, of: SegmentReport): number => told.push([gap, of]);
  beforeEach(() => {
    told = [];
  });
  const taken = { frames: 10, bytes: 5000, durationMs: 400 };

  it.each([true, false])("waits for the recovery and for the first frame (the recovery first: %s)", (isFirst) => {
    const restarts = new RestartGaps([NOTE], unclosed(7), tell);
    const recover = (): void => restarts.recovered(7, 3, { lastMs: 9900, crash: taken });
    if (isFirst) recover();
    restarts.opened(report(20), 40, 15_000);
    if (!isFirst) {
      expect(told).toEqual([]);
      recover();
    }
    restarts.opened(report(21), 40, 16_000);
    expect(told).toEqual([
      [{ cause: "restart", track: null, dtsMs: 40, durationMs: 5100, frames: 10, bytes: 5000 }, report(20)],
    ]);
    expect(restarts.unsettled).toEqual([]);
  });

  it("waits for every segment of the config, and tells of each config alone", () => {
    const restarts = new RestartGaps([NOTE], unclosed(6, 7), tell);
    restarts.opened(report(20), 0, 15_000);
    restarts.opened(report(21, 4), 0, 15_000);
    restarts.recovered(7, 3, { lastMs: 9900, crash: taken });
    expect(told).toEqual([]);
    restarts.recovered(6, 3, { lastMs: 8000, crash: undefined });
    expect(told.map(([gap]) => [gap.durationMs, gap.frames])).toEqual([[5100, 10]]);
  });

  it("is told where the crash came between two segments, with what waited for the next", () => {
    const restarts = new RestartGaps([{ ...NOTE, sequence: 0, frames: 30, bytes: 900 }], unclosed(), tell);
    restarts.opened(report(20), 0, 12_000);
    expect(told.map(([gap]) => [gap.durationMs, gap.frames, gap.bytes])).toEqual([[2000, 30, 900]]);
  });

  it("is not negative where the clock was set back, and not told of what no crash has cut off", () => {
    const restarts = new RestartGaps([{ ...NOTE, sequence: 0 }], unclosed(), tell);
    restarts.opened(report(20), 0, 2000);
    restarts.opened(report(21, 8), 0, 2000);
    expect(told.map(([gap]) => gap.durationMs)).toEqual([0]);
  });
});

describe("the gap of a restart, over later starts", () => {
  let told: Gap[] = [];
  /** A start with what the last one has left. */
  const start = (notes: readonly ReceivedNote[], ...sequences: number[]): RestartGaps => {
    told = [];
    return new RestartGaps(notes, unclosed(...sequences), (gap) => told.push(gap));
  };

  it("is told once, up to the note's time, where a segment cannot be recovered and is left", () => {
    const first = start([NOTE], 7);
    first.recovered(7, 3, undefined);
    first.opened(report(20), 0, 15_000);
    expect(told.map(({ durationMs, frames }) => [durationMs, frames])).toEqual([[5000, 0]]);
    expect(first.unsettled).toEqual([{ ...NOTE, wallMs: 0 }]); // what it should hold is still wanted
    for (const end of [undefined, { lastMs: 9900, crash: undefined }]) {
      const later = start(first.unsettled, 7);
      later.opened(report(30), 0, 9_000_000);
      expect(later.note(7)).toEqual({ ...NOTE, wallMs: 0 });
      later.recovered(7, 3, end);
      expect(told).toEqual([]);
      expect(later.unsettled).toEqual(end ? [] : first.unsettled);
    }
  });

  it("is not told of a segment that is left and was not noted, at no start", () => {
    let notes: readonly ReceivedNote[] = [];
    for (const _start of [1, 2]) {
      const restarts = start(notes, 7);
      restarts.recovered(7, 3, undefined);
      restarts.opened(report(20), 0, 9_000_000);
      expect(told).toEqual([]);
      expect(restarts.note(7)).toBeUndefined();
      notes = restarts.unsettled;
      expect(notes).toEqual([UNNOTED]);
    }
  });

  it("is told of a later crash while a segment is left that was told of, and none of what has no config", () => {
    const restarts = start(
      [
        { ...NOTE, wallMs: 0 },
        { ...NOTE, sequence: 0, frames: 30, bytes: 900 },
      ],
      7,
    );
    restarts.opened(report(20), 0, 12_000);
    expect(told.map(({ durationMs, frames }) => [durationMs, frames])).toEqual([[2000, 30]]);
    const unknown = new RestartGaps([], new Map([[7, { type: "opened", report: report(7, 0) }]]), (gap) =>
      told.push(gap),
    );
    unknown.recovered(7, 0, { lastMs: 9900, crash: { frames: 10, bytes: 5000, durationMs: 400 } });
    expect(unknown.unsettled).toEqual([]);
  });

  it("begins at the first crash where the next one, or an end, came before the source was back", () => {
    const first = start([NOTE], 7);
    first.recovered(7, 3, { lastMs: 9900, crash: { frames: 10, bytes: 5000, durationMs: 400 } });
    expect(first.unsettled).toEqual([{ ...UNNOTED, sequence: -1, frames: 10, bytes: 5000, wallMs: 9900 }]);
    const waiting = { ...NOTE, sequence: 0, frames: 3, bytes: 30, wallMs: 40_000 }; // it came, and had no segment yet
    const second = start([...first.unsettled, waiting]);
    const third = start(second.unsettled);
    third.opened(report(20), 0, 50_000);
    expect(told.map(({ durationMs, frames, bytes }) => [durationMs, frames, bytes])).toEqual([[40_100, 13, 5030]]);
    expect(third.unsettled).toEqual([]);
  });

  it("and what a file lacks are without what waited for a segment that was opened after the note", () => {
    const cut = start([NOTE], 7, 8);
    expect(crashGap(FOUND, cut.note(7))).toBeUndefined(); // all 110 that it held are there
    expect(crashGap({ ...FOUND, videoFrames: 39 }, cut.note(7))).toMatchObject({ frames: 1, durationMs: 0 });
    const other = { ...NOTE, sequence: 8 };
    expect(start([NOTE, other], 7, 8).note(7)).toEqual(NOTE); // both were open
    const between = start([{ ...NOTE, sequence: 0, frames: 10, bytes: 5000, wallMs: 900 }], 8); // opened at 1000
    between.recovered(8, 3, { lastMs: 9900, crash: undefined });
    between.opened(report(20), 0, 15_000);
    expect(told.map(({ frames, bytes }) => [frames, bytes])).toEqual([[0, 0]]);
  });
});

describe("the notes of what was received", () => {
  let notes: ReceivedNotes | undefined;
  afterEach(async () => {
    await notes?.close();
    notes = undefined;
  });
  const file = (): string => path("received");
  const keeping = (notesOf: () => readonly ReceivedNote[]): ReceivedNotes =>
    new ReceivedNotes(
      path("."),
      (records) => {
        for (const note of notesOf()) records.add(note);
      },
      silentLogger,
    );

  it("outlive the process, and are gone after an orderly end", async () => {
    let current = [
      { ...NOTE, lostFrames: 1, lostBytes: 2, lostMs: 3 },
      { ...NOTE, configId: 4, sequence: 0 },
    ];
    notes = keeping(() => current);
    const written = current;
    await until("they are written", async () => (await readReceivedNotes(path("."))).length === 2);
    expect(await readReceivedNotes(path("."))).toEqual(written);
    current = [];
    await until("none are left", async () => (await readReceivedNotes(path("."))).length === 0);
    await notes.close();
    notes = undefined;
    expect(() => readFileSync(file())).toThrow("ENOENT");
  });

  it("are kept over an orderly end where a recovery still wants them", async () => {
    const kept = keeping(() => [NOTE]);
    await kept.close();
    expect(await readReceivedNotes(path("."))).toEqual([NOTE]);
  });

  it("are kept of more recordings than there was room for, and of fewer than before", async () => {
    const many = Array.from({ length: 150 }, (_, i) => ({ ...NOTE, configId: i + 1, frames: i }));
    await keeping(() => many).close();
    expect(await readReceivedNotes(path("."))).toEqual(many);
    let current = many;
    notes = keeping(() => current);
    await until("they are written again", async () => (await readReceivedNotes(path("."))).length === 150);
    current = many.slice(0, 3);
    await until("those that are left are", async () => (await readReceivedNotes(path("."))).length === 3);
    expect(await readReceivedNotes(path("."))).toEqual(current);
  });

  it("do not keep an orderly end from ending where they cannot be kept", async () => {
    rmSync(file(), { force: true });
    symlinkSync("/dev/full", file());
    const kept = keeping(() => [NOTE]);
    await kept.close();
    unlinkSync(file());
  });

  it("lose one that is damaged, and no other; of two of one segment the newer counts", async () => {
    const older = { ...NOTE, wallMs: 9000, frames: 1 };
    const other = { ...NOTE, configId: 5 };
    const kept = keeping(() => [other, NOTE, older]);
    await kept.close();
    const bytes = readFileSync(file());
    bytes[10] = 0xff;
    writeFileSync(file(), bytes);
    expect(await readReceivedNotes(path("."))).toEqual([NOTE]);
  });
});
