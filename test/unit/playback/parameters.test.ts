// What strangers write into query strings and paths is read in full or refused, never half.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReelError } from "../../../src/base/reel-error.js";
import { rangeAnswer } from "../../../src/playback/byte-range.js";
import { mediaPath, mediaUrl } from "../../../src/playback/media-path.js";
import { countParameter, rangeParameters, sequenceOf, timeParameter } from "../../../src/playback/parameters.js";

const FOLDERS = ["/media", "/more"];

function time(text: string): number | undefined {
  return timeParameter(new URLSearchParams({ at: text }), "at");
}

describe("a time", () => {
  it.each([
    ["2026-11-27T08:00:00Z", Date.UTC(2026, 10, 27, 8)],
    ["2026-11-27t08:00:00.250+01:00", Date.UTC(2026, 10, 27, 7, 0, 0, 250)],
    ["1795766400000", 1795766400000],
    ["0", 0],
    ["", undefined],
  ])("%s is %s", (text, ms) => expect(time(text)).toBe(ms));

  it("keeps the plus of its zone, which forms decode as a space", () => {
    expect(timeParameter(new URLSearchParams("at=2026-11-27T08:00:00+01:00"), "at")).toBe(Date.UTC(2026, 10, 27, 7));
  });

  it.each([
    ...["tomorrow", "2026-11-27", "2026-11-27T08:00:00", "1e12", "-5", "NaN", "Infinity", "9999999999999999"],
    ...["2026-13-27T08:00:00Z", "2026-11-27T08:00:00Z ", "253402300800000", "0x10", "1.5"],
  ])("%s is refused", (text) => expect(() => time(text)).toThrow("at is a time"));

  it("from lies before to", () => {
    expect(() => rangeParameters(new URLSearchParams("from=5&to=5"))).toThrow("from lies before to");
    expect(rangeParameters(new URLSearchParams("from=4&to=5"))).toEqual({ from: 4, to: 5 });
  });
});

describe("a number", () => {
  it.each(["0", "-1", "1001", "1e2", "99999999999999999999", "a", "1 "])("%s is no count", (text) =>
    expect(() => countParameter(new URLSearchParams({ limit: text }), "limit", 7, 1000)).toThrow("limit is a number"),
  );
  it.each(["", "-1", "1e3", "0x1", "99999999999999999", "..", undefined])("%s is no sequence", (text) =>
    expect(() => sequenceOf(text)).toThrow(ReelError),
  );
});

describe("a path of /media", () => {
  it("is that of the file's link", () => {
    for (const file of ["/media/cam 1.ts", "/media/a/ü#?%.mp4", "/more/x.flv"]) {
      const url = new URL(mediaUrl(file, FOLDERS) ?? "", "http://reel");
      const below = url.pathname.slice("/media/".length).split("/").map(decodeURIComponent).join("/");
      expect(mediaPath(below, url.searchParams.get("folder"), FOLDERS)).toBe(file);
    }
    expect(mediaUrl("/mediated/x.ts", FOLDERS)).toBeUndefined();
  });

  it.each(["..", "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a\\b", "a\0b", "", `${"x".repeat(5000)}`])(
    "%s leads nowhere",
    (below) => expect(() => mediaPath(below, null, FOLDERS)).toThrow("the catalogue knows no such file"),
  );
  it.each(["2", "-1", "x", "", "1e0", "__proto__"])("folder %s is none", (folder) =>
    expect(() => mediaPath("a.ts", folder, FOLDERS)).toThrow("the catalogue knows no such file"),
  );
  it("never leaves its folder, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom("..", ".", "", "%2e%2e", "~"))), (parts) => {
        try {
          expect(mediaPath(parts.join("/"), null, FOLDERS).startsWith("/media/")).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ReelError);
        }
      }),
    );
  });
});

describe("a range of 100 bytes", () => {
  it.each<[string, object]>([
    ["bytes=0-", { status: 206, from: 0, to: 100 }],
    ["bytes=10-19", { status: 206, from: 10, to: 20 }],
    ["bytes=90-1000", { status: 206, from: 90, to: 100 }],
    ["bytes=-10", { status: 206, from: 90, to: 100 }],
    ["bytes=-1000", { status: 206, from: 0, to: 100 }],
    ["bytes=100-", { status: 416 }],
    ["bytes=-0", { status: 416 }],
    // What is no range, or several, is as if it had not been said.
    ...["bytes=19-10", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=99999999999999999999-", ""].map(
      (range): [string, object] => [range, { status: 200, from: 0, to: 100 }],
    ),
  ])("%s", (range, answer) => expect(rangeAnswer({ range }, 100, '"a"')).toEqual(answer));

  it("holds for the file that it was meant of", () => {
    expect(rangeAnswer({ range: "bytes=1-2", "if-range": '"b"' }, 100, '"a"')).toMatchObject({ status: 200 });
    expect(rangeAnswer({ range: "bytes=1-2", "if-range": '"a"' }, 100, '"a"')).toMatchObject({ status: 206 });
    expect(rangeAnswer({ "if-none-match": '"b", W/"a"' }, 100, '"a"')).toEqual({ status: 304 });
    expect(rangeAnswer({ "if-none-match": '"b"' }, 100, '"a"')).toMatchObject({ status: 200 });
  });

  it("is never out of bounds, whatever is asked", () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
    );
    fc.assert(
      fc.property(header, fc.nat(1000), (range, size) => {
        const answer = rangeAnswer({ range }, size, '"a"');
        if ("from" in answer) expect(answer.from >= 0 && answer.from <= answer.to && answer.to <= size).toBe(true);
      }),
    );
  });
});
