// A recovery as the recorder makes it, with a real ledger, names, journals and moves; what finishes files is the
// test's.

import { closeSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { Ledger } from "../../src/catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../src/catalog/segment-report.js";
import { openMp4Journal } from "../../src/container/mp4/journal.js";
import { UNKNOWN_ORIGIN } from "../../src/container/segment-origin.js";
import { Recovery, type RecoveryDeps } from "../../src/recording/finishing/recovery.js";
import { RestartGaps } from "../../src/recording/finishing/restart-gaps.js";
import { Naming } from "../../src/recording/naming/naming.js";
import { Reservations } from "../../src/recording/naming/reservations.js";
import type { ReceivedNote } from "../../src/recording/received-note.js";
import type { Gap } from "../../src/stream/gap.js";
import { type MoveRequest, move } from "../../src/worker/move-task.js";
import type { RecoverRequest, RecoverResult } from "../../src/worker/recover-task.js";
import { scratch } from "./scratch.js";

export const CAM = { localStreamName: "cam", configId: 3, outStreamId: 5, container: "mp4" as const, tracks: [] };

/** What a finish of a second of video says. */
export const recovered = (at: string): RecoverResult => ({
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

export interface StartedRecovery {
  ledger: Ledger;
  recovery: Recovery;
  reservations: Reservations;
  restarts: RestartGaps;
}

/** The rig of a test file: a media folder that is new for every test, states by name, and what the last start told. */
export function recoveryRig() {
  const { path } = scratch();
  const media = path("media");
  beforeEach(() => mkdirSync(media));
  afterEach(() => rmSync(media, { recursive: true }));
  const failures: FailedSegmentReport[] = [];
  const closings: ClosedSegmentReport[] = [];
  const moves: MoveRequest[] = [];
  const gaps: Gap[] = [];

  async function start(
    recover: (request: RecoverRequest) => Promise<RecoverResult>,
    state = "state",
    notes: readonly ReceivedNote[] = [],
  ): Promise<StartedRecovery> {
    const ledger = await Ledger.open(path(state), silentLogger);
    const reservations = new Reservations();
    const naming = await Naming.open([media], reservations);
    failures.length = 0;
    closings.length = 0;
    moves.length = 0;
    gaps.length = 0;
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
      restarts: new RestartGaps(notes, ledger.unclosed, (gap) => gaps.push(gap)),
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

  return { path, media, failures, closings, moves, gaps, start, addJournal, addOpened };
}
