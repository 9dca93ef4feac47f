// AV1 over RTP: packets made by hand from the payload format's §4.4.

import { describe, expect, it } from "vitest";
import { sequenceHeaderOf } from "../../../../src/media/codec/av1/decoder-configuration.js";
import { sizedObu } from "../../../../src/media/codec/av1/obu.js";
import { receive } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";
import { AV1C } from "../../../support/test-media.js";

const MEDIA = { encodingName: "AV1", fmtp: {} };
const D = 3600;
const SEQUENCE = sequenceHeaderOf(AV1C) as Uint8Array;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const body = (first: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i === 0 ? first : i & 255));
const KEY = body(0x10, 700); // show_existing_frame 0, KEY_FRAME, show_frame 1
const INTER = body(0x30, 400);
/** obu_has_size_field 0. */
const bare = (type: number, payload: Uint8Array): Uint8Array => Uint8Array.from([type << 3, ...payload]);
const leb128 = (n: number): number[] => (n > 127 ? [(n & 127) | 128, n >> 7] : [n]);

/** An aggregation header and elements; the last one without a length where W counts them. */
function payload(elements: readonly Uint8Array[], z = 0, y = 0, isCounted = true): Uint8Array {
  const header = (z << 7) | (y << 6) | (isCounted ? elements.length << 4 : 0);
  const parts = elements.map((one, i) =>
    isCounted && i === elements.length - 1 ? [...one] : [...leb128(one.length), ...one],
  );
  return Uint8Array.from([header, ...parts.flat()]);
}

const KEY_UNIT = hex(Buffer.concat([sizedObu(1, SEQUENCE), sizedObu(6, KEY)]));
const INTER_UNIT = hex(sizedObu(6, INTER));

describe("AV1 depacketizer", () => {
  it("gives OBUs their sizes, whole and in pieces, counted and not", () => {
    const key = bare(6, KEY);
    const { packets } = new PacketWriter()
      .write(0, payload([bare(2, new Uint8Array(0)), bare(1, SEQUENCE), key.subarray(0, 200)], 0, 1))
      .write(0, payload([key.subarray(200, 500)], 1, 1))
      .write(0, payload([key.subarray(500)], 1, 0), true)
      .write(D, payload([bare(6, INTER)], 0, 0, false), true)
      .write(2 * D, payload([sizedObu(6, INTER), bare(15, body(0, 9))]), true);
    const { log, statistics } = receive(packets, MEDIA);
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[KEY_UNIT], [INTER_UNIT], [INTER_UNIT]]);
    expect(log.frames.map(({ dts, cts, isRandomAccess }) => [dts, cts, isRandomAccess])).toEqual([
      [0, 0, true],
      [D, 0, false],
      [2 * D, 0, false],
    ]);
    expect(log.configs).toHaveLength(1);
    expect(statistics).toMatchObject({ badPackets: 0, damagedFrames: 0 });
  });

  it("goes on with a key frame behind a loss, wherever in the unit it was", () => {
    const key = bare(6, KEY);
    const unit = (writer: PacketWriter, timestamp: number): PacketWriter =>
      writer
        .write(timestamp, payload([bare(1, SEQUENCE), key.subarray(0, 200)], 0, 1))
        .write(timestamp, payload([key.subarray(200, 500)], 1, 1))
        .write(timestamp, payload([key.subarray(500)], 1, 0), true)
        .write(timestamp + D, payload([bare(6, INTER)]), true);
    const { packets } = unit(unit(unit(new PacketWriter(), 0), 2 * D), 4 * D);
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

  it("counts elements that do not fit", () => {
    const { packets } = new PacketWriter()
      .write(0, Uint8Array.of(0x20, 99, 1))
      .write(D, Uint8Array.of(0))
      .write(2 * D, payload([Uint8Array.of(0x80, 1)]))
      .write(3 * D, Uint8Array.of(0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1));
    const { log, statistics } = receive(packets, MEDIA);
    expect(log.frames).toEqual([]);
    expect(statistics.badPackets).toBe(4);
  });
});
