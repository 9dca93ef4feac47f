import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
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
    const hostile = ['[["cam",null,[3,"7\\n#EXT-X-EVIL",0]]]', '[["cam",null,[3,-1,0]]]', '[["cam",null,[3,{},0]]]'];
    for (const [i, text] of ["", "[", '{"a":1}', '[["cam",null]]', "[[1", ...hostile].entries()) {
      await mkdir(path(`bad${i}`));
      await writeFile(path(`bad${i}/hls-lists.json`), text);
      const { gone } = await new ListMemory(path(`bad${i}`), silentLogger).recall("cam", [file(3, 2)]);
      expect([text, gone]).toEqual([text, { parts: 0, discontinuities: 0 }]);
    }
  });

  it("is saved at a later list where it could not be, and with the end of a file that grows", async () => {
    const folder = path("later");
    const memory = new ListMemory(folder, silentLogger, 0);
    await memory.recall("cam", [file(1, 3)]);
    await mkdir(folder);
    await until("it is saved", async () => {
      await memory.recall("cam", [file(1, 3)]);
      return existsSync(path("later/hls-lists.json"));
    });
    await until("its end is saved", async () => {
      await memory.recall("cam", [file(1, 100)]);
      return (await readFile(path("later/hls-lists.json"), "utf8")).endsWith("[1,0,0,0,100,0]]]");
    });
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
    [
      "sound alone, behind what cannot be read",
      [{ carries: "both", parts: [] }, ...carrying(["sound", 9])],
      undefined,
      "sound",
    ],
    ["what is there, where what it played is not", carrying(["pictures", 9]), "both", "pictures"],
    ["MPEG-TS", carrying([undefined, 9]), undefined, undefined],
  ] as const)("is %s", (_, files, before, played) => expect(playedTracks(files, before)).toBe(played));
});
