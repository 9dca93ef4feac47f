// Attempts of pulled sources whose protocol tells everything: refused credentials, and connections within an attempt.

import { describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { silentLogger } from "../../../../src/base/logger.js";
import { PullSources } from "../../../../src/ingest/pull/pull-sources.js";
import type { Source, SourceEvents } from "../../../../src/ingest/source.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { FakeTime } from "../../../support/fake-time.js";
import { sourceRequest } from "../../../support/pull-fixture.js";

/** Sources of a protocol that is told everything by the test. */
function setup(count = 1) {
  const time = new FakeTime();
  const arena = new Arena();
  let id = 0;
  const rings = { ringBytes: 4096, maxRingBytes: 1 << 20, lagLimitMs: 2000 };
  const registry = new StreamRegistry(arena, time.clock, rings, () => ++id);
  const opened: { events: SourceEvents; openedMs: number; isClosed: boolean; stream(): void }[] = [];
  const source: Source = {
    schemes: ["fake"],
    sourceType: () => "INTS",
    check: () => {},
    open(_request, _uri, sink, events) {
      const one = { events, openedMs: time.nowMs, isClosed: false, stream: () => void sink.openStream() };
      opened.push(one);
      return {
        flow: undefined,
        close: () => {
          one.isClosed = true;
          events.closed("closed");
        },
      };
    },
    close: async () => {},
  };
  const pulls = new PullSources({
    registry,
    arena,
    clock: time.clock,
    logger: silentLogger,
    timers: time.timers,
    sources: [source],
    random: () => 0.5,
    silenceMs: 10_000,
  });
  for (let i = 0; i < count; i++)
    pulls.start(sourceRequest({ uri: "fake://host", configId: 7 + i, localStreamName: `s${i}` }), () => {});
  /** Returns how long it takes to the next connection. */
  const fail = (reason: string, isDenied: boolean): number => {
    const failedMs = time.nowMs;
    const { length } = opened;
    opened.at(-1)?.events.closed(reason, isDenied);
    for (let i = 0; i < 4000 && opened.length === length; i++) time.advance(100);
    return (opened.at(-1)?.openedMs ?? Number.NaN) - failedMs;
  };
  return { time, opened, pulls, fail };
}

describe("attempts", () => {
  it("that refuse the credentials are tried rarely, as cameras lock accounts", () => {
    const { time, opened, fail } = setup();
    expect([1, 2, 3, 4].map(() => fail("the password is wrong", true))).toEqual([10_000, 60_000, 300_000, 300_000]);
    expect(fail("refused", false)).toBe(1000);
    expect(fail("the password is wrong", true)).toBe(300_000);
    // One that has streamed since may have been rebooting.
    opened.at(-1)?.stream();
    time.advance(6000);
    expect(fail("the password is wrong", true)).toBe(10_000);
  });

  it("have further connections in their turn, and the wait for them is no silence", async () => {
    const { time, opened, pulls } = setup(3);
    time.advance(1000);
    const atMs: number[] = [];
    for (const { events } of opened) events.another(() => atMs.push(time.nowMs));
    time.advance(100);
    expect(atMs.map((at) => at - (atMs[0] ?? 0))).toEqual([0, 20, 40]);
    const [first] = opened;
    opened[1]?.events.another(() => {});
    const cancel = first?.events.another(() => atMs.push(-1));
    cancel?.();
    // 14 s of others come first.
    for (let i = 0; i < 700; i++) opened[1]?.events.another(() => {});
    first?.events.another(() => atMs.push(time.nowMs));
    time.advance(13_000);
    expect([first?.isClosed, atMs.length]).toEqual([false, 3]);
    time.advance(2000);
    expect(atMs.length).toBe(4);
    // From here on its silence counts.
    time.advance(12_000);
    expect(first?.isClosed).toBe(true);
    await pulls.close();
  });
});
