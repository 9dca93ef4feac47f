// The recovery with workers that are only pretended: which segment of the ledger an unfinished file is credited to.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_AUDIO } from "../../../../src/abi/frame.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { Ledger } from "../../../../src/catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { finishMp4 } from "../../../../src/container/mp4/finish.js";
import { openMp4Journal } from "../../../../src/container/mp4/journal.js";
import { appendLineTo } from "../../../../src/container/mp4/journal-info.js";
import { UNKNOWN_ORIGIN } from "../../../../src/container/segment-origin.js";
import { Recovery, type RecoveryDeps } from "../../../../src/recording/finishing/recovery.js";
import { RestartGaps } from "../../../../src/recording/finishing/restart-gaps.js";
import { Naming } from "../../../../src/recording/naming/naming.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { ReceivedNote } from "../../../../src/recording/received-notes.js";
import { verifyFile } from "../../../../src/verify/verify-file.js";
import { type MoveRequest, move } from "../../../../src/worker/move-task.js";
import { type RecoverRequest, type RecoverResult, recover } from "../../../../src/worker/recover-task.js";
import { collect } from "../../../support/collect.js";
import { recordJournal } from "../../../support/mp4-journal.js";
import { scratch } from "../../../support/scratch.js";
import { ASC, makeAv } from "../../../support/test-media.js";

const { path } = scratch();
const CAM = { localStreamName: "cam", configId: 3, outStreamId: 5, container: "mp4" as const, tracks: [] };
const media = path("media");
beforeEach(() => mkdirSync(media));
afterEach(() => rmSync(media, { recursive: true }));

const recovered = (at: string): RecoverResult => ({
  ...{
    path: at,
    finish: "reserved",
    sizeBytes: 100,
    modifiedMs: 5000,
    videoFrames: 25,
    audioFrames: 0,
    durationMs: 1000,
  },
  ...{ lost: null, gaps: [], createdMs: 0, origin: undefined, tracks: [], failure: undefined },
});

const failures: FailedSegmentReport[] = [];
const closings: ClosedSegmentReport[] = [];
const moves: MoveRequest[] = [];

async function start(
  recover: (request: RecoverRequest) => Promise<RecoverResult>,
  state = "state",
  notes: readonly ReceivedNote[] = [],
): Promise<{ ledger: Ledger; recovery: Recovery; reservations: Reservations; restarts: RestartGaps }> {
  const ledger = await Ledger.open(path(state), silentLogger);
  const reservations = new Reservations();
  const naming = await Naming.open([media], reservations);
  failures.length = 0;
  closings.length = 0;
  moves.length = 0;
  const deps = {
    ledger,
    reservations,
    naming,
    pools: {
      recover,
      move: async (request: MoveRequest) => {
        moves.push(request);
        return move(request);
      },
    },
    clock: { wallMs: () => 9000, monotonicMs: () => 9000 },
    logger: silentLogger,
    lockPath: "/lock",
    restarts: new RestartGaps(notes, ledger.unclosed, () => undefined),
  };
  const onClosed = (report: ClosedSegmentReport): number => closings.push(report);
  const onFailed = (report: FailedSegmentReport): number => failures.push(report);
  const recovery = new Recovery({ ...deps, onClosed, onFailed } as unknown as RecoveryDeps);
  return { ledger, recovery, reservations, restarts: deps.restarts };
}

function addJournal(at: string, lockPath: string): void {
  const opening = { reserveBytes: 0, tracks: [], zero90k: 0, createdMs: 0, winQtCompat: true, sequence: 0 };
  closeSync(openMp4Journal({ finalPath: at, lockPath, origin: UNKNOWN_ORIGIN, ...opening }).mdatFd);
}

async function addOpened(ledger: Ledger, at: string, name: string, journalAt = at): Promise<number> {
  const sequence = ledger.nextSequence();
  await ledger.append({
    type: "opened",
    report: { ...CAM, path: at, variables: { name }, startedMs: 1000 + sequence, sequence },
  });
  if (!existsSync(`${journalAt}.info`)) addJournal(journalAt, "");
  return sequence;
}

