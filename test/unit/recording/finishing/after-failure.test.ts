// What becomes of a finish that failed.

import { describe, expect, it } from "vitest";
import { afterFailure, pauseMs } from "../../../../src/recording/finishing/after-failure.js";

describe("a finish that failed", () => {
  it.each([
    ["targetBusy", true, false, "nextName"],
    ["targetBusy", true, true, "nextName"],
    ["diskFull", true, false, "later"],
    ["diskFull", true, true, "atStart"],
    ["io", true, false, "later"],
    ["notWritable", true, false, "later"],
    ["locked", true, false, "later"],
    ["arenaFull", true, false, "later"],
    ["notFound", true, false, "never"],
    ["corrupt", true, true, "never"],
    ["trap", true, false, "never"],
    ["badPath", true, false, "never"],
    ["notDurable", true, false, "unsynced"],
    ["notDurable", true, true, "unsynced"],
    ["notDurable", false, false, "inPlace"],
    ["diskFull", false, false, "inPlace"],
    ["notFound", false, false, "inPlace"],
    ["arenaFull", false, false, "later"],
    ["arenaFull", false, true, "inPlace"],
  ] as const)("with %s (journal: %s, closing: %s) is for: %s", (code, hasJournal, isClosing, expected) => {
    expect(afterFailure(code, hasJournal, isClosing)).toBe(expected);
  });

  it("waits 1, 2, 4 … and at most 60 s", () => {
    expect([0, 1, 2, 5, 6, 100].map(pauseMs)).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000]);
  });
});
