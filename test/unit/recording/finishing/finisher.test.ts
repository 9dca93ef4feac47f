// The finisher with a finish pool that answers as a test says: names, tries and pauses, events and the ledger. The
// files themselves are finished in test/unit/container.

import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SEG_OUTPUT_FD_OFFSET, SEG_TRACK_FRAMES_OFFSET, SEG_TRACKS_OFFSET } from "../../../../src/abi/segment.js";
import { Arena } from "../../../../src/arena/arena.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { type ErrorCode, ReelError } from "../../../../src/base/reel-error.js";
import { Ledger } from "../../../../src/catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { outputAt } from "../../../../src/container/segment-state.js";
import type { ContainerName } from "../../../../src/container/table.js";
import { chunkClosed } from "../../../../src/control/events/segment-payloads.js";
import { Finisher, type FinisherDeps } from "../../../../src/recording/finishing/finisher.js";
import { Segment } from "../../../../src/recording/lifecycle/segment.js";
import { Naming } from "../../../../src/recording/naming/naming.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { Durability } from "../../../../src/recording/record-config.js";
import type { Gap } from "../../../../src/stream/gap.js";
import type { FinishRequest, FinishResult } from "../../../../src/worker/finish-task.js";
import { collect } from "../../../support/collect.js";
import { scratch } from "../../../support/scratch.js";
import { until } from "../../../support/until.js";

const { path } = scratch();
const media = path("media");
const DONE: FinishResult = { finish: "reserved", sizeBytes: 700, tableBytes: 44, isEmpty: false, failure: undefined };
const CAM = { localStreamName: "cam", configId: 3, outStreamId: 5, variables: { site: "north" } };

let states = 0;
let rig: Awaited<ReturnType<typeof open>>;
beforeEach(async () => {
  mkdirSync(media);
  rig = await open();
});
afterEach(async () => {
  vi.useRealTimers();
  await rig.ledger.close();
  rmSync(media, { recursive: true });
});

const failed = (code: ErrorCode): FinishResult => ({
  ...{ finish: "none", sizeBytes: 0, tableBytes: 0, isEmpty: false },
  failure: { code, message: `${code} it is`, path: "", errno: undefined },
});

async function open() {
  const arena = new Arena();
  const reservations = new Reservations();
  const naming = await Naming.open([media], reservations);
  const ledger = await Ledger.open(path(`state${states++}`), silentLogger);
  const requests: FinishRequest[] = [];
  const now = { wallMs: 9000, monotonicMs: 5000 };
  const buffers = { out: 0, held: 0, most: 0 };
  /** What the pool answers, one after the other; the last one for ever. */
  const answers: (FinishResult | Error | Promise<FinishResult>)[] = [DONE];
  const moves: { from: string; answer: boolean | Error }[] = [];
  const crashed = { busy: "", left: "", canMove: true as boolean | Error };
  const closed: ClosedSegmentReport[] = [];
  const failures: FailedSegmentReport[] = [];
  const lost: Gap[] = [];
  const pools = {
    takeOutput: () => {
      buffers.most = Math.max(buffers.most, ++buffers.held);
      return ++buffers.out;
    },
    releaseOutput: () => void buffers.held--,
    finish: async (request: FinishRequest) => {
      requests.push({ ...request });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer as FinishResult;
    },
  };
  const recovery = {
    isBusy: (at: string) => at === crashed.busy,
    has: (at: string) => at === crashed.left,
    moveAway: async (from: string) => {
      moves.push({ from, answer: crashed.canMove });
      if (crashed.canMove instanceof Error) throw crashed.canMove;
      return crashed.canMove;
    },
  };
  const deps = {
    ...{ arena, pools, ledger, naming, reservations, recovery, logger: silentLogger },
    ...{
      clock: { wallMs: () => now.wallMs, monotonicMs: () => now.monotonicMs },
      lockPath: "/lock",
      durability: "close",
    },
    onClosed: (report: ClosedSegmentReport) => closed.push(report),
    onFailed: (report: FailedSegmentReport) => failures.push(report),
    onLost: (gap: Gap) => lost.push(gap),
  };
  const finisher = new Finisher(deps as unknown as FinisherDeps);
  return {
    arena,
    reservations,
    naming,
    ledger,
    requests,
    buffers,
    now,
    answers,
    crashed,
    moves,
    closed,
    failures,
    lost,
    finisher,
  };
}

