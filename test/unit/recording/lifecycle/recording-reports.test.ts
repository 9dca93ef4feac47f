// What recordings report: order of the events of a segment, and a bounded log.

import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import type { Logger } from "../../../../src/base/logger.js";
import { ReelError } from "../../../../src/base/reel-error.js";
import type { Ledger } from "../../../../src/catalog/ledger.js";
import type { Recording } from "../../../../src/recording/lifecycle/recording.js";
import { RecordingReports } from "../../../../src/recording/lifecycle/recording-reports.js";
import { Segment } from "../../../../src/recording/lifecycle/segment.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { RecorderEvents } from "../../../../src/recording/recorder-events.js";
import { TestClock } from "../../../support/test-clock.js";

const ORIGIN = { localStreamName: "cam", configId: 3, outStreamId: 5, variables: {} };
const RECORDING = {
  origin: ORIGIN,
  inStream: { name: "cam" },
  config: { pathToFile: "x", variables: {} },
  target: undefined,
  createdMs: 0,
} as unknown as Recording;
const GAP = { cause: "backwardJump", track: "video", dtsMs: 0, durationMs: 0, frames: 0, bytes: 0 } as const;

function rig(): {
  reports: RecordingReports;
  seen: string[];
  lines: { suppressed?: number }[];
  clock: TestClock;
  writeLedger: () => void;
  segment: Segment;
} {
  const events = new EventEmitter<RecorderEvents>();
  const seen: string[] = [];
  for (const name of ["segmentOpened", "segmentFailed", "gap"] as const) events.on(name, () => seen.push(name));
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  const ledger = { nextSequence: () => 1, append: () => promise } as unknown as Ledger;
  const lines: { suppressed?: number }[] = [];
  const log = (fields: object): void => void lines.push(fields);
  const logger = { debug: log, info: log, warn: log, error: log } as unknown as Logger;
  const clock = new TestClock();
  const segment = new Segment(
    new Arena(),
    new Reservations().take("/media/x.ts"),
    1,
    false,
    { wallMs: 0, monotonicMs: 0 },
    "ts",
    ORIGIN,
  );
  return {
    reports: new RecordingReports(events, ledger, clock, logger),
    seen,
    lines,
    clock,
    writeLedger: resolve,
    segment,
  };
}

describe("reports of recordings", () => {
  it("tell nothing of a segment before its opening, which waits for the ledger", async () => {
    const { reports, seen, writeLedger, segment } = rig();
    reports.segmentOpened(segment);
    reports.gap(RECORDING, segment, GAP);
    reports.segmentFailed(undefined, RECORDING, segment, new ReelError("diskFull", "no space"));
    expect(seen).toEqual([]);
    writeLedger();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["segmentOpened", "gap", "segmentFailed"]);
    reports.gap(RECORDING, segment, GAP);
    expect(seen.at(-1)).toBe("gap");
    expect(seen).toHaveLength(4);
  });

  it("are events one by one, and a bounded number of log lines a second", () => {
    const { reports, seen, lines, clock } = rig();
    for (let i = 0; i < 1000; i++) reports.gap(RECORDING, undefined, GAP);
    expect(seen).toHaveLength(1000);
    expect(lines).toHaveLength(10);
    clock.nowMs += 1000;
    reports.gap(RECORDING, undefined, GAP);
    expect(lines.at(-1)).toMatchObject({ cause: "backwardJump", suppressed: 990 });
  });
});
