// VP9 over RTP: packets made by hand from RFC 9628.

import { describe, expect, it } from "vitest";
import { BitWriter } from "../../../support/bit-writer.js";
import { receive } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";

const MEDIA = { encodingName: "VP9", fmtp: {} };
const D = 3600;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** uncompressed_header() of profile 0: 320 × 180, BT.709, limited range; what follows is no picture. */
const KEY = Buffer.concat([
  new BitWriter()
    .u(2, 2)
    .u(2, 0)
    .u(1, 0)
    .u(1, 0)
    .u(1, 1)
    .u(1, 0)
    .u(24, 0x498342)
    .u(3, 2)
    .u(1, 0)
    .u(16, 319)
    .u(16, 179)
    .align()
    .bytes(),
  Buffer.alloc(600, 0x5a),
]);
const INTER = Buffer.concat([Buffer.of(0x86), Buffer.alloc(300, 0x33)]);
const piece = (descriptor: readonly number[], bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([...descriptor, ...bytes]);

describe("VP9 depacketizer", () => {
  it("puts frames together behind every kind of descriptor", () => {
    const structure = [(1 << 5) | 0x18, 1, 64, 0, 180, 1, 64, 0, 180, 2, 0x04, 3, 0x00];
    const { packets } = new PacketWriter()
      .write(0, piece([0x8a, 0x81, 0x23, ...structure], KEY.subarray(0, 300))) // I, B, V
      .write(0, piece([0x80, 0x81, 0x23], KEY.subarray(300, 500)))
      .write(0, piece([0x84, 0x12], KEY.subarray(500)), true)
      .write(D, piece([0xfc, 0x13, 0x00, 0x03, 0x02], INTER), true) // I, P, L, F, B, E and two differences
      .write(2 * D, piece([0xec, 0x14, 0x00, 0x07], INTER), true); // L without F: TL0PICIDX
    const { log, statistics } = receive(packets, MEDIA);
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(KEY)], [hex(INTER)], [hex(INTER)]]);
    expect(log.frames.map(({ dts, isRandomAccess }) => [dts, isRandomAccess])).toEqual([
      [0, true],
      [D, false],
      [2 * D, false],
    ]);
    // Profile 0, no level, 8 bits 4:2:0 limited, BT.709 matrix, 320 × 180.
    expect(log.configs).toEqual([{ track: 0, codec: "vp9", hex: "01000000000080020201000001" + "4000b4" }]);
    expect(statistics.badPackets).toBe(0);
  });

  it("records the lowest spatial layer", () => {
    const { packets } = new PacketWriter()
      .write(0, piece([0x3c, 0x00], KEY)) // L, F, B, E: layer 0
      .write(0, piece([0x3c, 0x02], INTER), true)
      .write(D, piece([0x3c, 0x00], INTER), true);
    const { log, notes } = receive(packets, MEDIA);
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(KEY)], [hex(INTER)]]);
    expect(notes).toEqual(["of VP9 with several spatial layers the lowest is recorded"]);
  });

  it("goes on without a key frame where none comes for 10 s", () => {
    const writer = new PacketWriter().write(0, piece([0x0c], KEY), true);
    for (let frame = 1; frame <= 300; frame++) writer.write(frame * D, piece([0x0c], INTER), true);
    const { log } = receive(
      writer.packets.filter((_, i) => i !== 5),
      MEDIA,
    );
    expect(log.frames.map(({ dts }) => dts / D).slice(4, 7)).toEqual([4, 256, 257]);
    expect(log.losses).toMatchObject([{ frames: 250 }]);
  });

  it("goes on with a key frame behind a loss, wherever in the frame it was", () => {
    const group = (writer: PacketWriter, timestamp: number): PacketWriter =>
      writer
        .write(timestamp, piece([0x08], KEY.subarray(0, 200)))
        .write(timestamp, piece([0x00], KEY.subarray(200, 400)))
        .write(timestamp, piece([0x04], KEY.subarray(400)), true)
        .write(timestamp + D, piece([0x0c], INTER), true);
    const { packets } = group(group(group(new PacketWriter(), 0), 2 * D), 4 * D);
    for (const missing of [4, 5, 6]) {
      const { log, statistics } = receive(
        packets.filter((_, i) => i !== missing),
        MEDIA,
      );
      expect(log.frames.map(({ dts }) => dts)).toEqual([0, D, 4 * D, 5 * D]);
      expect(log.losses).toMatchObject([{ frames: 2, durationMs: 80 }]);
      expect(statistics).toMatchObject({ lostPackets: 1, damagedFrames: 1 });
    }
  });

  it("counts descriptors that reach past the end", () => {
    const { packets } = new PacketWriter()
      .write(0, Uint8Array.of(0x88))
      .write(0, Uint8Array.of(0x5c, 1, 1, 1, 1))
      .write(0, Uint8Array.of(0x0a, 0x38))
      .write(0, Uint8Array.of(0x0a, 0x08, 9, 0x0c));
    const { log, statistics } = receive(packets, MEDIA);
    expect(log.frames).toEqual([]);
    expect(statistics.badPackets).toBe(4);
  });
});