function segment(
  container: ContainerName = "mp4",
  { volume = statSync(media).dev, mayReplace = false, name = "cam", outStreamId = CAM.outStreamId } = {},
): Segment {
  const reservation = rig.reservations.take(`${media}/${name}.${container}`);
  const made = new Segment(rig.arena, reservation, volume, mayReplace, { wallMs: 4000, monotonicMs: 0 }, container, {
    ...CAM,
    outStreamId,
  });
  made.sequence = rig.ledger.nextSequence();
  return made;
}

const finish = (of: Segment, durability?: Durability): ReturnType<Finisher["finish"]> =>
  rig.finisher.finish(of, of.container, durability);

/** As many frames in its first track. */
function withFrames(of: Segment, frames: number): void {
  rig.arena.view.setUint32(of.pointer + SEG_TRACKS_OFFSET + SEG_TRACK_FRAMES_OFFSET, frames, true);
}

/** With timers that the test moves: until a pause has begun. */
async function untilPaused(): Promise<void> {
  while (vi.getTimerCount() === 0) await new Promise(setImmediate);
}

/** With timers that the test moves: whatever it pauses for. */
async function afterPauses(done: Promise<unknown>): Promise<void> {
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await vi.advanceTimersByTimeAsync(60_000);
    await new Promise(setImmediate);
  }
}

/** What the ledger says of a segment that was opened. */
async function entries(): Promise<string[]> {
  const all = await collect(rig.ledger.entriesAfter(0));
  return all.map((entry) => ("code" in entry.report ? `${entry.type} ${entry.report.code}` : entry.type));
}

/** An answer that is given later. */
function later(): { answer: Promise<FinishResult>; give(): void } {
  let give = (): void => {};
  const answer = new Promise<FinishResult>((resolve) => {
    give = () => resolve(DONE);
  });
  return { answer, give };
}

const closedNames = (): string[] => rig.closed.map(({ path: at }) => at.slice(media.length + 1, -".mp4".length));

describe("segments that are finished at once", () => {
  const part = (name: string, place: { volume?: number; outStreamId?: number } = {}): Segment =>
    segment("mp4", { name, ...place });

  it("of one recording are told in their order, others when they are final", async () => {
    const slow = later();
    rig.answers.splice(0, 1, slow.answer, DONE);
    const done = [finish(part("part0")), finish(part("part1")), finish(part("part2"))];
    await finish(part("other", { outStreamId: 6 }));
    await finish(part("elsewhere", { volume: -1 }));
    expect(rig.requests).toHaveLength(5);
    expect(closedNames()).toEqual(["other", "elsewhere"]);
    slow.give();
    await Promise.all(done);
    expect(closedNames().slice(2)).toEqual(["part0", "part1", "part2"]);
    const sequences = rig.closed.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(await collect((await rig.ledger.closedSince(0)).entries)).toEqual(rig.closed);
  });

  it("wait for none that is tried again later, but for those in front of it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const slow = later();
    rig.answers.splice(0, 1, slow.answer, failed("diskFull"), DONE);
    const first = finish(part("part0"));
    const again = finish(part("part1"));
    const last = finish(part("part2"));
    await untilPaused();
    while (rig.requests.length < 3) await new Promise(setImmediate);
    expect(closedNames()).toEqual([]);
    slow.give();
    await Promise.all([first, last]);
    expect(closedNames()).toEqual(["part0", "part2"]);
    await afterPauses(again);
    expect(closedNames()).toEqual(["part0", "part2", "part1"]);
  });
});

