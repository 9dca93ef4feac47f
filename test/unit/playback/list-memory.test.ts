import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { type ListedFile, ListMemory } from "../../../src/playback/hls/list-memory.js";
import { type Carried, playedTracks } from "../../../src/playback/hls/list-tracks.js";
import { scratch } from "../../support/scratch.js";
import { until } from "../../support/until.js";

const { path } = scratch();

/** A file of so many parts, the first of them a discontinuity. */
function file(id: number, count: number, carries: Carried = "both"): ListedFile {
  const part = { uri: "", mapUri: undefined, seconds: 1, wallMs: 0 };
  return { id, carries, parts: Array.from({ length: count }, (_, i) => ({ ...part, isDiscontinuous: i === 0 })) };
}

function carrying(...files: [Carried, number][]) {
  return files.map(([carries, seconds]) => ({ carries, parts: [{ seconds }] }));
}

describe("what lists have named", () => {
  it("is known to the server that comes after, where files were deleted in between", async () => {
    const before = new ListMemory(path(""), silentLogger);
    expect((await before.recall("cam", [file(1, 4), file(2, 3), file(3, 2)])).gone.parts).toBe(0);
    await until("it is saved", () => existsSync(path("hls-lists.json")));
    const after = new ListMemory(path(""), silentLogger);
    expect((await after.recall("cam", [file(3, 2), file(4, 1)])).gone).toEqual({ parts: 7, discontinuities: 1 });
    expect((await after.recall("other", [file(3, 2)])).gone).toEqual({ parts: 0, discontinuities: 0 });
    // All that it knew is gone: what comes stands behind it.
    expect((await after.recall("cam", [file(9, 1)])).gone).toEqual({ parts: 10, discontinuities: 3 });
  });

  it("begins anew where the file of it cannot be read", async () => {
    await rm(path("hls-lists.json"), { force: true });
    for (const text of ["", "[", '{"a":1}', '[["cam",null]]', "[[1"]) {
      await writeFile(path("hls-lists.json"), text);
      expect((await new ListMemory(path(""), silentLogger).recall("cam", [file(3, 2)])).gone.parts).toBe(0);
    }
  });
});

describe("what a list plays", () => {
  it.each([
    ["most of it", carrying(["both", 9], ["pictures", 1]), undefined, "both"],
    ["most of it", carrying(["both", 1], ["pictures", 9]), undefined, "pictures"],
    ["pictures, however few", carrying(["sound", 99], ["both", 1]), undefined, "both"],
    ["what it has played before", carrying(["both", 1], ["pictures", 9]), "both", "both"],
    ["pictures that come behind sound", carrying(["sound", 99], ["both", 1]), "sound", "both"],
    ["sound alone", carrying(["sound", 9]), undefined, "sound"],
    ["MPEG-TS", carrying([undefined, 9]), undefined, undefined],
  ] as const)("is %s", (_, files, before, played) => expect(playedTracks(files, before)).toBe(played));
});
