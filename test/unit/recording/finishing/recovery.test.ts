// The recovery with workers that are only pretended: what becomes of a file that a crash has left, and what is told of
// it.

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TRACK_AUDIO } from "../../../../src/abi/frame.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { Ledger } from "../../../../src/catalog/ledger.js";
import type { ClosedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { finishMp4 } from "../../../../src/container/mp4/finish.js";
import type { Recovery } from "../../../../src/recording/finishing/recovery.js";
import { verifyFile } from "../../../../src/verify/verify-file.js";
import type { RecoverRequest, RecoverResult } from "../../../../src/worker/recover-task.js";
import { collect } from "../../../support/collect.js";
import { recordJournal } from "../../../support/mp4-journal.js";
import { CAM, recovered, recoveryRig } from "../../../support/recovery-rig.js";
import { ASC, makeAv } from "../../../support/test-media.js";

const { path, media, failures, closings, moves, gaps, start, addJournal } = recoveryRig();

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

  it("and a later segment has replaced ends, so that what the restart took is told", async () => {
    const rig = await startAfter(["a.mp4", "a.mp4"], ({ path: at }) => recovered(at));
    const closed = await run(rig);
    expect(failures).toMatchObject([{ code: "notFound", sequence: 1 }]);
    expect(closed.map(({ sequence, startedMs }) => [sequence, startedMs])).toEqual([[4, 1001]]);
    rig.restarts.opened({ ...CAM, path: `${media}/b.mp4`, variables: {}, startedMs: 9000, sequence: 5 }, 40, 9000);
    expect(gaps).toEqual([{ cause: "restart", track: null, dtsMs: 40, durationMs: 4000, frames: 0, bytes: 0 }]);
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
