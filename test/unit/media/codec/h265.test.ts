// H.265: parameter sets, decoder configurations, and what NAL units say of a picture.

import { describe, expect, it } from "vitest";
import { ReelError } from "../../../../src/base/reel-error.js";
import { H265ParameterSets } from "../../../../src/ingest/h265-parameter-sets.js";
import {
  buildHvcDecoderConfiguration,
  parseHvcDecoderConfiguration,
  toHvcRingForm,
} from "../../../../src/media/codec/h265/decoder-configuration.js";
import { H265_NAL_UNITS } from "../../../../src/media/codec/h265/nal-units.js";
import { H265PictureFacts } from "../../../../src/media/codec/h265/picture-facts.js";
import { parseH265Sps } from "../../../../src/media/codec/h265/sps.js";
import { RandomAccessRule } from "../../../../src/stream/random-access-rule.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { effort, seed } from "../../../support/effort.js";
import { mulberry32 } from "../../../support/random.js";
import {
  H265_CRA,
  H265_IDR,
  H265_RADL,
  H265_RASL,
  H265_TRAIL,
  HVCC,
  h265NalUnit,
} from "../../../support/test-media.js";

const [VPS, SPS, PPS] = parseHvcDecoderConfiguration(HVCC).parameterSets as [Uint8Array, Uint8Array, Uint8Array];

function withEmulationPrevention(rbsp: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of rbsp) {
    if (byte <= 3 && out.at(-1) === 0 && out.at(-2) === 0) out.push(3);
    out.push(byte);
  }
  return Uint8Array.from(out);
}

/** A set with everything that is optional in front of the VUI. */
function richSps(): Uint8Array {
  const w = new BitWriter();
  const bits = (...pairs: [number, number][]): void => {
    for (const [size, value] of pairs) w.u(size, value);
  };
  bits([16, (33 << 9) | 1], [4, 2], [3, 1], [1, 0]);
  bits([8, 0x22], [32, 0x20000000], [16, 0], [32, 0], [8, 153]); // Main 10, high tier, level 5.1
  bits([1, 1], [1, 1]);
  for (let i = 1; i < 8; i++) bits([2, 0]);
  for (let i = 0; i < 12; i++) bits([8, 0x11]); // sub_layer profile and level
  w.ue(3);
  w.ue(1); // 4:2:0
  w.ue(1928);
  w.ue(1088);
  bits([1, 1]);
  for (const offset of [0, 4, 0, 4]) w.ue(offset);
  w.ue(2);
  w.ue(2);
  w.ue(4);
  bits([1, 1]);
  for (let i = 0; i < 6; i++) w.ue(i);
  for (let i = 0; i < 6; i++) w.ue(1);
  bits([1, 1], [1, 1]);
  for (let sizeId = 0; sizeId < 4; sizeId++)
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      const isCoded = matrixId === 0;
      bits([1, isCoded ? 1 : 0]);
      if (!isCoded) w.ue(1);
      else for (let i = sizeId > 1 ? -1 : 0; i < Math.min(64, 1 << (4 + 2 * sizeId)); i++) w.ue(2);
    }
  bits([2, 0], [1, 1], [8, 0x77]);
  w.ue(0);
  w.ue(0);
  bits([1, 0]);
  w.ue(2);
  w.ue(1);
  w.ue(1);
  for (const delta of [0, 1]) {
    w.ue(delta);
    bits([1, 1]);
  }
  bits([1, 1], [1, 0]);
  w.ue(0);
  bits([1, 1], [1, 0], [1, 1], [1, 0], [1, 0]); // three pictures: used, used by use_delta_flag, not used
  bits([1, 1]);
  w.ue(1);
  bits([9, 0x1ff], [2, 3]);
  bits([1, 1], [1, 1], [8, 255], [16, 40], [16, 33], [1, 0]);
  bits([1, 1], [3, 5], [1, 1], [1, 1], [8, 9], [8, 16], [8, 9]);
  bits([8, 0x80]);
  const bytes = w.bytes();
  return Uint8Array.from([...bytes.subarray(0, 2), ...withEmulationPrevention(bytes.subarray(2))]);
}

