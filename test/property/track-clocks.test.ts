// Clocks of tracks under random delay: honest publishers are never changed, tracks on clocks of their own are brought
// together once, a clock that stands gets times of arrival, and nothing ever goes back or is lost.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIO, ClockedSource, frames, type SentFrame, type Track, VIDEO } from "../support/clocked-source.js";
import { effort } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";

const JITTER_MS = 2000;
const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Delays of up to 2 s, other ones for each track: now frame by frame, now in waves. */
function jitter(seed: number): (captureMs: number) => number {
  const random = mulberry32(seed);
  const waveMs = 500 + random() * 5000;
  return (captureMs) =>
    seed % 2 === 0 ? random() * JITTER_MS : ((Math.sin(captureMs / waveMs) + 1) / 2) * JITTER_MS * random();
}

function source(seed: number, videoWire: Track["wire"], audioWire: Track["wire"], toMs = 20_000): SentFrame[] {
  const video = { track: VIDEO, frameMs: seed % 3 === 0 ? 100 : 40, wire: videoWire, delay: jitter(seed) };
  const audio = { track: AUDIO, frameMs: 1024 / 48, wire: audioWire, delay: jitter(seed + 1), fromMs: seed % 700 };
  return frames(toMs, video, audio);
}

function expectRisingAndWhole(clocked: ClockedSource, sent: readonly SentFrame[]): void {
  expect(clocked.placed.length).toBe(sent.length);
  for (const track of [VIDEO, AUDIO]) {
    const placed = clocked.of(track);
    expect(placed.filter(({ placedMs }, i) => placedMs <= (placed[i - 1]?.placedMs ?? -Infinity))).toEqual([]);
  }
}

describe("whatever the delays below 2 s", () => {
  it("a publisher with one clock is not changed", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const sent = source(
          seed,
          (ms) => ms,
          (ms) => ms,
        );
        const clocked = new ClockedSource().send(sent).end();
        expect(clocked.findings).toEqual([]);
        expect(clocked.splices).toEqual([]);
        expect(clocked.placed.every(({ ms, wireMs }) => ms === wireMs)).toBe(true);
      }),
      { numRuns: effort(20, 500) },
    );
  });

  it("tracks on clocks of their own are brought together once, and keep their distance from there on", () => {
    const offsets = fc.oneof(fc.integer({ min: 8000, max: 10 ** 8 }), fc.integer({ min: -(10 ** 8), max: -8000 }));
    fc.assert(
      fc.property(seeds, offsets, (seed, offsetMs) => {
        const sent = source(
          seed,
          (ms) => 10 ** 8 + ms,
          (ms) => 10 ** 8 + ms + offsetMs,
        );
        const clocked = new ClockedSource().send(sent).end();
        expect(clocked.findings.map(({ cause }) => cause)).toEqual(["clockOffset"]);
        expect(clocked.splices).toEqual([]);
        expectRisingAndWhole(clocked, sent);
        const [video, audio] = [clocked.spread(VIDEO), clocked.spread(AUDIO)];
        expect(video.most - video.least).toBeLessThan(1.01);
        expect(audio.most - audio.least).toBeLessThan(1.01);
        expect(Math.abs(video.most - audio.most)).toBeLessThan(JITTER_MS);
      }),
      { numRuns: effort(20, 500) },
    );
  });

  it("a clock that stands gets times of arrival: the media lasts as long as it did", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom([true, false], [false, true], [true, true]), (seed, [isVideo, isAudio]) => {
        const stuck = (): number => 77_000;
        const running = (ms: number): number => 77_000 + ms;
        const sent = source(seed, isVideo ? stuck : running, isAudio ? stuck : running);
        const clocked = new ClockedSource().send(sent).end();
        // Where both stand, one that comes late shows a time of seconds ago: it is moved to the other's arrivals first.
        const isMoved = (cause: string): boolean => isVideo && isAudio && cause === "clockOffset";
        const causes = clocked.findings.map(({ cause }) => cause).filter((cause) => !isMoved(cause));
        expect(new Set(causes)).toEqual(new Set(["stuckClock"]));
        expect(clocked.splices).toEqual([]);
        expectRisingAndWhole(clocked, sent);
        for (const track of [VIDEO, AUDIO]) {
          const placed = clocked.of(track);
          const tookMs = (placed.at(-1)?.placedMs ?? 0) - (placed[0]?.placedMs ?? 0);
          const captured = (placed.at(-1)?.captureMs ?? 0) - (placed[0]?.captureMs ?? 0);
          expect(Math.abs(tookMs - captured)).toBeLessThan(JITTER_MS + 600);
        }
      }),
      { numRuns: effort(20, 500), examples: [[1_772_551_833, [true, true]]] },
    );
  });

  it("a clock that jumps, stands and runs at random loses no frame and never goes back", () => {
    const moods = fc.array(fc.constantFrom("run", "stand", "ahead", "back", "far"), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(seeds, moods, moods, (seed, videoMoods, audioMoods) => {
        const wire = (own: readonly string[]): Track["wire"] => {
          let value = 10 ** 9;
          let last = 0;
          return (captureMs) => {
            const mood = own[Math.floor(captureMs / 2500) % own.length];
            if (mood !== "stand") value += captureMs - last;
            if (mood !== "run" && captureMs % 2500 < last % 2500)
              value += { ahead: 7000, back: -7000, far: 10 ** 7 }[mood ?? ""] ?? 0;
            last = captureMs;
            return value;
          };
        };
        const sent = source(seed, wire(videoMoods), wire(audioMoods), 30_000);
        const clocked = new ClockedSource().send(sent).end();
        expectRisingAndWhole(clocked, sent);
        expect(clocked.splices.length + clocked.findings.length).toBeLessThan(60);
      }),
      { numRuns: effort(30, 1000) },
    );
  });
});