describe("a finish that succeeds", () => {
  it("is in the ledger, then told, with all that is known of the segment", async () => {
    const own = segment();
    own.addGap({ cause: "lag", track: null, dtsMs: 1, durationMs: 40, frames: 1, bytes: 10 });
    const { sequence, pointer } = own;
    expect(await finish(own)).toEqual({ tableBytes: 44, durationMs: 0 });
    const report = { ...CAM, container: "mp4", path: `${media}/cam.mp4`, startedMs: 4000, stoppedMs: 9000, tracks: [] };
    expect(rig.closed).toEqual([
      {
        ...report,
        ...{ sequence: sequence + 1, videoFrames: 0, audioFrames: 0, durationMs: 0, sizeBytes: 700 },
        ...{ finish: "reserved", recovered: false, gaps: own.gaps, lost: own.lost, syncError: null },
      },
    ]);
    expect(await collect((await rig.ledger.closedSince(0)).entries)).toEqual(rig.closed);
    expect(rig.requests).toEqual([
      {
        ...{ container: "mp4", segment: pointer, path: own.path, targetPath: own.path, overwrite: false, sync: true },
        ...{ isLost: false, out: 1, outBytes: 1 << 20, lockPath: "/lock" },
      },
    ]);
    expect(rig.buffers).toMatchObject({ held: 0, most: 1 });
    expect(rig.arena.stats().blocks).toBe(0);
    expect(rig.failures).toEqual([]);
  });

  it.each([
    ["set back a day", -86_400_000, -86_400_000],
    ["set forward", 3000, 3000],
    ["slewed", 400, undefined],
  ])("keeps the wall times as they were and notes that the clock was %s", async (_how, stepMs, told) => {
    rig.now.wallMs += stepMs;
    const own = segment();
    await finish(own);
    const [report] = rig.closed;
    expect(report).toMatchObject({ startedMs: 4000, stoppedMs: 9000 + stepMs });
    expect(report?.clockStepMs).toBe(told);
    const payload = chunkClosed(report as ClosedSegmentReport);
    expect(payload).toMatchObject({ durationMs: 0, ...(told !== undefined && { clockStepMs: told }) });
    expect("clockStepMs" in payload).toBe(told !== undefined);
  });

  it("syncs unless durability is none, and replaces where the segment may", async () => {
    await finish(segment("mp4", { mayReplace: true }), "none");
    await finish(segment(), "interval");
    expect(rig.requests.map(({ sync, overwrite }) => [sync, overwrite])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it("of an empty segment ends its entry, and is no file that was closed", async () => {
    rig.answers.splice(0, 1, { ...DONE, isEmpty: true });
    await finish(segment());
    expect(rig.closed).toEqual([]);
    expect(rig.failures).toEqual([]);
    expect(await entries()).toEqual(["failed notFound"]);
  });

  it("is counted until it is done, and two of one volume run at a time", async () => {
    let done = (_result: FinishResult): void => {};
    rig.answers.splice(0, 1, new Promise<FinishResult>((resolve) => (done = resolve)));
    const own = [1, 1, 1, 2].map((volume) => segment("mp4", { volume }));
    for (const one of own) void finish(one);
    await until("three have begun", () => rig.requests.length === 3);
    expect(rig.requests.map((request) => own.findIndex(({ pointer }) => pointer === request.segment))).toEqual([
      0, 1, 3,
    ]);
    expect(rig.finisher.collect()[0]?.value).toBe(4);
    done(DONE);
    await rig.finisher.whenIdle();
    expect(rig.finisher.collect()[0]?.value).toBe(0);
    expect(rig.closed).toHaveLength(4);
    expect(rig.arena.stats().blocks).toBe(0);
  });
});

it("a single finish is waited for, and none is not", async () => {
  await rig.finisher.whenIdle();
  let done = (_result: FinishResult): void => {};
  rig.answers.splice(0, 1, new Promise<FinishResult>((resolve) => (done = resolve)));
  void finish(segment());
  await until("it has begun", () => rig.requests.length === 1);
  let isIdle = false;
  const idle = rig.finisher.whenIdle().then(() => (isIdle = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIdle).toBe(false);
  done(DONE);
  await idle;
  expect(rig.closed).toHaveLength(1);
});

describe("a finish that fails", () => {
  it("because another file has its name takes the next number, tells that, and gives the number back", async () => {
    writeFileSync(`${media}/cam.mp4`, "");
    rig.answers.splice(0, 1, failed("targetBusy"), failed("targetBusy"), DONE);
    const own = segment();
    await finish(own);
    expect(rig.requests.map(({ targetPath }) => targetPath)).toEqual(
      ["cam.mp4", "cam_0001.mp4", "cam_0001_0001.mp4"].map((name) => `${media}/${name}`),
    );
    expect(rig.requests.map(({ segment, path }) => [segment, path])).toEqual([
      [own.pointer, own.path],
      [0, own.path],
      [0, own.path],
    ]);
    expect(rig.closed.map((report) => report.path)).toEqual([`${media}/cam_0001_0001.mp4`]);
    expect(rig.failures).toEqual([]);
    expect(rig.reservations.paths).toEqual([own.path]); // that is its recording's
  });

  it("for want of room is told once, and tried again after 1 and 2 s", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, failed("diskFull"), failed("diskFull"), DONE);
    const done = finish(segment());
    await untilPaused();
    await vi.advanceTimersByTimeAsync(999);
    expect(rig.requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(rig.requests).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1999);
    expect(rig.requests).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(rig.requests).toHaveLength(3);
    expect(await done).toMatchObject({ tableBytes: 44 });
    expect(rig.failures).toMatchObject([
      { code: "diskFull", error: "The index could not be written: diskFull it is", path: `${media}/cam.mp4` },
    ]);
    expect(rig.closed).toHaveLength(1);
  });

  it("is given up by close, without an entry, for the next start", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, failed("diskFull"));
    const done = finish(segment());
    await untilPaused();
    rig.finisher.close();
    expect(await done).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    expect(rig.requests).toHaveLength(2); // the last try
    expect(await entries()).toEqual([]);
    expect(rig.closed).toEqual([]);
  });

  it.each([
    ["corrupt", []],
    ["notFound", ["failed notFound"]],
  ] as const)("with %s is told and not tried again", async (code, expected) => {
    rig.answers.splice(0, 1, failed(code));
    expect(await finish(segment())).toBeUndefined();
    expect(rig.requests).toHaveLength(1);
    expect(rig.failures.map((report) => report.code)).toEqual([code]);
    expect(await entries()).toEqual(expected);
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("because its volume is unmounted is tried again, until it is clear that it stays away", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const own = segment("mp4", { volume: 999_999 });
    withFrames(own, 3);
    rig.answers.splice(0, 1, failed("notWritable"), failed("notFound"), DONE);
    await afterPauses(finish(own));
    expect(rig.requests).toHaveLength(3);
    expect(rig.closed).toHaveLength(1);
    expect(rig.lost).toEqual([]);
    const other = segment("mp4", { volume: 999_999, name: "other" });
    withFrames(other, 3);
    rig.answers.splice(0, 1, failed("notFound"));
    rig.requests.length = 0;
    await afterPauses(finish(other));
    expect(rig.requests).toHaveLength(9);
    expect(rig.lost).toMatchObject([{ cause: "lostFile", frames: 3 }]);
    expect(await entries()).toEqual(["closed", "failed notFound"]);
  });

  it("because somebody took the journal away says what was in it", async () => {
    const own = segment();
    withFrames(own, 5);
    rig.answers.splice(0, 1, failed("notFound"));
    await finish(own);
    expect(rig.lost).toMatchObject([{ cause: "lostFile", frames: 5 }]);
  });

  it("for good after it failed for want of room is told again, in its own words", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, failed("diskFull"), failed("corrupt"));
    const done = finish(segment());
    await untilPaused();
    await vi.advanceTimersByTimeAsync(1000);
    await done;
    expect(rig.failures.map((report) => report.code)).toEqual(["diskFull", "corrupt"]);
  });

  it("to sync is told in its own words, and finished without a sync", async () => {
    rig.answers.splice(0, 1, failed("notDurable"), DONE);
    const own = segment();
    await finish(own);
    expect(rig.requests.map(({ sync }) => sync)).toEqual([true, false]);
    expect(own.syncFailure).toMatchObject({ code: "notDurable" });
    expect(rig.failures.map((report) => report.error)).toEqual(["notDurable it is"]);
    expect(rig.closed).toMatchObject([{ syncError: "notDurable it is" }]);
    // A crash between the two leaves the mark for the recovery.
    expect(await entries()).toEqual(["unsynced notDurable", "closed"]);
    expect(await collect((await rig.ledger.closedSince(0)).entries)).toEqual(rig.closed);
  });

  it("leaves a mark of a failed sync only where it was one", async () => {
    rig.answers.splice(0, 1, failed("corrupt"));
    const own = segment();
    await finish(own);
    expect(own.syncFailure).toBeUndefined();
  });

  it.each(["ts", "flv"] as const)("in a %s closes the file as it stands", async (container) => {
    rig.answers.splice(0, 1, failed("io"));
    const own = segment(container);
    writeFileSync(own.path, "twelve bytes");
    expect(await finish(own)).toBeUndefined();
    expect(rig.requests).toHaveLength(1);
    expect(rig.failures).toHaveLength(1);
    expect(rig.closed).toMatchObject([{ path: own.path, sizeBytes: 12, finish: "none" }]);
    expect(await entries()).toEqual(["closed"]);
  });

  it("in a file that is gone closes it with no bytes", async () => {
    rig.answers.splice(0, 1, failed("io"));
    await finish(segment("ts"));
    expect(rig.closed).toMatchObject([{ sizeBytes: 0 }]);
  });

  it("without a buffer has been seen by no thread: its descriptors are still open", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, failed("arenaFull"), failed("diskFull"), DONE);
    const own = segment();
    const done = finish(own);
    await untilPaused();
    await vi.advanceTimersByTimeAsync(1000);
    await vi.advanceTimersByTimeAsync(2000);
    await done;
    expect(rig.requests.map((request) => request.segment)).toEqual([own.pointer, own.pointer, 0]);
    expect(rig.failures.map((report) => report.code)).toEqual(["arenaFull"]);
  });

  it("keeps its descriptors where there is no journal", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, failed("arenaFull"), DONE);
    const own = segment("ts");
    const done = finish(own);
    await untilPaused();
    await vi.advanceTimersByTimeAsync(1000);
    await done;
    expect(rig.requests.map((request) => request.segment)).toEqual([own.pointer, own.pointer]);
  });

  it.each([
    [new Error("the thread died"), "io"],
    [new ReelError("corrupt", "no"), "corrupt"],
  ])("by %s of the pool is a failure with its code, and frees the buffer", async (error, code) => {
    rig.answers.splice(0, 1, error);
    const done = finish(segment());
    await until("it is told", () => rig.failures.length > 0);
    expect(rig.failures[0]).toMatchObject({ code, error: `The index could not be written: ${error.message}` });
    // Nothing was left open that another thread could go on with at once.
    expect(rig.requests).toHaveLength(1);
    expect(rig.buffers.held).toBe(0);
    rig.finisher.close();
    await done;
  });

  it.each(["mp4", "ts"] as const)("at which a thread dies goes on with what it left open (%s)", async (container) => {
    rig.answers.splice(0, 1, new Error("the thread died"), DONE);
    const own = segment(container);
    rig.arena.view.setInt32(outputAt(own.pointer, 0) + SEG_OUTPUT_FD_OFFSET, 5, true);
    await finish(own);
    expect(rig.requests.map((request) => request.segment)).toEqual([own.pointer, own.pointer]);
    expect(rig.failures.map((report) => report.code)).toEqual(["io"]);
    expect(rig.closed).toMatchObject([{ path: own.path, finish: "reserved" }]);
  });

  it("at which one thread after the other dies ends", async () => {
    rig.answers.splice(0, 1, new Error("the thread died"));
    const own = segment("ts");
    rig.arena.view.setInt32(outputAt(own.pointer, 0) + SEG_OUTPUT_FD_OFFSET, 5, true);
    writeFileSync(own.path, "twelve bytes");
    await finish(own);
    expect(rig.requests).toHaveLength(3);
    expect(rig.failures).toHaveLength(1);
    expect(rig.closed).toMatchObject([{ path: own.path, sizeBytes: 12 }]);
  });

  it("and finds no other name is told, and ends", async () => {
    rig.answers.splice(0, 1, failed("targetBusy"));
    const own = segment();
    rmSync(media, { recursive: true });
    expect(await finish(own)).toBeUndefined();
    expect(rig.failures).toMatchObject([{ path: own.path, error: expect.stringContaining("ENOENT") }]);
    expect(rig.finisher.collect()[0]?.value).toBe(0);
    mkdirSync(media);
  });
});

