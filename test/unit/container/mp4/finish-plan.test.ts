// The plan of a finish, from sizes alone. That it is what happens is shown by finish.test.ts.

import { describe, expect, it } from "vitest";
import { FTYP_SIZE, MDAT_HEADER_ROOM } from "../../../../src/container/mp4/file-head.js";
import { type Measured, planFinish } from "../../../../src/container/mp4/finish-plan.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEAD = FTYP_SIZE + MDAT_HEADER_ROOM;

function measured(
  sizes: { reserveBytes: number; moovBytes: number; mediaBytes: number },
  change: Partial<Measured> = {},
): Measured {
  const mediaStart = HEAD + sizes.reserveBytes;
  return {
    finalPath: "/media/cam.mp4",
    mediaStart,
    mediaEnd: mediaStart + sizes.mediaBytes,
    shift: 0,
    large: false,
    blockBytes: 4096,
    canShift: true,
    methods: undefined,
    layOut: () => ({ moovBytes: sizes.moovBytes, tableBytes: sizes.moovBytes - 1000, durationMs: 1000 }),
    ...change,
  };
}

const ways = (from: Measured) => {
  const plan = planFinish(from, "/media/cam.mp4", false);
  return plan.ways.map(({ method, moveBytes }) => (moveBytes === 0 ? method : `${method} ${moveBytes}`));
};

const FITS = { reserveBytes: 64 * KIB, moovBytes: 20_000, mediaBytes: 100 * MIB };
const SMALL = { reserveBytes: 4 * MIB, moovBytes: 20_000, mediaBytes: 7 * MIB };
const WASTEFUL = { reserveBytes: 4 * MIB, moovBytes: 20_000, mediaBytes: 100 * MIB };
const TOO_LARGE = { reserveBytes: 4 * KIB, moovBytes: 20_000, mediaBytes: 100 * MIB };

describe("the plan of a finish", () => {
  it("puts an index that fits into the reserve, whatever the volume can", () => {
    expect(ways(measured(FITS))).toEqual(["reserved"]);
    expect(ways(measured(FITS, { canShift: false, methods: [] }))).toEqual(["reserved"]);
  });

  it("inserts whole blocks where it does not fit, and copies where the volume cannot", () => {
    expect(ways(measured(TOO_LARGE))).toEqual(["inserted 16384", "copied"]);
    expect(ways(measured(TOO_LARGE, { canShift: false }))).toEqual(["copied"]);
    expect(() => ways(measured(TOO_LARGE, { methods: ["collapsed"] }))).toThrow("no other way is allowed");
  });

  it("cuts out what would be left over of a large file, copies a small one, and keeps the hole rather than fail", () => {
    const block = 4096;
    const left = 4 * MIB + MDAT_HEADER_ROOM - 8 - 20_000;
    const cut = Math.floor((left - 8) / block) * block;
    expect(ways(measured(WASTEFUL))).toEqual([`collapsed -${cut}`, "copied", "reserved"]);
    expect(ways(measured(WASTEFUL, { canShift: false }))).toEqual(["copied", "reserved"]);
    expect(ways(measured(WASTEFUL, { methods: ["reserved"] }))).toEqual(["reserved"]);
    expect(ways(measured(SMALL))).toEqual(["copied", "reserved"]);
  });

  it("says how an earlier run made it fit", () => {
    expect(ways(measured(TOO_LARGE, { shift: 16_384 }))).toEqual(["inserted"]);
    expect(ways(measured(WASTEFUL, { shift: -(4 * MIB - 64 * KIB) }))).toEqual(["collapsed"]);
  });

  it("inserts enough for the index that the insertion makes larger", () => {
    // co64 from the first inserted block on.
    const layOut = (shift: number) => ({ moovBytes: shift > 0 ? 40_000 : 20_000, tableBytes: 0, durationMs: 0 });
    const [way] = planFinish(measured(TOO_LARGE, { layOut }), "/media/cam.mp4", false).ways;
    expect(way).toMatchObject({ method: "inserted", moveBytes: 36_864, shift: 36_864 });
    expect(way.freeBytes).toBe(4096 + 36_864 + MDAT_HEADER_ROOM - 8 - 40_000);
  });

  it("names the file and its size before anything is written", () => {
    const plan = planFinish(measured(FITS), "/media/cam_0001.mp4", true);
    expect(plan).toMatchObject({ target: "/media/cam_0001.mp4", overwrite: true });
    expect(plan.ways[0].sizeBytes).toBe(HEAD + 64 * KIB + 100 * MIB);
    const [copy] = planFinish(measured(TOO_LARGE, { canShift: false }), "/media/cam.mp4", false).ways;
    expect(copy.sizeBytes).toBe(FTYP_SIZE + 20_000 + 8 + 100 * MIB);
  });
});
