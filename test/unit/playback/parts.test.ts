// How a movie is divided, and how its parts are listed.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mediaPlaylist, type PlaylistPart } from "../../../src/playback/hls/playlist.js";
import { joinRuns, placeRuns } from "../../../src/playback/movie/byte-runs.js";
import { Parts } from "../../../src/playback/movie/parts.js";
import type { PlayedSample, PlayedTrack, TrackHead } from "../../../src/playback/movie/played-track.js";

const VIDEO: TrackHead = {
  ...{ kind: "video", timescale: 90_000, stsd: Buffer.alloc(0), width: 0, height: 0, language: 0 },
};

/** A track in memory: pictures at these seconds, the marked ones random access points. */
function trackAt(seconds: readonly (readonly [number, boolean])[]): PlayedTrack {
  const samples = seconds.map(
    ([at, isSync], i): PlayedSample => ({
      ...{ dts: Math.round(at * 90_000), cts: 0, sizeBytes: 10, position: i * 10, isSync },
      duration: Math.round(((seconds[i + 1]?.[0] ?? at + 0.04) - at) * 90_000),
    }),
  );
  return {
    ...{ head: VIDEO, shift: 0, count: samples.length },
    async *blocks(from, to) {
      yield samples.slice(from, to);
    },
    find: async (time) => samples.findIndex(({ dts }) => dts >= time),
  };
}

/** 25 pictures a second, a random access point each second. */
function even(from: number, to: number): [number, boolean][] {
  return Array.from({ length: (to - from) * 25 }, (_, i) => [from + i / 25, i % 25 === 0]);
}

async function partsOf(track: PlayedTrack, isFinal: boolean): Promise<Parts> {
  const parts = new Parts();
  await parts.extend(track, isFinal);
  return parts;
}

describe("parts", () => {
  it("hold every sample once, and are the same however the movie grew", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.double({ min: 0.001, max: 5, noNaN: true }), fc.boolean()), {
          minLength: 1,
          maxLength: 300,
        }),
        fc.array(fc.nat(300), { maxLength: 8 }),
        async (distances, stops) => {
          let at = 0;
          const times = distances.map(([distance, isSync], i): [number, boolean] => {
            at += i === 0 ? 0 : distance;
            return [at, isSync || i === 0];
          });
          const whole = await partsOf(trackAt(times), true);
          const grown = new Parts();
          for (const stop of [...stops].sort((a, b) => a - b)) await grown.extend(trackAt(times.slice(0, stop)), false);
          await grown.extend(trackAt(times), true);
          const ranges = (parts: Parts) => parts.list.map(({ first, end, startSeconds }) => [first, end, startSeconds]);
          expect(ranges(grown)).toEqual(ranges(whole));
          let next = 0;
          for (const { first, end, startSeconds, endSeconds } of whole.list) {
            expect([first, end > first, endSeconds >= startSeconds]).toEqual([next, true, true]);
            next = end;
          }
          expect(next).toBe(times.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("end where time jumps, and say so", async () => {
    const { list } = await partsOf(trackAt([...even(0, 3), ...even(60, 62)]), true);
    expect(list.map(({ startSeconds, isDiscontinuous }) => [startSeconds, isDiscontinuous])).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [60, true],
    ]);
    expect(list[2]?.endSeconds).toBeCloseTo(3, 5);
    expect(list[3]?.endSeconds).toBeCloseTo(62, 5);
  });
});

describe("runs of bytes", () => {
  it("hold every sample where it is said to be", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 50 })), { minLength: 1 }), (gaps) => {
        let position = 0;
        const samples = gaps.map(([gap, sizeBytes]) => {
          const sample = { position: position + gap, sizeBytes };
          position = sample.position + sizeBytes;
          return sample;
        });
        const runs = joinRuns([...samples].reverse());
        const file = Buffer.from(Array.from({ length: position }, (_, i) => i % 251));
        const joined = Buffer.concat(runs.map((run) => file.subarray(run.position, run.position + run.bytes)));
        const places = placeRuns(runs);
        for (const { position: at, sizeBytes } of samples)
          expect(joined.subarray(places(at), places(at) + sizeBytes)).toEqual(file.subarray(at, at + sizeBytes));
      }),
    );
  });
});

describe("a playlist", () => {
  const part = (i: number, isDiscontinuous = false): PlaylistPart => ({
    ...{ uri: `7/${i}.m4s`, mapUri: "7/init.mp4", seconds: 2, isDiscontinuous, wallMs: i * 2000 },
  });
  const parts = [part(0, true), part(1), part(2, true), part(3)];

  it("that grows begins with its first part, and is complete when nothing comes", () => {
    const growing = mediaPlaylist(parts, { isComplete: false, windowSeconds: undefined });
    expect(growing.match(/^#EXT-X-DISCONTINUITY$/gm)).toHaveLength(1);
    expect(growing.match(/^#EXT-X-MAP/gm)).toHaveLength(1);
    expect(growing).toContain("#EXT-X-PLAYLIST-TYPE:EVENT");
    expect(growing).not.toContain("ENDLIST");
    const complete = mediaPlaylist(parts, { isComplete: true, windowSeconds: undefined });
    expect(complete).toBe(`${growing.replace("EVENT", "VOD")}#EXT-X-ENDLIST\n`);
  });

  it("that slides counts what has gone in front of it", () => {
    const numbers = (seconds: number) => {
      const text = mediaPlaylist(parts, { isComplete: false, windowSeconds: seconds });
      return [
        /SEQUENCE:(\d+)/.exec(text)?.[1],
        /DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1],
        /^7\/.*/m.exec(text)?.[0],
      ];
    };
    expect(numbers(100)).toEqual(["0", undefined, "7/0.m4s"]);
    expect(numbers(5)).toEqual(["1", "0", "7/1.m4s"]);
    expect(numbers(4)).toEqual(["2", "0", "7/2.m4s"]);
    expect(numbers(2)).toEqual(["3", "1", "7/3.m4s"]);
  });
});
