// The recovery with workers that are only pretended: which segment of the ledger an unfinished file is credited to.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import { Ledger } from "../../../../src/catalog/ledger.js";
import type { FailedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { Recovery, type RecoveryDeps } from "../../../../src/recording/finishing/recovery.js";
import { Naming } from "../../../../src/recording/naming/naming.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { RecoverRequest, RecoverResult } from "../../../../src/worker/recover-task.js";
import { collect } from "../../../support/collect.js";
import { scratch } from "../../../support/scratch.js";

const { path } = scratch();
const CAM = { localStreamName: "cam", configId: 3, outStreamId: 5, container: "mp4" as const, tracks: [] };
const media = path("media");
mkdirSync(media);

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

async function start(
  recover: (request: RecoverRequest) => Promise<RecoverResult>,
  state = "state",
): Promise<{ ledger: Ledger; recovery: Recovery; reservations: Reservations }> {
  const ledger = await Ledger.open(path(state), silentLogger);
  const reservations = new Reservations();
  const naming = await Naming.open([media], reservations);
  failures.length = 0;
  const deps = {
    ledger,
    reservations,
    naming,
    pools: { recover },
    clock: { wallMs: () => 9000 },
    logger: silentLogger,
    lockPath: "",
  };
  const onFailed = (report: FailedSegmentReport): number => failures.push(report);
  const recovery = new Recovery({ ...deps, onClosed: () => undefined, onFailed } as unknown as RecoveryDeps);
  return { ledger, recovery, reservations };
}

async function addOpened(ledger: Ledger, at: string, name: string): Promise<number> {
  const sequence = ledger.nextSequence();
  await ledger.append({
    type: "opened",
    report: { ...CAM, path: at, variables: { name }, startedMs: 1000 + sequence, sequence },
  });
  writeFileSync(`${at}.info`, name);
  writeFileSync(`${at}.mdat`, name);
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
  await between.recovery.move(wanted, between.reservations.take(moved), "mp4");
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

it("gives the name back to which an unfinished file cannot be moved", async () => {
  const { ledger, recovery, reservations } = await start(() => new Promise(() => undefined));
  const wanted = `${media}/cam9.mp4`;
  await addOpened(ledger, wanted, "first");
  mkdirSync(`${media}/cam9_0001.mp4.mdat`); // in the way
  await expect(recovery.move(wanted, reservations.take(`${media}/cam9_0001.mp4`))).rejects.toThrow(/EISDIR/);
  expect(reservations.paths).toEqual([]);
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