it("knows a segment that it moved, after a second crash, from the one that has its name now", async () => {
  const wanted = `${media}/cam1.mp4`;
  const moved = `${media}/cam1_0001.mp4`;
  const before = await Ledger.open(path("state"), silentLogger);
  const first = await addOpened(before, wanted, "first");
  await before.close(); // the first crash

  const between = await start(() => new Promise(() => undefined)); // the second comes before the recovery is done
  const newest = await addOpened(between.ledger, `${media}/cam2.mp4`, "other");
  expect(await between.recovery.moveAway(wanted, "mp4")).toBe(true);
  expect(existsSync(`${moved}.info`)).toBe(true);
  expect((await between.ledger.closedSince(0)).newest).toBe(newest); // consumers are not sent back
  const second = await addOpened(between.ledger, wanted, "second");
  await between.ledger.close();

  const after = await start((request) => Promise.resolve(recovered(request.path)));
  expect([...after.ledger.unclosed].map(([sequence, { report }]) => [sequence, report.path])).toEqual([
    [first, moved],
    [newest, `${media}/cam2.mp4`],
    [second, wanted],
  ]);
  after.recovery.start([media]);
  await after.recovery.whenDone();
  const { entries } = await after.ledger.closedSince(0);
  const closed = await collect(entries);
  for (const entry of closed) expect(entry).toMatchObject({ localStreamName: "cam", configId: 3, outStreamId: 5 });
  expect(closed.map((entry) => [entry.path, entry.variables.name])).toEqual([
    [moved, "first"],
    [`${media}/cam2.mp4`, "other"],
    [wanted, "second"],
  ]);
  await after.ledger.close();
  const last = await Ledger.open(path("state"), silentLogger);
  expect(last.unclosed.size).toBe(0);
  await last.close();
});

it.each(["from", "to"] as const)(
  "credits a segment whose move was interrupted to its own entry, where that names it %s",
  async (ledgerName) => {
    const names = { from: `${media}/half.mp4`, to: `${media}/half_0001.mp4` };
    const state = `state-${ledgerName}`;
    const before = await Ledger.open(path(state), silentLogger);
    await addOpened(before, names[ledgerName], ledgerName, names.from);
    await before.close();
    appendLineTo(`${names.from}.info`, { type: "move", from: "half.mp4", to: "half_0001.mp4" });
    linkSync(`${names.from}.info`, `${names.to}.info`);
    const after = await start((request) => Promise.resolve(recovered(request.path)), state);
    after.recovery.start([media]);
    await after.recovery.whenDone();
    const { entries } = await after.ledger.closedSince(0);
    expect((await collect(entries)).map((entry) => [entry.path, entry.variables.name])).toEqual([
      [names.to, ledgerName],
    ]);
    expect(readdirSync(media)).toEqual(["half_0001.mp4.info", "half_0001.mp4.mdat"]);
    await after.ledger.close();
    const last = await Ledger.open(path(state), silentLogger);
    expect(last.unclosed.size).toBe(0);
    await last.close();
  },
);

