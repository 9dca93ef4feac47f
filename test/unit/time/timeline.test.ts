// The timeline of an in-stream (design.md §4): what jitter, jumps, silences and wrapped clocks do to it. Times in
// milliseconds of the wire.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Timeline } from "../../../src/time/timeline.js";
import { Unwrapper } from "../../../src/time/unwrap.js";
import { TestClock } from "../../support/test-clock.js";

const VIDEO = 0;
const AUDIO = 1;

interface Seen {
  ms: number;
  clamped: boolean;
  cause: string | undefined;
}

class Wire {
  readonly clock = new TestClock();
  readonly timeline = new Timeline();

  /** A frame; the clock of the test goes on by `afterMs` before. */
  frame(track: number, wireMs: number, afterMs = 0): Seen {
    this.clock.nowMs += afterMs;
    const { dts90k, clamped, splice } = this.timeline.place(track, wireMs * 90, this.clock.nowMs);
    return { ms: dts90k / 90, clamped, cause: splice?.cause };
  }

  /** Frames of one track, 40 ms apart on both clocks. */
  run(track: number, fromMs: number, count: number): Seen[] {
    return Array.from({ length: count }, (_, i) => this.frame(track, fromMs + 40 * i, 40));
  }
}

describe("a regular source", () => {
  it("begins at zero and keeps every distance", () => {
    const wire = new Wire();
    expect(wire.run(VIDEO, 5000, 3).map((seen) => seen.ms)).toEqual([0, 40, 80]);
    expect(wire.frame(AUDIO, 4990).ms).toBe(-10);
    expect(wire.frame(AUDIO, 5011).ms).toBe(11);
  });

  it("may leave a gap of up to 10 s without a splice", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 5);
    expect(wire.frame(VIDEO, 160 + 10_000)).toEqual({ ms: 10_160, clamped: false, cause: undefined });
  });

  it("may have one track far behind the other", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 500);
    expect(wire.frame(AUDIO, 12_000)).toEqual({ ms: 12_000, clamped: false, cause: undefined });
    wire.run(VIDEO, 20_000, 500);
    expect(wire.frame(AUDIO, 12_021)).toEqual({ ms: 12_021, clamped: false, cause: undefined });
  });
});

describe("jitter", () => {
  it("backwards by less than 500 ms clamps to just after the predecessor and shifts nothing", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 26);
    const back = wire.frame(VIDEO, 501);
    expect(back).toEqual({ ms: 1000 + 1 / 90, clamped: true, cause: undefined });
    expect(wire.frame(VIDEO, 501).ms).toBe(1000 + 2 / 90);
    expect(wire.frame(VIDEO, 1040)).toEqual({ ms: 1040, clamped: false, cause: undefined });
  });

  it("equal times are jitter too: dts rises", () => {
    const wire = new Wire();
    wire.frame(VIDEO, 0);
    expect(wire.frame(VIDEO, 0)).toEqual({ ms: 1 / 90, clamped: true, cause: undefined });
  });
});

describe("a discontinuity", () => {
  it.each([
    ["backwards by 500 ms", 1000 - 500, "backwardJump"],
    ["backwards to zero", 0, "backwardJump"],
    ["forwards by more than 10 s", 1000 + 10_001, "forwardJump"],
    ["forwards by 149 hours", 1000 + 149 * 3_600_000, "forwardJump"],
  ])("%s goes on one nominal duration later", (_name, wireMs, cause) => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 26);
    expect(wire.frame(VIDEO, wireMs, 40)).toEqual({ ms: 1040, clamped: false, cause });
    expect(wire.frame(VIDEO, wireMs + 40, 40)).toEqual({ ms: 1080, clamped: false, cause: undefined });
  });

  it("tells what the wire's clock did", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 26);
    expect(wire.timeline.place(VIDEO, (1040 + 60_000) * 90, wire.clock.nowMs).splice).toMatchObject({
      jump90k: 60_000 * 90,
      dts90k: 1040 * 90,
      track: VIDEO,
    });
  });

  it.each([-600, -100_000, 20_000, 3_600_000])(
    "of both tracks (%i ms) is one splice, in whatever order their frames cross",
    (jumpMs) => {
      for (const stragglers of [0, 1, 2, 5, 20]) {
        const wire = new Wire();
        const seen: (Seen & { track: number; trueMs: number })[] = [];
        const send = (track: number, trueMs: number, jumped: boolean): void => {
          seen.push({ ...wire.frame(track, 1_000_000 + trueMs + (jumped ? jumpMs : 0), 20), track, trueMs });
        };
        for (let i = 0; i < 50; i++) {
          send(VIDEO, i * 40, false);
          send(AUDIO, i * 40 + 5, false);
        }
        for (let i = 0; i < stragglers; i++) {
          send(VIDEO, 2000 + i * 40, true);
          send(AUDIO, 2005 + i * 40, false);
        }
        for (let i = stragglers; i < 60; i++) {
          send(VIDEO, 2000 + i * 40, true);
          send(AUDIO, 2005 + i * 40, true);
        }
        expect(
          seen.filter((frame) => frame.cause).map((frame) => frame.track),
          `${stragglers} stragglers`,
        ).toEqual([VIDEO]);
        expect(seen.map((frame) => frame.ms)).toEqual(seen.map((frame) => frame.trueMs));
      }
    },
  );

  it("keeps the tracks together: the second to jump follows the splice of the first", () => {
    const wire = new Wire();
    wire.run(AUDIO, 0, 10);
    wire.run(VIDEO, 0, 10);
    expect(wire.frame(VIDEO, 50_000).cause).toBe("forwardJump");
    expect(wire.frame(AUDIO, 50_005)).toEqual({ ms: 405, clamped: false, cause: undefined });
  });
});

