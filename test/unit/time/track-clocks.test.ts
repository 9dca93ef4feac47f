// Tracks on clocks of their own, and clocks that stand still (design.md §4): what is moved, what is left alone, and
// what is told.

import { describe, expect, it } from "vitest";
import { AUDIO, ClockedSource, frames, type Track, VIDEO } from "../../support/clocked-source.js";

const same = (captureMs: number): number => captureMs;
const video = (wire: Track["wire"] = same, more: Partial<Track> = {}): Track => ({
  track: VIDEO,
  frameMs: 40,
  wire,
  ...more,
});
const audio = (wire: Track["wire"] = same, more: Partial<Track> = {}): Track => ({
  track: AUDIO,
  frameMs: 1024 / 48,
  wire,
  ...more,
});
const run = (toMs: number, ...tracks: Track[]): ClockedSource =>
  new ClockedSource().send(frames(toMs, ...tracks)).end();

/** Everything passed as it came. */
function expectUntouched(source: ClockedSource): void {
  expect(source.findings).toEqual([]);
  expect(source.splices).toEqual([]);
  expect(source.placed.filter(({ ms, wireMs }) => ms !== wireMs)).toEqual([]);
}

/** How far the two tracks lie apart at most, where they were captured together. */
function apart(source: ClockedSource, fromMs = 0): number {
  const a = source.spread(VIDEO, fromMs);
  const b = source.spread(AUDIO, fromMs);
  return Math.max(Math.abs(a.most - b.least), Math.abs(b.most - a.least));
}

describe("tracks on one clock", () => {
  it("are left as they are", () => expectUntouched(run(60_000, video(), audio())));

  it("that are on their way for 2 s and less, each in its time, are left as they are", () => {
    expectUntouched(run(60_000, video(same, { delay: (ms) => (ms * 7) % 2000 }), audio()));
    expectUntouched(run(60_000, video(), audio(same, { delay: (ms) => (ms * 13) % 2000 })));
  });

  it("in bursts of a whole GOP are left as they are: 10 s of video, then 10 s of audio", () => {
    const inBursts =
      (afterMs: number) =>
      (captureMs: number): number =>
        10_000 - (captureMs % 10_000) + afterMs;
    expectUntouched(run(60_000, video(same, { delay: inBursts(0) }), audio(same, { delay: inBursts(300) })));
    expectUntouched(run(60_000, video(same, { delay: inBursts(300) }), audio(same, { delay: inBursts(0) })));
  });

  it("are left as they are where one begins with 8 s of the past", () => {
    const late = (captureMs: number): number => Math.max(0, 8000 - captureMs);
    expectUntouched(run(30_000, video(same, { delay: late }), audio(same, { fromMs: 8000 })));
    expectUntouched(run(30_000, audio(same, { delay: late }), video(same, { fromMs: 7900 })));
  });

  it("sent as fast as they go are left as they are, holes in one of them too", () => {
    const sent = frames(60_000, video(), audio())
      .filter(({ track, captureMs }) => track === VIDEO || captureMs < 20_000 || captureMs > 40_000)
      .map((frame, i) => ({ ...frame, arrivalMs: i / 100 }));
    expectUntouched(new ClockedSource().send(sent).end());
  });

  it("that pause together and come back later, in whatever order, are left as they are", () => {
    const paused = (captureMs: number): number => captureMs + (captureMs >= 5000 ? 60_000 : 0);
    const delay = (captureMs: number): number => (captureMs >= 5000 ? 60_000 : 0);
    expectUntouched(run(10_000, video(paused, { delay }), audio(paused, { delay })));
  });

  it("are left as they are where only one is there", () => {
    expectUntouched(run(20_000, audio()));
    expectUntouched(run(20_000, audio(same, { delay: (ms) => (ms > 9000 ? 5000 : 0) })));
  });
});