it("moves no journal whose server is alive, and gives its number back", async () => {
  const lockPath = path("other-server.lock");
  const wanted = `${media}/live.mp4`;
  addJournal(wanted, lockPath);
  const server = spawn("flock", ["--exclusive", lockPath, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  const { ledger, recovery, reservations } = await start(
    (request) => Promise.resolve(recovered(request.path)),
    "state9",
  );
  expect(await recovery.moveAway(wanted, "mp4")).toBe(false);
  expect(reservations.paths).toEqual([]);
  server.stdin.end();
  await once(server, "exit");
  expect(readdirSync(media).filter((name) => name.startsWith("live"))).toEqual(["live.mp4.info", "live.mp4.mdat"]);
  expect(await recovery.moveAway(wanted, "mp4")).toBe(true);
  expect(existsSync(`${media}/live_0001.mp4.info`)).toBe(true);
  await recovery.close();
  // No ledger has known it before: it is not opened there now.
  expect((await collect(ledger.entriesAfter(0))).map((entry) => entry.type)).toEqual(["closed"]);
  await ledger.close();
});

it("closes one file once, where two segments of its name were left unfinished", async () => {
  const wanted = `${media}/cam8.mp4`;
  const before = await Ledger.open(path("state8"), silentLogger);
  const first = await addOpened(before, wanted, "first");
  await addOpened(before, wanted, "second");
  await before.close();

  const { ledger, recovery, reservations } = await start(
    (request) => Promise.resolve(recovered(request.path)),
    "state8",
  );
  recovery.start([]);
  await recovery.whenDone();
  expect((await collect((await ledger.closedSince(0)).entries)).map((entry) => entry.variables.name)).toEqual([
    "second",
  ]);
  expect(failures).toMatchObject([{ code: "notFound", path: wanted, sequence: first }]);
  expect(reservations.paths).toEqual([]);
  await ledger.close();
  const last = await Ledger.open(path("state8"), silentLogger);
  expect(last.unclosed.size).toBe(0);
  await last.close();
});

it.each(["ts", "flv"] as const)(
  "ends the entry of an empty %s, tells of it, and removes the file",
  async (container) => {
    const at = `${media}/cam.${container}`;
    const state = `state-empty-${container}`;
    const before = await Ledger.open(path(state), silentLogger);
    const sequence = before.nextSequence();
    const report = { ...CAM, path: at, container, variables: {}, startedMs: 1000, sequence };
    await before.append({ type: "opened", report });
    await before.close();
    writeFileSync(at, ""); // a power cut took all of it but the name
    const after = await start((request) => Promise.resolve(recover(request)), state);
    after.recovery.start([media]);
    await after.recovery.whenDone();
    expect(failures).toMatchObject([{ path: at, code: "notFound", localStreamName: "cam", sequence }]);
    expect(readdirSync(media)).toEqual([]);
    await after.ledger.close();
    const last = await Ledger.open(path(state), silentLogger);
    expect(last.unclosed.size).toBe(0);
    await last.close();
  },
);

describe("what a crash left", () => {
  let states = 0;
  /** A recovery of these segments of the ledger, in the ledger's order. */
  async function startAfter(
    names: readonly string[],
    recover: (request: RecoverRequest) => RecoverResult | Promise<RecoverResult>,
    startedMs = (number: number): number => 1000 + number,
  ) {
    const state = `left-${states++}`;
    const before = await Ledger.open(path(state), silentLogger);
    for (const [i, name] of names.entries()) {
      const sequence = before.nextSequence();
      const container = name.slice(name.lastIndexOf(".") + 1) as "mp4" | "ts" | "flv";
      const report = { ...CAM, container, path: `${media}/${name}`, variables: { name } };
      await before.append({ type: "opened", report: { ...report, startedMs: startedMs(i), sequence } });
    }
    await before.close();
    const requests: RecoverRequest[] = [];
    const opened = await start(async (request) => {
      requests.push(request);
      return recover(request);
    }, state);
    return { ...opened, requests };
  }
  const failure = (
    code: "locked" | "corrupt" | "targetBusy" | "notFound" | "notDurable",
    at: string,
  ): RecoverResult => ({
    ...recovered(at),
    path: undefined,
    failure: { code, message: `${code} it is`, path: at, errno: undefined },
  });
  async function run({ recovery, ledger }: { recovery: Recovery; ledger: Ledger }): Promise<ClosedSegmentReport[]> {
    recovery.start([media]);
    await recovery.whenDone();
    return collect((await ledger.closedSince(0)).entries);
  }

  it("is finished oldest first, told as recovered, and closed with all that is known", async () => {
    const rig = await startAfter(
      ["b.mp4", "a.mp4"],
      ({ path: at }) => recovered(at),
      (i) => 2000 - i,
    );
    const closed = await run(rig);
    expect(closed.map((report) => report.path)).toEqual([`${media}/a.mp4`, `${media}/b.mp4`]);
    expect(closed).toEqual(closings);
    expect(closed[0]).toEqual({
      ...CAM,
      ...{ path: `${media}/a.mp4`, variables: { name: "a.mp4" }, startedMs: 1999, stoppedMs: 5000, sequence: 3 },
      ...{ videoFrames: 25, audioFrames: 0, durationMs: 1000, sizeBytes: 100, finish: "reserved" },
      ...{ recovered: true, gaps: [], lost: null, syncError: null },
    });
    expect(rig.requests[0]).toEqual({
      ...{ path: `${media}/a.mp4`, targetPath: `${media}/a.mp4`, container: "mp4", lockPath: "/lock" },
      isOurs: true,
    });
    expect(rig.ledger.unclosed.size).toBe(0);
    expect(rig.recovery.has(`${media}/a.mp4`)).toBe(false);
    await rig.ledger.close();
  });

  it("takes from the journal what the ledger does not know, and leaves out tracks without frames", async () => {
    addJournal(`${media}/found.mp4`, "");
    const origin = { localStreamName: "other", configId: 9, outStreamId: 8, variables: {} };
    const tracks = [
      { kind: "video", codec: "h264" },
      { kind: "audio", codec: "aac" },
    ] as const;
    const rig = await startAfter([], ({ path: at }) => ({
      ...recovered(at),
      origin,
      tracks,
      createdMs: 77,
      modifiedMs: 0,
    }));
    expect(await run(rig)).toMatchObject([
      { ...origin, startedMs: 77, stoppedMs: 9000, tracks: [{ kind: "video", codec: "h264" }] },
    ]);
    await rig.ledger.close();
  });

  it("keeps the ledger's word on whose it is, against the journal's", async () => {
    const origin = { localStreamName: "other", configId: 9, outStreamId: 8, variables: {} };
    const rig = await startAfter(["a.mp4"], ({ path: at }) => ({ ...recovered(at), origin }));
    expect(await run(rig)).toMatchObject([{ localStreamName: "cam", configId: 3 }]);
    await rig.ledger.close();
  });

  it("is read back where its frames were not counted", async () => {
    copyFileSync(new URL("../../../golden/stream.flv.bin", import.meta.url), `${media}/a.flv`);
    const { tracks, durationMs } = await verifyFile(`${media}/a.flv`);
    const rig = await startAfter(["a.flv"], ({ path: at }) => ({ ...recovered(at), videoFrames: 0 }));
    const [report] = await run(rig);
    const frames = Object.fromEntries(tracks.map((track) => [track.kind, track.frames]));
    expect(report).toMatchObject({ videoFrames: frames.video, audioFrames: frames.audio, durationMs });
    expect(report?.videoFrames).toBeGreaterThan(0);
    await rig.ledger.close();
  });

  it("is read back with the frames of all its tracks", async () => {
    recordJournal({ build: "release", finalPath: `${media}/a.mp4` }, (run) => {
      const frames = makeAv(run, 1000);
      const config = run.addConfig("aac", ASC, true, { track: 2 });
      const second = frames
        .filter(({ track }) => track === TRACK_AUDIO)
        .map((frame) => ({ ...frame, track: 2, config }));
      return [...frames, ...second].sort((a, b) => a.dts90k - b.dts90k);
    });
    const { videoFrames, audioFrames } = finishMp4(`${media}/a.mp4`, { durability: "none" });
    const rig = await startAfter(["a.mp4"], ({ path: at }) => ({ ...recovered(at), videoFrames: 0 }));
    expect(await run(rig)).toMatchObject([{ videoFrames, audioFrames }]);
    expect(audioFrames).toBe(94);
    await rig.ledger.close();
  });

  it("gets the next number where another file has its name, and gives that back", async () => {
    writeFileSync(`${media}/a.mp4`, "");
    const rig = await startAfter(["a.mp4"], ({ path: at, targetPath }) =>
      at === targetPath ? failure("targetBusy", at) : recovered(targetPath),
    );
    expect((await run(rig)).map((report) => report.path)).toEqual([`${media}/a_0001.mp4`]);
    expect(rig.reservations.paths).toEqual([]);
    await rig.ledger.close();
  });

  it("has no other name where it grew under its own", async () => {
    const rig = await startAfter(["a.ts"], ({ path: at }) => failure("targetBusy", at));
    expect(await run(rig)).toEqual([]);
    expect(rig.requests).toHaveLength(1);
    expect(failures).toMatchObject([{ code: "targetBusy" }]);
    await rig.ledger.close();
  });

  /** What is removed ends at the time of its opening, and waits for its source. */
  const UNSETTLED = { locked: [[1, 0]], corrupt: [[1, 0]], notFound: [[-1, 1000]] };
  it.each([
    ["locked", [], 1],
    ["corrupt", ["corrupt"], 1],
    ["notFound", ["notFound"], 0],
  ] as const)("and fails with %s is told as %j, and %i entries stay for the next start", async (code, told, left) => {
    const rig = await startAfter(["a.mp4"], ({ path: at }) => failure(code, at));
    expect(await run(rig)).toEqual([]);
    expect(failures.map((report) => report.code)).toEqual(told);
    for (const report of failures)
      expect(report).toMatchObject({ path: `${media}/a.mp4`, sequence: 1, error: `${code} it is`, startedMs: 1000 });
    expect(rig.ledger.unclosed.size).toBe(left);
    // A later start knows that it has nothing to tell of the time since.
    expect(rig.restarts.unsettled.map(({ sequence, wallMs }) => [sequence, wallMs])).toEqual(UNSETTLED[code]);
    await rig.ledger.close();
  });

  it("and cannot be synced is closed by the next start with what the sync had said, under another name too", async () => {
    const rig = await startAfter(["a.mp4", "b.ts"], ({ path: at }) => failure("notDurable", at));
    expect(await run(rig)).toEqual([]);
    expect(failures).toMatchObject([{ code: "notDurable" }, { code: "notDurable" }]);
    await rig.ledger.close();
    addJournal(`${media}/a.mp4`, "");
    const next = await start(async ({ path: at }) => recovered(at), `left-${states - 1}`);
    await next.recovery.moveAway(`${media}/a.mp4`, "mp4");
    const closed = await run(next);
    const syncError = "notDurable it is";
    expect(closed.map(({ path: at }) => at).sort()).toEqual([`${media}/a_0001.mp4`, `${media}/b.ts`]);
    expect(closed).toMatchObject([{ syncError }, { syncError }]);
    await next.ledger.close();
  });

  it("of a journal that no ledger knows ends with no entry where it is gone", async () => {
    addJournal(`${media}/a.mp4`, "");
    const rig = await startAfter([], ({ path: at }) => failure("notFound", at));
    await run(rig);
    expect(failures).toMatchObject([{ code: "notFound", sequence: 0 }]);
    expect(await collect(rig.ledger.entriesAfter(0))).toEqual([]);
    await rig.ledger.close();
  });

  it("and breaks the pool keeps none of the others from being finished", async () => {
    const rig = await startAfter(["a.mp4", "b.mp4"], ({ path: at }) => {
      if (at.endsWith("a.mp4")) throw new Error("the thread died");
      return recovered(at);
    });
    expect((await run(rig)).map((report) => report.path)).toEqual([`${media}/b.mp4`]);
    expect(failures).toMatchObject([{ path: `${media}/a.mp4`, code: "io" }]);
    expect(rig.reservations.paths).toEqual([]);
    expect([rig.recovery.isBusy(`${media}/a.mp4`), rig.recovery.has(`${media}/a.mp4`)]).toEqual([false, false]);
    await rig.ledger.close();
  });

  it("holds its name meanwhile, without writing to it, and says that it is busy", async () => {
    let seen: unknown[] = [];
    const rig = await startAfter(["a.mp4"], ({ path: at }) => {
      seen = [rig.recovery.isBusy(at), rig.reservations.has(at), rig.reservations.isActive(at), rig.recovery.has(at)];
      return recovered(at);
    });
    await run(rig);
    expect(seen).toEqual([true, true, false, true]);
    expect([rig.recovery.isBusy(`${media}/a.mp4`), rig.reservations.paths]).toEqual([false, []]);
    await rig.ledger.close();
  });

  it("is left for the next start from a close on, but for the one at work", async () => {
    const rig = await startAfter(["a.mp4", "b.mp4"], ({ path: at }) => {
      void rig.recovery.close();
      return recovered(at);
    });
    expect(await run(rig)).toHaveLength(1);
    expect(rig.ledger.unclosed.size).toBe(1);
    await rig.ledger.close();
  });

  it("is left alone under a name that a new recording has taken", async () => {
    addJournal(`${media}/found.mp4`, "");
    const rig = await startAfter(["a.mp4"], ({ path: at }) => recovered(at));
    for (const name of ["a.mp4", "found.mp4"]) rig.reservations.take(`${media}/${name}`);
    expect(await run(rig)).toEqual([]);
    expect(rig.requests).toEqual([]);
    await rig.ledger.close();
  });

  it("is found by its marker in folders up to eight deep, once, and under no other name", async () => {
    const deep = (depth: number): string => `${media}${"/d".repeat(depth)}`;
    mkdirSync(deep(9), { recursive: true });
    for (const depth of [0, 8, 9]) addJournal(`${deep(depth)}/x.mp4`, "");
    writeFileSync(`${media}/no-marker.mp4.mdat`, "");
    writeFileSync(`${media}/whole.ts`, "");
    mkdirSync(`${media}/folder.mp4.info`);
    const rig = await startAfter([], ({ path: at }) => recovered(at));
    rig.recovery.start([media, `${media}/missing`]);
    await rig.recovery.whenDone();
    expect(rig.requests.map((request) => request.path).sort()).toEqual([`${deep(0)}/x.mp4`, `${deep(8)}/x.mp4`].sort());
    expect(moves).toEqual([]); // no move of theirs was interrupted
    await rig.ledger.close();
  });
});