describe("a jump of one track alone", () => {
  it.each([-600, -100_000, 20_000, 3_600_000])(
    "(%i ms) is one splice of that track; the other goes on by its own clock, for ever",
    (jumpMs) => {
      const wire = new Wire();
      const causes: (string | undefined)[] = [];
      for (let i = 0; i < 3000; i++) {
        const video = wire.frame(VIDEO, 10 ** 7 + i * 40, 20);
        const audio = wire.frame(AUDIO, 10 ** 7 + i * 40 + 5 + (i >= 100 ? jumpMs : 0), 20);
        causes.push(video.cause, audio.cause);
        expect([video.ms, audio.ms]).toEqual([i * 40, i * 40 + 5]);
      }
      expect(causes.filter(Boolean).length).toBe(1);
    },
  );

  it("is undone, with its distance to the other, when its clock comes back", () => {
    const wire = new Wire();
    for (let i = 0; i < 1000; i++) {
      wire.frame(VIDEO, i * 40, 20);
      // It lags by a frame where it jumps: the splice puts it 40 ms early.
      const isAway = i >= 300 && i < 700;
      const audio = wire.frame(AUDIO, i * 40 + (i === 300 ? 40 : 0) + (isAway ? 60_000 : 0), 20);
      if (i < 300 || i > 701) expect(audio).toEqual({ ms: i * 40, clamped: false, cause: undefined });
    }
  });
});

describe("a forward jump about as long as the silence before it", () => {
  it("was real and is kept", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 10);
    expect(wire.frame(VIDEO, 360 + 60_000, 60_000)).toEqual({ ms: 60_360, clamped: false, cause: undefined });
    expect(wire.frame(VIDEO, 360 + 80_000, 20_000)).toEqual({ ms: 80_360, clamped: false, cause: undefined });
  });

  it.each([0, 5000, 40_000, 90_000])("was not real after a silence of %i ms", (silenceMs) => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 10);
    expect(wire.frame(VIDEO, 360 + 60_000, silenceMs).cause).toBe("forwardJump");
  });

  it("does not count the time that we kept the source waiting", () => {
    const wire = new Wire();
    wire.run(VIDEO, 0, 10);
    wire.timeline.heldBack(60_000);
    expect(wire.frame(VIDEO, 360 + 60_000, 60_000).cause).toBe("forwardJump");
  });
});

describe("whatever comes", () => {
  it("dts rises within each track, and no frame moves its track's end by more than its own gap", () => {
    const step = fc.record({
      track: fc.constantFrom(VIDEO, AUDIO),
      jumpMs: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) },
        fc.integer({ min: -(10 ** 9), max: 10 ** 9 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const wire = new Wire();
        const last = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
        let wireMs = 0;
        let furthest = 0;
        for (const { track, jumpMs } of steps) {
          wireMs += jumpMs;
          const { ms } = wire.frame(track, wireMs, 20);
          expect(ms).toBeGreaterThan(last[track] ?? 0);
          expect(ms - furthest).toBeLessThanOrEqual(10_001);
          last[track] = ms;
          furthest = Math.max(furthest, ms);
        }
      }),
    );
  });
});

describe("unwrapping", () => {
  it("follows a clock over its end and back", () => {
    const clock = new Unwrapper(2 ** 32);
    expect([4294967290, 5, 4294967295, 10].map((value) => clock.unwrap(value))).toEqual([
      4294967290, 4294967301, 4294967295, 4294967306,
    ]);
  });

  it.each([32, 33])("takes the nearest way round, for ever (%i bits)", (bits) => {
    const modulus = 2 ** bits;
    fc.assert(
      fc.property(
        fc.nat({ max: modulus - 1 }),
        fc.array(fc.integer({ min: -(2 ** 30), max: 2 ** 31 - 1 }), { maxLength: 300 }),
        (start, steps) => {
          const clock = new Unwrapper(modulus);
          let truth = clock.unwrap(start);
          expect(truth).toBe(start);
          for (const delta of steps) {
            truth += delta;
            expect(clock.unwrap(((truth % modulus) + modulus) % modulus)).toBe(truth);
          }
        },
      ),
    );
  });
});