describe("tracks on clocks of their own", () => {
  it.each([
    [12_000, VIDEO],
    [8000, VIDEO],
    [-8000, VIDEO],
    [8000, AUDIO],
    [3_600_000 * 30, AUDIO],
    [-40_000, AUDIO],
  ])("%i ms apart are brought together, once, and told once", (offsetMs, first) => {
    const begins = first === VIDEO ? { fromMs: 5 } : {};
    const source = run(
      60_000,
      video(same, first === VIDEO ? {} : { fromMs: 5 }),
      audio((ms) => ms + offsetMs, begins),
    );
    expect(source.findings).toMatchObject([{ cause: "clockOffset" }]);
    expect(source.findings[0]?.atMs).toBeLessThan(2200);
    expect(Math.abs(Math.abs((source.findings[0]?.duration90k ?? 0) / 90) - Math.abs(offsetMs))).toBeLessThan(50);
    expect(source.splices).toEqual([]);
    expect(apart(source)).toBeLessThan(50);
    expect(source.placed.length).toBe(1500 + 2813);
  });

  it("are left apart where they share a clock by their nature", () => {
    const source = new ClockedSource(true)
      .send(
        frames(
          20_000,
          video(),
          audio((ms) => ms + 8000),
        ),
      )
      .end();
    expectUntouched(source);
  });

  it("are left apart by 2 s", () =>
    expectUntouched(
      run(
        20_000,
        video(),
        audio((ms) => ms + 2000),
      ),
    ));

  it("are brought together at the end of a short stream", () => {
    const source = run(
      1500,
      video(),
      audio((ms) => ms + 8000),
    );
    expect(source.findings.length).toBe(1);
    expect(apart(source)).toBeLessThan(50);
  });

  it("of which one begins late are brought together", () => {
    const source = run(
      20_000,
      video(),
      audio((ms) => ms - 5000, { fromMs: 5000 }),
    );
    expect(source.findings.length).toBe(1);
    expect(apart(source)).toBeLessThan(50);
  });
});

describe("a jump of one track", () => {
  it.each([8000, 60_000, -8000, -3_600_000, 40 * 3_600_000])(
    "by %i ms is one move of that track; the other goes on",
    (jumpMs) => {
      const jumped = (captureMs: number): number => 10 ** 7 + captureMs + (captureMs >= 10_000 ? jumpMs : 0);
      const source = run(
        120_000,
        video((ms) => 10 ** 7 + ms),
        audio(jumped),
      );
      expect(source.findings.length + source.splices.length).toBe(1);
      expect(apart(source)).toBeLessThan(100);
      const errors = source.spread(VIDEO);
      expect(errors.most - errors.least).toBeLessThan(1);
    },
  );

  it("of both is one splice, as before, and none for each", () => {
    for (const jumpMs of [20_000, -20_000]) {
      const jumped = (captureMs: number): number => 10 ** 6 + captureMs + (captureMs >= 10_000 ? jumpMs : 0);
      const source = run(60_000, video(jumped), audio(jumped));
      expect(source.findings).toEqual([]);
      expect(source.splices.length).toBe(1);
      expect(apart(source)).toBeLessThan(50);
    }
  });

  it("that goes back later is undone", () => {
    const jumped = (captureMs: number): number => captureMs + (captureMs >= 10_000 && captureMs < 30_000 ? 60_000 : 0);
    const source = run(60_000, video(), audio(jumped));
    expect(source.findings.length + source.splices.length).toBe(2);
    expect(apart(source)).toBeLessThan(100);
  });
});

