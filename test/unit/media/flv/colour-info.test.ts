// colorInfo of Enhanced RTMP v2: what of it is taken.

import { describe, expect, it } from "vitest";
import { parseColourInfo } from "../../../../src/media/flv/colour-info.js";
import { type Amf, amf } from "../../../support/rtmp-bytes.js";

const parse = (value: Amf) => parseColourInfo(amf("colorInfo", value));
/** The marker of AMF0. */
const UNDEFINED = 6;
const DISPLAY = {
  ...{ redX: 0.64, redY: 0.33, greenX: 0.3, greenY: 0.6, blueX: 0.15, blueY: 0.06 },
  ...{ whitePointX: 0.3127, whitePointY: 0.329, maxLuminance: 100, minLuminance: 0 },
};

describe("colorInfo", () => {
  it("has the numbers of the boxes, most significant byte first, green in front", () => {
    const info = parse({ hdrMdcv: DISPLAY, hdrCll: { maxCLL: 1000, maxFall: 400 } });
    expect(Buffer.from(info?.masteringDisplay ?? []).toString("hex")).toBe(
      "3a987530" + "1d4c0bb8" + "7d004074" + "3d134042" + "000f4240" + "00000000",
    );
    expect(Buffer.from(info?.contentLight ?? []).toString("hex")).toBe("03e80190");
    expect(info?.colour).toBeUndefined();
  });

  it("leaves unsaid codes unspecified", () => {
    expect(parse({ colorConfig: { colorPrimaries: 9 } })?.colour).toEqual({
      ...{ primaries: 9, transfer: 2, matrix: 2, fullRange: false },
    });
    expect(parse({ colorConfig: { colorPrimaries: 300, transferCharacteristics: "x" } })).toBeUndefined();
  });

  it("takes back what was said where it is Undefined or empty, and not where it ends", () => {
    const nothing = { colour: undefined, masteringDisplay: undefined, contentLight: undefined };
    expect(parseColourInfo(Buffer.concat([amf("colorInfo"), Buffer.of(UNDEFINED)]))).toEqual(nothing);
    expect(parse({})).toEqual(nothing);
    expect(parse(null)).toBeUndefined();
    expect(parseColourInfo(amf("colorInfo"))).toBeUndefined();
  });

  it("takes no part that is not whole or that a box cannot hold, and no other message", () => {
    for (const value of [-0.1, 2, Number.NaN, Number.POSITIVE_INFINITY, "0.3", null])
      expect(parse({ hdrMdcv: { ...DISPLAY, redX: value } })).toBeUndefined();
    expect(parse({ hdrMdcv: { ...DISPLAY, maxLuminance: 1e9 } })).toBeUndefined();
    expect(parse({ hdrCll: { maxCLL: 70_000, maxFall: 1 } })).toBeUndefined();
    expect(parse({ hdrCll: { maxCLL: 0, maxFall: 0 } })).toBeUndefined();
    expect(parseColourInfo(amf("other", { colorConfig: { colorPrimaries: 9 } }))).toBeUndefined();
    expect(() => parseColourInfo(Uint8Array.of(2, 0, 200))).toThrow(expect.objectContaining({ code: "badInput" }));
  });
});
