// Subscriptions that cross: a second one while the first is being prepared or sent, a ledger that cannot be read.

import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import type { ClosedSince } from "../../../../src/catalog/ledger.js";
import type { EndEntry } from "../../../../src/catalog/ledger-entry.js";
import type { ClosedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { EventBus } from "../../../../src/control/events/event-bus.js";
import { EventSubscriber } from "../../../../src/control/events/event-subscriber.js";
import type { EventType } from "../../../../src/control/events/event-types.js";
import { ALL_EVENTS } from "../../../../src/control/events/event-view.js";
import type { RecorderApi } from "../../../../src/recording/recorder-api.js";
import { systemClock } from "../../../../src/time/units.js";

const CLOSED: ReadonlySet<EventType> = new Set(["recordChunkClosed"]);
const NEWEST = 3;

function report(sequence: number): ClosedSegmentReport {
  const common = { path: `/m/${sequence}`, variables: {}, startedMs: 0, stoppedMs: 0, sequence, recovered: false };
  return { ...common, finish: "none", videoFrames: 1, gaps: [], lost: null } as unknown as ClosedSegmentReport;
}

/** A subscriber whose receiver takes messages one by one when told. */
function rig(closedSince: (sequence: number) => Promise<ClosedSince> = async (since) => ledger(since)) {
  const sent: number[] = [];
  const gates: (() => void)[] = [];
  const state = { isGated: false, dropped: "" };
  const receiver = {
    bufferedBytes: 0,
    drop: (reason: string) => {
      state.dropped = reason;
    },
    send: async (message: string) => {
      if (state.isGated) await new Promise<void>((resolve) => gates.push(resolve));
      sent.push((JSON.parse(message) as { payload: { sequence: number } }).payload.sequence);
    },
  };
  const bus = new EventBus(systemClock, silentLogger);
  const subscriber = new EventSubscriber(bus, { closedSince } as unknown as RecorderApi, receiver, {
    maxBufferedBytes: 1000,
    view: ALL_EVENTS,
  });
  const live = (sequence: number): void => bus.emit("recordChunkClosed", () => ({ sequence }));
  const open = (): void => {
    for (const gate of gates.splice(0)) gate();
  };
  return { subscriber, sent, state, live, open };
}

async function* reports(sequences: readonly number[]): AsyncGenerator<ClosedSegmentReport> {
  for (const sequence of sequences) yield report(sequence);
}

async function* ends(sequences: readonly number[]): AsyncGenerator<EndEntry> {
  for (const sequence of sequences) yield { type: "closed", opened: 0, report: report(sequence) };
}

function ledger(since: number): ClosedSince {
  const after = [1, 2, 3].filter((sequence) => sequence > since);
  return { entries: reports(after), ends: ends(after), newest: NEWEST };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a subscription", () => {
  it("that replaces one which is still sending begins anew, with nothing of the first behind it", async () => {
    const { subscriber, sent, state, live, open } = rig();
    state.isGated = true;
    await subscriber.prepare({ types: CLOSED, since: 0 });
    const first = subscriber.start();
    await settled();
    await subscriber.prepare({ types: CLOSED, since: 0 });
    live(4);
    state.isGated = false;
    open();
    await first;
    await settled();
    // The one that was on its way; the rest of the first is not sent.
    expect(sent).toEqual([1]);
    await subscriber.start();
    live(5);
    await settled();
    expect(sent).toEqual([1, 1, 2, 3, 4, 5]);
  });

  it("is told once what the ledger has before its event is made", async () => {
    const { subscriber, sent, live } = rig();
    await subscriber.prepare({ types: CLOSED, since: 1 });
    await subscriber.start();
    live(3);
    live(4);
    await settled();
    expect(sent).toEqual([2, 3, 4]);
  });

  it("whose ledger cannot be read holds nothing and drops nobody", async () => {
    const { subscriber, sent, state, live } = rig(() => Promise.reject(new Error("EIO")));
    await expect(subscriber.prepare({ types: CLOSED, since: 0 })).rejects.toThrow("EIO");
    for (let i = 0; i < 20_000; i++) live(i);
    await subscriber.start();
    expect([sent, state.dropped]).toEqual([[], ""]);
  });

  it("after a sequence that is yet to come begins at the newest there is", async () => {
    const { subscriber } = rig();
    expect((await subscriber.prepare({ types: CLOSED, since: 1000 })).since).toBe(NEWEST);
    expect((await subscriber.prepare({ types: CLOSED, since: 2 })).since).toBe(2);
    expect((await subscriber.prepare({ types: CLOSED, since: undefined })).since).toBe(NEWEST);
  });
});
