// avcC and AudioSpecificConfig: parameter sets written here, bit by bit from ITU-T H.264 §7.3.2.1.1 and ISO/IEC 14496-3
// §1.6.2.1, must be read back as they were meant; what is cut, changed or made up must be refused and never break
// anything.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReelError } from "../../../src/base/reel-error.js";
import { parseAudioSpecificConfig } from "../../../src/media/codec/aac/audio-specific-config.js";
import {
  buildAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
  parseSps,
} from "../../../src/media/codec/h264/decoder-configuration.js";
import { BitWriter } from "../../support/bit-writer.js";
import { ASC, ASC_HE, AVCC } from "../../support/test-media.js";
import { usacSpecificConfig } from "../../support/usac.js";

interface Sps {
  profile: number;
  level: number;
  chromaFormat: number;
  bitDepth: number;
  scalingLists: boolean;
  orderType: number;
  widthMbs: number;
  heightMbs: number;
  isInterlaced: boolean;
  crop: [number, number, number, number] | null;
  sar: [number, number] | null;
  colour: [number, number, number, boolean] | null;
}

function writeSps(sps: Sps): Uint8Array {
  const w = new BitWriter().u(8, sps.profile).u(8, 0).u(8, sps.level).ue(3);
  if (sps.profile >= 100) {
    w.ue(sps.chromaFormat);
    if (sps.chromaFormat === 3) w.u(1, 0);
    w.ue(sps.bitDepth - 8)
      .ue(sps.bitDepth - 8)
      .u(1, 0)
      .u(1, sps.scalingLists ? 1 : 0);
    for (let i = 0; sps.scalingLists && i < (sps.chromaFormat === 3 ? 12 : 8); i++) {
      w.u(1, i % 2);
      if (i % 2 === 1) for (let k = 0; k < (i < 6 ? 16 : 64); k++) w.se(k === 0 ? 8 : (k % 3) - 1);
    }
  }
  w.ue(4).ue(sps.orderType);
  if (sps.orderType === 0) w.ue(4);
  if (sps.orderType === 1) w.u(1, 0).se(-3).se(7).ue(2).se(1).se(-1);
  w.ue(4)
    .u(1, 0)
    .ue(sps.widthMbs - 1)
    .ue((sps.isInterlaced ? sps.heightMbs / 2 : sps.heightMbs) - 1)
    .u(1, sps.isInterlaced ? 0 : 1);
  if (sps.isInterlaced) w.u(1, 0);
  w.u(1, 1).u(1, sps.crop ? 1 : 0);
  for (const side of sps.crop ?? []) w.ue(side);
  w.u(1, sps.sar || sps.colour ? 1 : 0);
  if (sps.sar || sps.colour) {
    w.u(1, sps.sar ? 1 : 0);
    if (sps.sar) w.u(8, 255).u(16, sps.sar[0]).u(16, sps.sar[1]);
    w.u(1, 0).u(1, sps.colour ? 1 : 0);
    if (sps.colour)
      w.u(3, 5)
        .u(1, sps.colour[3] ? 1 : 0)
        .u(1, 1)
        .u(8, sps.colour[0])
        .u(8, sps.colour[1])
        .u(8, sps.colour[2]);
    w.u(1, 0).u(1, 0).u(1, 0).u(1, 0).u(1, 0).u(1, 0);
  }
  const rbsp = w.u(1, 1).bytes();
  const nal = [0x67];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros === 2 && byte <= 3) {
      nal.push(3);
      zeros = 0;
    }
    nal.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(nal);
}

