// AV1: OBUs, sequence headers and av1C, byte by byte from the specification and from real encodes; and whatever bytes
// come.

import { describe, expect, it } from "vitest";
import { ReelError } from "../../../../src/base/reel-error.js";
import {
  buildAv1Configuration,
  parseAv1Configuration,
  sequenceHeaderOf,
} from "../../../../src/media/codec/av1/decoder-configuration.js";
import { ObuCursor, sizedObu } from "../../../../src/media/codec/av1/obu.js";
import { TemporalUnit } from "../../../../src/media/codec/av1/temporal-unit.js";
import { FRAME_READINGS } from "../../../../src/verify/frame-readings.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { effort, seed } from "../../../support/effort.js";
import { mulberry32 } from "../../../support/random.js";
import { AV1C } from "../../../support/test-media.js";

const SEQUENCE_HEADER = AV1C.subarray(6);
const SEQUENCE_OBU = sizedObu(1, SEQUENCE_HEADER);
const DELIMITER = Uint8Array.of(0x12, 0);
const KEY_FRAME = Uint8Array.of(0x32, 3, 0x10, 1, 2);
const INTER_FRAME = Uint8Array.of(0x32, 3, 0x30, 1, 2);
const SHOW_EXISTING = Uint8Array.of(0x1a, 1, 0x80);
const HIDDEN_KEY = Uint8Array.of(0x32, 3, 0x00, 1, 2);

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function inspect(bytes: Uint8Array): TemporalUnit {
  const unit = new TemporalUnit();
  unit.inspect(bytes, 0, bytes.byteLength, false);
  return unit;
}

describe("av1C", () => {
  it("of a real encode tells size, profile and level", () => {
    expect(parseAv1Configuration(AV1C)).toMatchObject({ width: 160, height: 90, profile: 0, level: 0, constraints: 0 });
  });

  it("is built again from its sequence header, with what stands beside it", () => {
    const header = sequenceHeaderOf(AV1C) ?? new Uint8Array();
    expect(buildAv1Configuration(header, AV1C)).toEqual(AV1C);
    const metadata = sizedObu(5, Uint8Array.of(1, 2, 3));
    const earlier = join(AV1C, metadata);
    earlier[3] = 0x15; // initial_presentation_delay
    expect(buildAv1Configuration(header, earlier)).toEqual(earlier);
  });

  it("tells HDR colours, tier and bit depth of a sequence header with all its optional parts", () => {
    const w = new BitWriter();
    w.u(3, 2).u(1, 0).u(1, 0); // seq_profile 2, still_picture, reduced_still_picture_header
    w.u(1, 1).u(32, 1).u(32, 25).u(1, 1).u(1, 1); // timing_info, num_ticks_per_picture_minus_1 = 0
    w.u(1, 1).u(5, 9).u(32, 1).u(5, 3).u(5, 3); // decoder_model_info: delays of 10 bits
    w.u(1, 1).u(5, 0); // initial_display_delay_present_flag, one operating point
    w.u(12, 0).u(5, 12).u(1, 1); // idc, level 5.0, tier
    w.u(1, 1).u(10, 1).u(10, 1).u(1, 0); // decoder model of the point
    w.u(1, 1).u(4, 3); // its display delay
    w.u(4, 11).u(4, 11).u(12, 3839).u(12, 2159);
    w.u(1, 1).u(7, 0); // frame ids
    w.u(3, 0).u(4, 0).u(1, 1).u(2, 0).u(1, 0).u(1, 1).u(1, 0).u(1, 1).u(3, 6); // tools, integer mv forced
    w.u(3, 0);
    // 4:2:2 of 12 bits, PQ
    w.u(1, 1).u(1, 1).u(1, 0).u(1, 1).u(8, 9).u(8, 16).u(8, 9).u(1, 0).u(1, 1).u(1, 0).u(1, 0).u(1, 0);
    const record = buildAv1Configuration(w.bytes());
    expect([...record.subarray(0, 4)]).toEqual([0x81, (2 << 5) | 12, 0x80 | 0x40 | 0x20 | 8, 0]);
    expect(parseAv1Configuration(record)).toMatchObject({
      ...{ width: 3840, height: 2160, profile: 2, level: 12, constraints: 1 },
      colour: { primaries: 9, transfer: 16, matrix: 9, fullRange: false },
    });
  });

  it.each([
    ["too short", AV1C.subarray(0, 3)],
    ["of another version", AV1C.map((byte, i) => (i === 0 ? 0x82 : byte))],
    ["without a sequence header", AV1C.subarray(0, 4)],
    ["with an OBU that reaches past the end", AV1C.subarray(0, 14)],
  ])("is refused: %s", (_name, bytes) => {
    expect(() => parseAv1Configuration(bytes)).toThrow(ReelError);
  });

  const rounds = effort(300, 10_000);
  it(`fails as a bad configuration on whatever bytes come (${rounds} times, seed ${seed})`, () => {
    const random = mulberry32(seed);
    let accepted = 0;
    for (let round = 0; round < rounds; round++) {
      const bytes = AV1C.slice(0, random() < 0.3 ? Math.floor(random() * AV1C.byteLength) : undefined);
      for (let i = Math.ceil(random() * 4); i > 0; i--) bytes[Math.floor(random() * bytes.byteLength)] = random() * 256;
      try {
        const { width, height } = parseAv1Configuration(bytes);
        expect(width).toBeGreaterThan(0);
        expect(height).toBeGreaterThan(0);
        accepted++;
      } catch (error) {
        expect((error as ReelError).code).toBe("badConfig");
      }
    }
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(rounds);
  });
});

