// When a source that has said goodbye is over.

import { describe, expect, it } from "vitest";
import { SourceLeaving } from "../../../../src/ingest/rtsp/source-leaving.js";

const BYE = Buffer.from("81cb000100000001", "hex");

describe("a goodbye", () => {
  it("ends a source half a second later, when all its tracks have said it", () => {
    const leaving = new SourceLeaving();
    leaving.rtcp(0, BYE, 1000);
    expect(leaving.isOver([0, 1], 2000)).toBe(false);
    leaving.rtcp(1, BYE, 2000);
    expect([leaving.isOver([0, 1], 2499), leaving.isOver([0, 1], 2500)]).toEqual([false, true]);
  });

  it("counts from the last packet that it has overtaken", () => {
    const leaving = new SourceLeaving();
    leaving.rtcp(0, BYE, 1000);
    leaving.rtp(0, 1300);
    expect([leaving.isOver([0], 1799), leaving.isOver([0], 1800)]).toEqual([false, true]);
  });

  it("is none where the source goes on behind it", () => {
    const leaving = new SourceLeaving();
    leaving.rtcp(0, BYE, 1000);
    for (let nowMs = 1040; nowMs < 2000; nowMs += 40) leaving.rtp(0, nowMs);
    expect(leaving.isOver([0], 60_000)).toBe(false);
  });
});