describe("a sequence parameter set", () => {
  it("of a real encode tells size, profile, level and format", () => {
    expect(parseH265Sps(SPS)).toMatchObject({
      ...{ id: 0, vpsId: 0, width: 320, height: 180, profile: 1, constraints: 0, level: 60 },
      ...{ chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8, subLayers: 1, isTemporalIdNested: true },
      ...{ parWidth: 1, parHeight: 1 },
    });
  });

  it("is read to its VUI, whatever stands in front of it", () => {
    const sps = parseH265Sps(richSps());
    expect(sps).toMatchObject({
      ...{ id: 3, vpsId: 2, width: 1920, height: 1080, profile: 2, constraints: 1, level: 153 },
      ...{ bitDepthLuma: 10, subLayers: 2, isTemporalIdNested: false, parWidth: 40, parHeight: 33 },
      colour: { primaries: 9, transfer: 16, matrix: 9, fullRange: true },
    });
  });

  it(`fails as a bad configuration on whatever bytes come (seed ${seed})`, () => {
    const random = mulberry32(seed);
    const below = (limit: number): number => Math.floor(random() * limit);
    const valid = [SPS, richSps(), HVCC];
    let parsed = 0;
    for (let i = 0; i < effort(4_000, 100_000); i++) {
      const bytes = (valid[i % 3] as Uint8Array).slice();
      for (let n = 1 + below(6); n > 0; n--) bytes[below(bytes.byteLength)] = below(256);
      const cut = bytes.subarray(0, i % 2 ? undefined : below(bytes.byteLength));
      try {
        toHvcRingForm(cut);
        const { width, height } = i % 3 === 2 ? parseHvcDecoderConfiguration(cut) : parseH265Sps(cut);
        expect(width > 0 && width <= 16888 && height > 0 && height <= 16888).toBe(true);
        parsed++;
      } catch (error) {
        if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      }
    }
    expect(parsed).toBeGreaterThan(100);
  });
});

describe("an hvcC", () => {
  it("holds the parameter sets by type", () => {
    const config = parseHvcDecoderConfiguration(HVCC);
    expect(config).toMatchObject({ width: 320, height: 180, profile: 1, level: 60, nalLengthSize: 4 });
    expect(config.parameterSets.map((set) => (set[0] ?? 0) >> 1)).toEqual([32, 33, 34]);
  });

  it("is built from parameter sets as an encoder's is", () => {
    const built = buildHvcDecoderConfiguration([VPS], [SPS], [PPS]);
    const expected = toHvcRingForm(HVCC);
    // min_spatial_segmentation_idc and parallelismType are hints that are left unknown.
    for (const index of [13, 14, 15]) expected[index] = built[index] as number;
    expect(Buffer.from(built).toString("hex")).toBe(Buffer.from(expected).toString("hex"));
  });

  it("has lengths of 4 bytes and complete arrays in its ring form", () => {
    const short = HVCC.slice();
    short[21] = 0x0c;
    for (const at of [23, 52, 100]) short[at] = (short[at] ?? 0) & 63;
    expect(parseHvcDecoderConfiguration(short).nalLengthSize).toBe(1);
    expect([...toHvcRingForm(short)]).toEqual([...HVCC.map((byte, i) => (i === 21 ? 0x0f : byte))]);
  });

  it.each([
    ["is short", HVCC.subarray(0, 22)],
    ["ends inside a set", HVCC.subarray(0, 60)],
    ["has no VPS", buildHvcDecoderConfiguration([], [SPS], [PPS])],
    ["has no PPS", buildHvcDecoderConfiguration([VPS], [SPS], [])],
    ["has 3-byte lengths", HVCC.map((byte, i) => (i === 21 ? 0x0e : byte))],
  ])("is refused where it %s", (_name, bytes) => {
    expect(() => parseHvcDecoderConfiguration(bytes)).toThrow(/^H\.265 decoder configuration/);
  });
});