describe("a clock that stands still", () => {
  const stuck = (): number => 1000;

  it.each([
    ["both tracks", video(stuck), audio(stuck)],
    ["the video", video(stuck), audio((ms) => 1000 + ms)],
    ["the audio", video((ms) => 1000 + ms), audio(stuck)],
  ])("of %s: it is told after 2 s, and the times are those of arrival", (_name, ...tracks) => {
    const source = new ClockedSource().send(frames(8000, ...tracks));
    const stuckTracks = tracks.filter((track) => track.wire(0) === track.wire(500)).map((track) => track.track);
    expect(source.findings.map(({ cause, track }) => [cause, track]).sort()).toEqual(
      stuckTracks.map((track) => ["stuckClock", track]),
    );
    for (const { atMs } of source.findings) expect(atMs).toBeLessThan(2100);
    source.end();
    expect(source.findings.length).toBe(2 * stuckTracks.length);
    expect(source.splices).toEqual([]);
    for (const track of [VIDEO, AUDIO]) {
      const placed = source.of(track);
      const last = placed.at(-1)?.placedMs ?? 0;
      expect(last - (placed[0]?.placedMs ?? 0)).toBeGreaterThan(7900);
      expect(last).toBeLessThan(8050);
    }
    expect(apart(source, 500)).toBeLessThan(100);
    expect(closest(source)).toBeGreaterThan(5);
  });

  it("and frames that arrive in bundles: they are as even as they were made", () => {
    const bundled = { delay: (ms: number): number => 150 - (ms % 150) };
    const source = run(20_000, video(stuck, bundled), audio(stuck, bundled));
    expect(closest(source)).toBeGreaterThan(5);
    expect(apart(source, 500)).toBeLessThan(250);
  });

  it("of a stream that falls silent for 5 s: the silence stays", () => {
    const delay = (ms: number): number => (ms >= 6000 ? 5000 : 0);
    const source = run(12_000, video(stuck, { delay }));
    expect(source.of(VIDEO).at(-1)?.placedMs).toBeGreaterThan(16_900);
    expect(source.of(VIDEO).at(-1)?.placedMs).toBeLessThan(17_050);
  });

  it("and runs again where it would have been: the track has its own times again, and lies as before", () => {
    const wire = (ms: number): number => (ms < 5000 || ms >= 15_000 ? ms : 5000);
    const source = run(30_000, video(wire), audio());
    expect(source.findings.map(({ cause }) => cause)).toEqual(["stuckClock", "stuckClock"]);
    expect(source.splices).toEqual([]);
    const errors = source.spread(VIDEO, 20_000);
    expect([errors.least, errors.most]).toEqual([0, 0]);
    expect(apart(source)).toBeLessThan(250);
  });

  it("and goes on from where it had stood: the tracks stay together", () => {
    const wire = (ms: number): number => (ms < 5000 ? ms : Math.max(5000, ms - 10_000));
    const source = run(40_000, video(wire), audio());
    expect(source.findings.map(({ cause }) => cause)).toEqual(["stuckClock", "stuckClock"]);
    expect(source.splices).toEqual([]);
    expect(apart(source)).toBeLessThan(250);
  });

  it("for a second only: the frames share the step", () => {
    const wire = (ms: number): number => (ms < 5000 || ms >= 6000 ? ms : 5000);
    const source = run(10_000, video(wire), audio());
    expect(source.findings).toEqual([]);
    expect(source.of(VIDEO).length).toBe(250);
    const errors = source.spread(VIDEO);
    expect(Math.max(-errors.least, errors.most)).toBeLessThan(150);
  });

  it("again and again is told once in 2 s at most", () => {
    const wire = (ms: number): number => Math.floor(ms / 3000) * 3000 + Math.min(ms % 3000, 500);
    const source = run(60_000, video(wire), audio());
    expect(source.findings.length).toBeLessThan(30);
    expect(source.splices).toEqual([]);
    expect(apart(source)).toBeLessThan(500);
  });

  it("is none where seven frames of audio have one time each message", () => {
    const source = run(
      20_000,
      video(),
      audio((ms) => Math.floor(ms / 150) * 150),
    );
    expect(source.findings).toEqual([]);
    expect(apart(source)).toBeLessThan(160);
  });

  /** The two frames of a track that lie closest, but for the few that may pass in front. */
  function closest(source: ClockedSource): number {
    const steps = [VIDEO, AUDIO].flatMap((track) => {
      const placed = source.of(track).slice(4);
      return placed.slice(1).map((frame, i) => frame.placedMs - (placed[i]?.placedMs ?? 0));
    });
    return Math.min(...steps);
  }
});
