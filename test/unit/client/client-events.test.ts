// The client's side of events, against a server that does what one does: a subscription ends the one before, and sends
// what was missed bit by bit.

import { describe, expect, it } from "vitest";
import { EventFeed } from "../../../src/client/client-events.js";
import type { ReelEvent } from "../../../src/client/event-payloads.js";

const HISTORY = 50;
const CLOSED = ["recordChunkClosed"] as const;

function closedEvent(sequence: number): ReelEvent {
  return {
    id: 0,
    type: "recordChunkClosed",
    processId: 1,
    timestamp: 0,
    payload: { sequence },
  } as unknown as ReelEvent;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig() {
  let subscription = 0;
  const feed: EventFeed = new EventFeed(async (_types, since) => {
    const mine = ++subscription;
    await turn();
    void (async () => {
      for (let sequence = (since ?? HISTORY) + 1; sequence <= HISTORY; sequence++) {
        await turn();
        if (mine !== subscription) return;
        feed.push(closedEvent(sequence));
      }
    })();
    return since ?? HISTORY;
  });
  const read = (since?: number): number[] => {
    const seen: number[] = [];
    void (async () => {
      for await (const event of feed.iterate(CLOSED, since)) seen.push(event.payload.sequence);
    })();
    return seen;
  };
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await turn();
  };
  return { feed, read, turns };
}

const sequences = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("iterators over one subscription", () => {
  it("one that begins now takes no history from one that was just begun, nor gets any of it", async () => {
    const { feed, read, turns } = rig();
    const now = read();
    const all = read(0);
    const later = read();
    await turns(3 * HISTORY);
    feed.push(closedEvent(HISTORY + 1));
    await turns(2);
    expect(all).toEqual(sequences(1, HISTORY + 1));
    expect([now, later]).toEqual([[HISTORY + 1], [HISTORY + 1]]);
    feed.end();
  });

  it("one that begins now takes no history from one in the middle of it, nor does a reconnection", async () => {
    const { feed, read, turns } = rig();
    const first = read();
    await turns(5);
    const all = read(10);
    await turns(10);
    expect(all.length).toBeGreaterThan(0);
    expect(all.length).toBeLessThan(HISTORY - 10);
    const second = read();
    await turns(10);
    await feed.resume();
    await turns(3 * HISTORY);
    expect(all).toEqual(sequences(11, HISTORY));
    expect([first, second]).toEqual([[], []]);
    feed.end();
  });
});

it("an iterator of deletions alone goes on behind the last one that it has seen", async () => {
  const asked: (number | undefined)[] = [];
  const feed = new EventFeed(async (_types, since) => {
    asked.push(since);
    return since ?? HISTORY;
  });
  const deletions = feed.iterate(["segmentDeleted"], undefined);
  await turn();
  const deleted = (sequence: number): void =>
    feed.push({ ...closedEvent(sequence), type: "segmentDeleted" } as ReelEvent);
  deleted(HISTORY + 2);
  await feed.resume();
  for (const sequence of [HISTORY + 1, HISTORY + 2, HISTORY + 3]) deleted(sequence);
  const seen = [await deletions.next(), await deletions.next()];
  expect(asked).toEqual([undefined, HISTORY + 2]);
  expect(seen.map(({ value }) => value?.payload.sequence)).toEqual([HISTORY + 2, HISTORY + 3]);
  feed.end();
});