describe("a temporal unit", () => {
  it.each([
    ["a shown key frame", join(DELIMITER, SEQUENCE_OBU, KEY_FRAME, INTER_FRAME), true],
    ["an inter frame", INTER_FRAME, false],
    ["an inter frame in front of a key frame", join(INTER_FRAME, KEY_FRAME), false],
    ["a key frame that is not shown", join(SEQUENCE_OBU, HIDDEN_KEY), false],
    ["a frame shown again", SHOW_EXISTING, false],
  ])("is looked into: %s", (_name, bytes, isKey) => {
    expect(inspect(bytes)).toMatchObject({ isDamaged: false, hasFrame: true, isKey });
    // The reader of finished files, which is written apart, says the same.
    const bare = bytes[0] === DELIMITER[0] ? bytes.subarray(2) : bytes;
    expect(FRAME_READINGS.av1?.(bare, bare.byteLength)).toEqual({ isKey, complaint: undefined });
  });

  it("is freed of delimiters, tile lists and padding, in place", () => {
    const padding = sizedObu(15, new Uint8Array(200));
    const bytes = join(Uint8Array.of(9), DELIMITER, SEQUENCE_OBU, padding, KEY_FRAME, sizedObu(8, new Uint8Array(5)));
    const unit = new TemporalUnit();
    unit.inspect(bytes, 1, bytes.byteLength, false);
    expect(unit.hasLeftOut).toBe(true);
    const end = unit.removeLeftOut(bytes, 1, bytes.byteLength);
    expect(bytes.subarray(0, end)).toEqual(join(Uint8Array.of(9), SEQUENCE_OBU, KEY_FRAME));
    expect(FRAME_READINGS.av1?.(join(DELIMITER, KEY_FRAME), 7).complaint).toBe(
      "holds a temporal delimiter, which no sample may",
    );
  });

  it("may end with an OBU that has no size", () => {
    expect(inspect(join(SEQUENCE_OBU, Uint8Array.of(0x30, 0x10, 1)))).toMatchObject({ isDamaged: false, isKey: true });
  });

  it.each([
    ["a size past the end", Uint8Array.of(0x32, 9, 0x10)],
    ["a size without an end", Uint8Array.of(0x32, 0x80, 0x80)],
    ["the forbidden bit", Uint8Array.of(0xb2, 1, 0x10)],
    ["an extension that is not there", Uint8Array.of(0x34)],
  ])("is damaged: %s", (_name, bytes) => {
    expect(inspect(bytes).isDamaged).toBe(true);
    expect(FRAME_READINGS.av1?.(bytes, bytes.byteLength).complaint).toBeDefined();
  });

  const rounds = effort(300, 10_000);
  it(`is never read past its end, whatever it holds (${rounds} times, seed ${seed})`, () => {
    const random = mulberry32(seed);
    const obus = new ObuCursor();
    const unit = new TemporalUnit();
    const clean = join(DELIMITER, SEQUENCE_OBU, sizedObu(5, new Uint8Array(20)), KEY_FRAME);
    for (let round = 0; round < rounds; round++) {
      const bytes = clean.slice();
      for (let i = Math.ceil(random() * 4); i > 0; i--) bytes[Math.floor(random() * bytes.byteLength)] = random() * 256;
      const end = Math.floor(random() * (bytes.byteLength + 1));
      obus.begin(bytes, 0, end);
      for (let at = 0; obus.advance(); at = obus.next) {
        expect(obus.next).toBeGreaterThan(at);
        expect(obus.next).toBeLessThanOrEqual(end);
      }
      unit.inspect(bytes, 0, end, false);
      if (!unit.isDamaged) expect(unit.removeLeftOut(bytes, 0, end)).toBeLessThanOrEqual(end);
    }
  });
});
