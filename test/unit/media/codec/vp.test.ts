// VP8 and VP9: vpcC and the heads of frames, byte by byte from the specifications; and whatever bytes come.

import { describe, expect, it } from "vitest";
import { ReelError } from "../../../../src/base/reel-error.js";
import {
  parseVpConfiguration,
  sizedVpConfiguration,
  toVpRecord,
} from "../../../../src/media/codec/vp-configuration.js";
import { vp8KeyFrameSize } from "../../../../src/media/codec/vp8/vp8.js";
import { vp9KeyFrameSize } from "../../../../src/media/codec/vp9/frame-header.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { effort, seed } from "../../../support/effort.js";
import { mulberry32 } from "../../../support/random.js";
import { VPCC } from "../../../support/test-media.js";

const RECORD = VPCC.subarray(0, 12);
const SIZE = { width: 4096, height: 2162 };
const VP8_KEY = Uint8Array.of(0x10, 2, 0, 0x9d, 1, 0x2a, 0, 0x50, 0x72, 0x88); // both scaled

/** uncompressed_header() of a key frame. `rgb`: color_space 7. */
function vp9Key(profile: number, rgb = false, isKey = true, size = SIZE, shown?: typeof SIZE): Uint8Array {
  const w = new BitWriter()
    .u(2, 2)
    .u(1, profile & 1)
    .u(1, profile >> 1);
  if (profile === 3) w.u(1, 0);
  w.u(1, 0)
    .u(1, isKey ? 0 : 1)
    .u(2, 3)
    .u(24, 0x498342);
  if (profile >= 2) w.u(1, 1);
  w.u(3, rgb ? 7 : 2);
  if (!rgb) w.u(1, 1);
  if (profile & 1) w.u(rgb ? 1 : 3, 0);
  w.u(16, size.width - 1).u(16, size.height - 1);
  if (shown)
    w.u(1, 1)
      .u(16, shown.width - 1)
      .u(16, shown.height - 1);
  return w.u(8, 0).bytes();
}

describe("vpcC", () => {
  it("is kept with the size of the pictures", () => {
    expect(parseVpConfiguration(RECORD)).toMatchObject({ width: 0, height: 0, profile: 0, level: 10 });
    const sized = sizedVpConfiguration(RECORD, SIZE);
    expect(sized.subarray(0, 12)).toEqual(RECORD);
    expect(parseVpConfiguration(sized)).toMatchObject({ ...SIZE, profile: 0, level: 10, colour: undefined });
    const hdr = RECORD.map((byte, i) => [byte, byte, byte, byte, 2, 51, 0xa3, 9, 16, 9, 0, 0][i] ?? 0);
    expect(parseVpConfiguration(hdr)).toMatchObject({
      profile: 2,
      colour: { primaries: 9, transfer: 16, matrix: 9, fullRange: true },
    });
  });

  it.each([
    ["720 × 576 as 1024 × 576", { width: 720, height: 576 }, { width: 1024, height: 576 }, [64, 45]],
    ["1440 × 1080 as 1920 × 1080", { width: 1440, height: 1080 }, { width: 1920, height: 1080 }, [4, 3]],
    ["of half the size, pixels square", { width: 480, height: 270 }, { width: 960, height: 540 }, [0, 0]],
  ])("is kept with the size that pictures are shown in: %s", (_name, size, shown, [parWidth, parHeight]) => {
    const frame = vp9Key(0, false, true, size, shown);
    const found = vp9KeyFrameSize(frame, 0, frame.byteLength);
    expect(found).toEqual({ ...size, shown });
    const sized = sizedVpConfiguration(RECORD, found ?? SIZE);
    expect(sized.subarray(0, 12)).toEqual(RECORD);
    expect(parseVpConfiguration(sized)).toMatchObject({ ...size, parWidth, parHeight });
    expect(parseVpConfiguration(sizedVpConfiguration(RECORD, size))).toMatchObject({ parWidth: 0, parHeight: 0 });
  });

  it("is taken with and without version and flags", () => {
    expect(toVpRecord(RECORD)).toEqual(RECORD);
    expect(toVpRecord(RECORD.subarray(4))).toEqual(RECORD);
    expect(toVpRecord(RECORD.map((byte, i) => (i === 11 ? 9 : byte)))).toEqual(RECORD);
  });

  it.each([
    ["too short", RECORD.subarray(0, 7)],
    ["of no profile", RECORD.map((byte, i) => (i === 4 ? 4 : byte))],
    ["empty", new Uint8Array(0)],
  ])("is refused: %s", (_name, bytes) => {
    expect(() => toVpRecord(bytes)).toThrow(ReelError);
  });
});

describe("the head of a frame", () => {
  it("of VP8 tells a key frame and its size, without the scaling", () => {
    expect(vp8KeyFrameSize(VP8_KEY, 0, VP8_KEY.byteLength)).toEqual({ width: 4096, height: 2162 });
    for (const [at, byte] of [
      [0, 0x11],
      [3, 0],
    ] as const)
      expect(
        vp8KeyFrameSize(
          VP8_KEY.map((old, i) => (i === at ? byte : old)),
          0,
          10,
        ),
      ).toBeUndefined();
    expect(vp8KeyFrameSize(VP8_KEY, 0, 9)).toBeUndefined();
  });

  it("of VP9 tells no size that no container can hold", () => {
    for (const [width, height, isSize] of [
      [65_535, 65_535, true],
      [65_536, 16, false],
      [16, 65_536, false],
    ] as const) {
      const frame = vp9Key(0, false, true, { width, height });
      expect(vp9KeyFrameSize(frame, 0, frame.byteLength)).toEqual(isSize ? { width, height } : undefined);
    }
  });

  it.each([0, 1, 2, 3])("of VP9 tells a key frame and its size, profile %i", (profile) => {
    for (const rgb of [false, profile % 2 === 1]) {
      const frame = vp9Key(profile, rgb);
      expect(vp9KeyFrameSize(frame, 0, frame.byteLength)).toEqual(SIZE);
    }
    const shown = { width: 1, height: 65_535 };
    const frame = vp9Key(profile, false, true, SIZE, shown);
    expect(vp9KeyFrameSize(frame, 0, frame.byteLength)).toEqual({ ...SIZE, shown });
    // Cut off in it: what is there is true.
    expect(vp9KeyFrameSize(frame, 0, frame.byteLength - 2)).toEqual(SIZE);
    const inter = vp9Key(profile, false, false);
    expect(vp9KeyFrameSize(inter, 0, inter.byteLength)).toBeUndefined();
    expect(vp9KeyFrameSize(vp9Key(profile), 0, 7)).toBeUndefined();
  });

  const rounds = effort(300, 10_000);
  it(`never throws, whatever it holds (${rounds} times, seed ${seed})`, () => {
    const random = mulberry32(seed);
    for (let round = 0; round < rounds; round++) {
      for (const [clean, sizeOf] of [
        [vp9Key(round % 4), vp9KeyFrameSize],
        [VP8_KEY, vp8KeyFrameSize],
      ] as const) {
        const bytes = clean.slice();
        for (let i = Math.ceil(random() * 3); i > 0; i--)
          bytes[Math.floor(random() * bytes.byteLength)] = random() * 256;
        const end = Math.floor(random() * (bytes.byteLength + 1));
        const size = sizeOf(bytes, 0, end);
        if (size) expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(65535);
      }
    }
  });
});