const anySps: fc.Arbitrary<Sps> = fc.record({
  profile: fc.constantFrom(66, 77, 88, 100, 110, 122, 244),
  level: fc.constantFrom(10, 31, 40, 62),
  chromaFormat: fc.constantFrom(0, 1, 2, 3),
  bitDepth: fc.constantFrom(8, 10, 14),
  scalingLists: fc.boolean(),
  orderType: fc.constantFrom(0, 1, 2),
  widthMbs: fc.integer({ min: 2, max: 512 }),
  heightMbs: fc.integer({ min: 2, max: 256 }).map((n) => 2 * n),
  isInterlaced: fc.boolean(),
  crop: fc.option(fc.tuple(fc.nat(7), fc.nat(7), fc.nat(3), fc.nat(3))),
  sar: fc.option(fc.tuple(fc.nat(65535), fc.nat(65535))),
  colour: fc.option(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.boolean())),
});

function expectBadConfig(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (error instanceof ReelError && error.code === "badConfig") return;
    throw error;
  }
}

describe("a sequence parameter set", () => {
  it("of any shape is read as it was written", () => {
    fc.assert(
      fc.property(anySps, (sps) => {
        const chroma = sps.profile >= 100 ? sps.chromaFormat : 1;
        const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
        const unitY = (chroma === 1 ? 2 : 1) * (sps.isInterlaced ? 2 : 1);
        const [left, right, top, bottom] = sps.crop ?? [0, 0, 0, 0];
        fc.pre(sps.heightMbs * 16 > unitY * (top + bottom));
        expect(parseSps(writeSps(sps))).toMatchObject({
          profile: sps.profile,
          level: sps.level,
          width: sps.widthMbs * 16 - unitX * (left + right),
          height: sps.heightMbs * 16 - unitY * (top + bottom),
          parWidth: sps.sar?.[0] ?? 0,
          parHeight: sps.sar?.[1] ?? 0,
          bitDepthLuma: sps.profile >= 100 ? sps.bitDepth : 8,
          ...(sps.colour && {
            colour: {
              primaries: sps.colour[0],
              transfer: sps.colour[1],
              matrix: sps.colour[2],
              fullRange: sps.colour[3],
            },
          }),
        });
      }),
      { numRuns: 300 },
    );
  });

  it("that is cut or changed is refused or read, and nothing else happens", () => {
    fc.assert(
      fc.property(anySps, fc.nat(60), fc.nat(255), fc.boolean(), (sps, at, value, isCut) => {
        const nal = writeSps(sps);
        if (isCut) expectBadConfig(() => parseSps(nal.subarray(0, at)));
        else {
          nal[at % nal.length] = value;
          expectBadConfig(() => parseSps(nal));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of made-up bytes never hangs", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        expectBadConfig(() => parseSps(Uint8Array.of(0x67, ...bytes))),
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ["another NAL unit type", Uint8Array.of(0x68, 1, 2, 3)],
    [
      "a picture larger than any level allows",
      writeSps({
        profile: 66,
        level: 31,
        chromaFormat: 1,
        bitDepth: 8,
        scalingLists: false,
        orderType: 2,
        widthMbs: 2000,
        heightMbs: 2,
        isInterlaced: false,
        crop: null,
        sar: null,
        colour: null,
      }),
    ],
    [
      "cropping that leaves nothing",
      writeSps({
        profile: 66,
        level: 31,
        chromaFormat: 1,
        bitDepth: 8,
        scalingLists: false,
        orderType: 2,
        widthMbs: 1,
        heightMbs: 2,
        isInterlaced: false,
        crop: [4, 4, 0, 0],
        sar: null,
        colour: null,
      }),
    ],
  ])("refuses %s", (_name, nal) => {
    expect(() => parseSps(nal)).toThrow("H.264 decoder configuration");
  });
});

describe("an avcC", () => {
  it("of a real encoder is understood", () => {
    expect(parseAvcDecoderConfiguration(AVCC)).toMatchObject({
      width: 320,
      height: 180,
      profile: 100,
      level: 12,
      nalLengthSize: 4,
      parWidth: 1,
      parHeight: 1,
    });
  });

  it("is rebuilt from its parameter sets to the byte", () => {
    const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
    expect(buildAvcDecoderConfiguration(sps, pps)).toEqual(AVCC);
  });

  it("has every parameter set, and lengths of 1, 2 or 4 bytes", () => {
    const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
    const first = sps[0] ?? new Uint8Array(0);
    const two = buildAvcDecoderConfiguration([first, first], [...pps, ...pps, ...pps]);
    for (const [byte, size] of [
      [0xfc, 1],
      [0xfd, 2],
      [0xff, 4],
    ] as const) {
      two[4] = byte;
      const parsed = parseAvcDecoderConfiguration(two);
      expect([parsed.sps.length, parsed.pps.length, parsed.nalLengthSize]).toEqual([2, 3, size]);
    }
    two[4] = 0xfe;
    expect(() => parseAvcDecoderConfiguration(two)).toThrow("reserved");
  });

  it("that ends early, has another version or no parameter sets is refused", () => {
    const { pps } = parseAvcDecoderConfiguration(AVCC);
    const end = AVCC.length - 4; // the last four bytes are an extension that old encoders leave out
    for (let size = 0; size < end; size++)
      expect(() => parseAvcDecoderConfiguration(AVCC.subarray(0, size)), `${size} bytes`).toThrow("H.264");
    expect(() => parseAvcDecoderConfiguration(AVCC.subarray(0, end))).not.toThrow();
    expect(() => parseAvcDecoderConfiguration(Uint8Array.of(2, ...AVCC.subarray(1)))).toThrow("configurationVersion");
    expect(() =>
      parseAvcDecoderConfiguration(Uint8Array.of(1, 100, 0, 12, 255, 0xe0, 1, 0, 1, ...(pps[0] ?? []))),
    ).toThrow("no sequence parameter set");
  });
});

describe("an AudioSpecificConfig", () => {
  it.each([
    [
      "AAC-LC, 48 kHz, stereo",
      ASC,
      { sampleRate: 48000, channels: 2, objectType: 2, rateIndex: 3, samplesPerFrame: 1024, sbr: false, ps: false },
    ],
    [
      "HE-AAC, 24 kHz core",
      ASC_HE,
      { sampleRate: 24000, channels: 2, objectType: 2, samplesPerFrame: 1024, sbr: true, ps: false },
    ],
    [
      "HE-AAC v2",
      new BitWriter().u(5, 29).u(4, 6).u(4, 1).u(4, 3).u(5, 2).u(3, 0).bytes(),
      { sampleRate: 24000, channels: 1, objectType: 2, sbr: true, ps: true },
    ],
    [
      "frames of 960 samples",
      new BitWriter().u(5, 2).u(4, 3).u(4, 2).u(1, 1).u(2, 0).bytes(),
      { samplesPerFrame: 960 },
    ],
    [
      "AAC-LD, frames of 512 samples",
      new BitWriter().u(5, 23).u(4, 3).u(4, 2).u(3, 0).bytes(),
      { objectType: 23, sampleRate: 48000, channels: 2, samplesPerFrame: 512 },
    ],
    [
      "AAC-LD, frames of 480 samples",
      new BitWriter().u(5, 23).u(4, 3).u(4, 2).u(1, 1).u(2, 0).bytes(),
      { objectType: 23, samplesPerFrame: 480 },
    ],
    [
      "AAC-ELD, frames of 512 samples",
      new BitWriter().u(5, 31).u(6, 7).u(4, 4).u(4, 1).u(1, 0).u(8, 0).bytes(),
      { objectType: 39, sampleRate: 44100, channels: 1, samplesPerFrame: 512 },
    ],
    [
      "AAC-ELD, frames of 480 samples",
      new BitWriter().u(5, 31).u(6, 7).u(4, 4).u(4, 2).u(1, 1).u(8, 0).bytes(),
      { objectType: 39, channels: 2, samplesPerFrame: 480 },
    ],
    [
      "a rate written out",
      new BitWriter().u(5, 2).u(4, 15).u(24, 44056).u(4, 1).u(3, 0).bytes(),
      { sampleRate: 44056, rateIndex: 15, channels: 1 },
    ],
    ["7.1", new BitWriter().u(5, 2).u(4, 4).u(4, 7).u(3, 0).bytes(), { sampleRate: 44100, channels: 8 }],
    ["6.1", new BitWriter().u(5, 2).u(4, 4).u(4, 11).u(3, 0).bytes(), { channels: 7 }],
    [
      "xHE-AAC, frames of 1024 samples",
      usacSpecificConfig({ lengthIndex: 1 }).bytes(),
      { objectType: 42, sampleRate: 48000, channels: 1, samplesPerFrame: 1024, sbr: false },
    ],
    [
      "xHE-AAC, frames of 768 samples",
      usacSpecificConfig({ lengthIndex: 0 }).bytes(),
      { objectType: 42, samplesPerFrame: 768 },
    ],
    [
      "xHE-AAC, what SBR of 4:1 makes of 1024 samples, rate written out",
      new BitWriter().u(5, 31).u(6, 10).u(4, 5).u(4, 2).u(5, 31).u(24, 44100).u(3, 4).u(5, 2).bytes(),
      { objectType: 42, sampleRate: 44100, channels: 2, samplesPerFrame: 4096, sbr: true },
    ],
    [
      "xHE-AAC that says where each channel is",
      new BitWriter().u(5, 31).u(6, 10).u(4, 3).u(4, 0).u(5, 20).u(3, 3).u(5, 0).u(5, 3).u(15, 0x443).bytes(),
      { sampleRate: 28800, channels: 3, samplesPerFrame: 2048 },
    ],
    ["7.1 with height", new BitWriter().u(5, 2).u(4, 4).u(4, 14).u(3, 0).bytes(), { channels: 8 }],
  ])("of %s", (_name, bytes, expected) => {
    expect(parseAudioSpecificConfig(bytes)).toMatchObject(expected);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["one byte", Uint8Array.of(0x11)],
    ["a reserved rate", new BitWriter().u(5, 2).u(4, 13).u(4, 2).u(3, 0).bytes()],
    ["a rate of 0", new BitWriter().u(5, 2).u(4, 15).u(24, 0).u(4, 2).u(3, 0).bytes()],
    ["a rate above 96 kHz", new BitWriter().u(5, 2).u(4, 15).u(24, 96001).u(4, 2).u(3, 0).bytes()],
    ["MPEG-1 layer 3", new BitWriter().u(5, 31).u(6, 2).u(4, 3).u(4, 2).u(3, 0).bytes()],
    ["xHE-AAC of a reserved rate", new BitWriter().u(5, 31).u(6, 10).u(8, 0x31).u(5, 13).u(8, 0x22).bytes()],
    ["xHE-AAC of a reserved frame length", new BitWriter().u(5, 31).u(6, 10).u(8, 0x31).u(5, 3).u(8, 0xa2).bytes()],
    ["xHE-AAC of no channels", new BitWriter().u(5, 31).u(6, 10).u(8, 0x31).u(5, 3).u(8, 0x20).u(5, 0).bytes()],
    ["xHE-AAC of 31 channels", new BitWriter().u(5, 31).u(6, 10).u(8, 0x31).u(5, 3).u(8, 0x20).u(5, 31).bytes()],
    ["a reserved channel configuration", new BitWriter().u(5, 2).u(4, 3).u(4, 9).u(3, 0).bytes()],
  ])("is refused: %s", (_name, bytes) => {
    expect(() => parseAudioSpecificConfig(bytes)).toThrow("AAC decoder configuration");
  });

  it("of made-up bytes is refused or read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => expectBadConfig(() => parseAudioSpecificConfig(bytes))),
      { numRuns: 500 },
    );
  });
});
