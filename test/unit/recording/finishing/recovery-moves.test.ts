// Which segment of the ledger an unfinished file is credited to, where it was moved or has a namesake: a recovery on a
// real ledger and folder; what finishes the files is only pretended.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, readdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import { Ledger } from "../../../../src/catalog/ledger.js";
import { appendLineTo } from "../../../../src/container/mp4/journal-info.js";
import { recover } from "../../../../src/worker/recover-task.js";
import { collect } from "../../../support/collect.js";
import { CAM, recovered, recoveryRig } from "../../../support/recovery-rig.js";

const { path, media, failures, start, addJournal, addOpened } = recoveryRig();

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