describe("parameter sets in band", () => {
  const learn = (sets: H265ParameterSets, set: Uint8Array): boolean => sets.learn(set, 0, set.byteLength);

  it("make a configuration when all three are there, and repeats change nothing", () => {
    const sets = new H265ParameterSets();
    expect([SPS, PPS].map((set) => learn(sets, set))).toEqual([false, false]);
    expect(sets.apply()).toBeUndefined();
    learn(sets, VPS);
    expect(sets.hasChanges).toBe(true);
    expect(sets.apply()).toEqual(buildHvcDecoderConfiguration([VPS], [SPS], [PPS]));
    expect([VPS, SPS, PPS].map((set) => learn(sets, set))).toEqual([true, true, true]);
    expect(sets.hasChanges).toBe(false);
  });

  it("take a change over with the sets that refer to it, and forget one that is taken back", () => {
    const sets = new H265ParameterSets();
    for (const set of [VPS, SPS, PPS]) learn(sets, set);
    sets.apply();
    const other = SPS.slice();
    other[17] = 0x5d; // level 3.1
    expect(learn(sets, other)).toBe(false);
    expect(learn(sets, PPS)).toBe(false);
    expect(learn(sets, SPS)).toBe(true);
    learn(sets, PPS);
    expect(sets.hasChanges).toBe(false);
    for (const set of [other, PPS]) learn(sets, set);
    expect(sets.apply()).toEqual(buildHvcDecoderConfiguration([VPS], [other], [PPS]));
  });
});

function factsOf(...types: number[]): H265PictureFacts {
  const facts = new H265PictureFacts();
  for (const type of types) {
    const nal = h265NalUnit(type, 12);
    facts.take(nal, 0, nal.byteLength);
  }
  return facts;
}

describe("the facts of an H.265 picture", () => {
  it("tell random access points, leading pictures and parameter sets by type", () => {
    const told = [H265_IDR, 18, H265_CRA, H265_RASL, H265_RADL, H265_TRAIL, 33, 39, 40].map((type) => {
      const { hasSlice, hasIdr, hasCra, isLeading, isSkippedLeading, hasParameterSet } = factsOf(type);
      return [hasSlice, hasIdr, hasCra, isLeading, isSkippedLeading, hasParameterSet].map(Number).join("");
    });
    expect(told).toEqual(["110000", "110000", "101000", "100110", "100100", "100000", "000001", "000000", "000000"]);
  });

  it("find where access units begin", () => {
    const begins = (type: number, third: number, layer = 0): boolean =>
      H265_NAL_UNITS.beginsAccessUnit(Uint8Array.of(type << 1, (layer << 3) | 1, third), 0);
    expect([1, 9, 16, 21].map((type) => begins(type, 0x80))).toEqual([true, true, true, true]);
    expect([1, 19].map((type) => begins(type, 0x40))).toEqual([false, false]);
    expect([32, 33, 34, 35, 39, 41, 48].map((type) => begins(type, 0))).toEqual(new Array(7).fill(true));
    expect([36, 37, 38, 40, 45].map((type) => begins(type, 0))).toEqual(new Array(5).fill(false));
    expect(begins(1, 0x80, 1)).toBe(false);
  });
});

describe("random access in H.265", () => {
  const walk = (pictures: readonly (readonly [number, number])[]): boolean[] => {
    const rule = new RandomAccessRule();
    return pictures.map(([type, seconds]) => rule.isRandomAccess(factsOf(type), false, seconds * 90_000));
  };

  it("is at every IDR and, where those are not regular, at every CRA", () => {
    expect(
      walk([
        [H265_IDR, 0],
        [H265_TRAIL, 1],
        [H265_CRA, 2],
        [H265_RASL, 2.1],
        [H265_CRA, 4],
        [18, 5],
      ]),
    ).toEqual([...[true, false, true, false, true, true]]);
  });

  it("leaves CRAs alone while IDRs come at most 10 s apart, and takes them again when they stop", () => {
    const idrs = [0, 4, 8].map((seconds) => [H265_IDR, seconds] as const);
    const cras = [10, 14, 17, 19].map((seconds) => [H265_CRA, seconds] as const);
    expect(walk([...idrs, ...cras])).toEqual([true, true, true, false, false, false, true]);
  });
});