describe("a name that a new recording wants", () => {
  const wanted = `${media}/cam.mp4`;
  const makeWay = async (): Promise<string> => (await rig.finisher.makeWay(wanted, "mp4")).path;

  it("is its own where nothing is there", async () => {
    expect(await makeWay()).toBe(wanted);
    expect(rig.reservations.has(wanted)).toBe(true);
    expect(rig.moves).toEqual([]);
  });

  it("is the next number while the recovery is at it", async () => {
    rig.crashed.busy = wanted;
    writeFileSync(wanted, "");
    expect(await makeWay()).toBe(`${media}/cam_0001.mp4`);
    expect(rig.reservations.has(wanted)).toBe(false);
  });

  it("waits for a finish of that name, and for no other", async () => {
    let done = (_result: FinishResult): void => {};
    rig.answers.splice(0, 1, new Promise<FinishResult>((resolve) => (done = resolve)));
    const own = segment();
    writeFileSync(`${wanted}.info`, "");
    void finish(own).then(() => own.name.release());
    const way = makeWay();
    let isGiven = false;
    void way.then(() => (isGiven = true));
    await until("the finish has begun", () => rig.requests.length === 1);
    expect((await rig.finisher.makeWay(`${media}/other.mp4`, "mp4")).path).toBe(`${media}/other.mp4`);
    expect(isGiven).toBe(false);
    done(DONE);
    expect(await way).toBe(wanted);
    expect(rig.moves).toEqual([]); // the journal was that finish's
  });

  it("is the next number where that finish takes more than 2 s", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    rig.answers.splice(0, 1, new Promise<FinishResult>(() => {}));
    void finish(segment());
    const way = makeWay();
    let isGiven = false;
    void way.then(() => (isGiven = true));
    await vi.advanceTimersByTimeAsync(1999);
    expect(isGiven).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    vi.useRealTimers();
    expect(await way).toBe(`${media}/cam_0001.mp4`);
  });

  it.each(["a journal beside it", "an entry of the ledger"])("is freed from what a crash left: %s", async (what) => {
    if (what === "a journal beside it") writeFileSync(`${wanted}.info`, "");
    else rig.crashed.left = wanted;
    expect(await makeWay()).toBe(wanted);
    expect(rig.moves).toEqual([{ from: wanted, answer: true }]);
  });

  it("is the next number where what a crash left cannot be moved", async () => {
    writeFileSync(`${wanted}.info`, "");
    rig.crashed.canMove = false;
    expect(await makeWay()).toBe(`${media}/cam_0001.mp4`);
    expect(rig.reservations.paths).toEqual([`${media}/cam_0001.mp4`]);
  });

  it("is given back where moving fails", async () => {
    writeFileSync(`${wanted}.info`, "");
    rig.crashed.canMove = new ReelError("noFreeName", "all taken");
    await expect(makeWay()).rejects.toMatchObject({ code: "noFreeName" });
    expect(rig.reservations.paths).toEqual([]);
    expect(readdirSync(media)).toEqual(["cam.mp4.info"]);
  });

  it("has no journal beside it in a container that has none", async () => {
    writeFileSync(`${media}/cam.ts.info`, "");
    expect((await rig.finisher.makeWay(`${media}/cam.ts`, "ts")).path).toBe(`${media}/cam.ts`);
    expect(rig.moves).toEqual([]);
  });
});
