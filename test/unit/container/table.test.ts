import { describe, expect, it } from "vitest";
import { CONTAINER_COUNT } from "../../../src/abi/recording.js";
import { BODY_SUFFIXES, JOURNAL_SUFFIXES, MAX_TRACK_FILES } from "../../../src/container/mp4/journal-files.js";
import { CONTAINERS, containerByNumber, containerOf, unfinishedBy } from "../../../src/container/table.js";

describe("the table of containers", () => {
  it("has as many as the muxers' half", () => {
    const numbers = Object.values(CONTAINERS).map(({ number }) => number);
    expect(numbers.toSorted()).toEqual(Array.from({ length: CONTAINER_COUNT }, (_, index) => index + 1));
  });

  it("knows each by its name, its number and its extension, whatever the case", () => {
    for (const [name, container] of Object.entries(CONTAINERS)) {
      expect(container.name).toBe(name);
      expect(containerByNumber(container.number)).toBe(container);
      expect(containerOf(`/media/cam.v2.${container.extension.toUpperCase()}`)).toBe(name);
    }
    expect(containerOf("/media/cam.mkv")).toBeUndefined();
    expect(() => containerByNumber(99)).toThrow("99");
  });

  it("finds the segment by every file that a journal may have", () => {
    const last = `.track${MAX_TRACK_FILES}`;
    expect(JOURNAL_SUFFIXES).toEqual([".info", ...BODY_SUFFIXES]);
    expect(JOURNAL_SUFFIXES).toEqual(expect.arrayContaining([".mdat", ".track1", ".track2", last, ".copy", ".new"]));
    for (const path of ["/m/cam.mp4", "/m/cam.MP4", "/m/a.mp4.info.mp4"])
      for (const suffix of JOURNAL_SUFFIXES) {
        expect(unfinishedBy(path + suffix)).toEqual({ path, container: "mp4" });
        expect(unfinishedBy(path + suffix, true)?.path).toBe(suffix === ".info" ? path : undefined);
      }
    for (const other of ["/m/cam.mp4", "/m/cam.info", "/m/cam.ts.info", "/m/cam.mp4.trackA", "/m/cam.mp4.info.bak"])
      expect(unfinishedBy(other)).toBeUndefined();
  });
});
