// H.264 over RTP: packets made by hand from RFC 6184, and what cameras make of it.

import { describe, expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { parseAvcDecoderConfiguration } from "../../../../src/media/codec/h264/decoder-configuration.js";
import { FIELD_PPS, FIELD_SPS, fieldSlice } from "../../../support/field-pictures.js";
import { SLICE_P, slice } from "../../../support/pictures.js";
import { RtpReceiver, receive, VIDEO } from "../../../support/receive-rtp.js";
import { fuA, PacketWriter, rtpPacket, stapA } from "../../../support/rtp-packets.js";
import { AVCC, AVCC_OTHER, NAL_AUD, NAL_IDR, NAL_SEI, NAL_SLICE, nalUnit } from "../../../support/test-media.js";

const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
const SPS = sps[0] as Uint8Array;
const PPS = pps[0] as Uint8Array;
const SETS = `${Buffer.from(SPS).toString("base64")},${Buffer.from(PPS).toString("base64")}`;
const IDR = slice(7, 1, true, 3000);
const P1 = slice(SLICE_P, 2, false, 900);
const P2 = slice(SLICE_P, 3, false, 700);
const D = 3600;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unitsOf = ({ log }: RtpReceiver): string[][] => log.frames.map(({ units }) => units.map(hex));
const shownOf = ({ log }: RtpReceiver): number[] => log.frames.map(({ dts, cts }) => dts + cts);

describe("H.264 depacketizer", () => {
  it("takes single NAL units, an aggregate and fragments", () => {
    const writer = new PacketWriter().write(5000, stapA(SPS, PPS));
    for (const piece of fuA(IDR, 1000)) writer.write(5000, piece);
    writer.write(5000 + D, P1, true).write(5000 + 2 * D, P2, true);
    const received = receive(writer.packets);
    expect(unitsOf(received)).toEqual([[hex(IDR)], [hex(P1)], [hex(P2)]]);
    expect(shownOf(received)).toEqual([0, D, 2 * D]);
    expect(received.log.configs.map((config) => config.hex)).toEqual([hex(AVCC)]);
    expect(received.log.losses).toEqual([]);
    expect(received.log.frames.map(({ isRandomAccess }) => isRandomAccess)).toEqual([true, false, false]);
  });

  it("leaves delimiters out and keeps what stands in front of a slice with it", () => {
    const sei = nalUnit(NAL_SEI, 12, 4);
    const { packets } = new PacketWriter()
      .write(0, stapA(nalUnit(NAL_AUD, 2), SPS, PPS))
      .write(0, sei)
      .write(0, IDR, true)
      .write(D, P1, true);
    expect(unitsOf(receive(packets))).toEqual([[hex(sei), hex(IDR)], [hex(P1)]]);
  });

  it("puts the slices of a picture together, whatever the marker bit says", () => {
    const second = nalUnit(NAL_SLICE, 300, 8);
    second[1] = 0x40; // first_mb_in_slice 1
    for (const isMarked of [true, false]) {
      const { packets } = new PacketWriter()
        .write(0, stapA(SPS, PPS), isMarked)
        .write(0, IDR, isMarked)
        .write(D, P1, isMarked)
        .write(D, second, isMarked)
        .write(2 * D, P2, isMarked);
      expect(unitsOf(receive(packets))).toEqual([[hex(IDR)], [hex(P1), hex(second)], [hex(P2)]]);
    }
  });

  it("gives parameter sets with the timestamp of the picture before to the picture behind", () => {
    const { packets } = new PacketWriter()
      .write(0, stapA(SPS, PPS))
      .write(0, IDR, true)
      .write(0, SPS, true)
      .write(0, PPS, true)
      .write(D, IDR, true)
      .write(2 * D, P1, true);
    const received = receive(packets);
    expect(unitsOf(received)).toEqual([[hex(IDR)], [hex(IDR)], [hex(P1)]]);
    expect(shownOf(received)).toEqual([0, D, 2 * D]);
  });

  it("takes parameter sets from the session description", () => {
    const { packets } = new PacketWriter().write(0, IDR, true).write(D, P1, true);
    const received = receive(packets, { fmtp: { "sprop-parameter-sets": SETS } });
    expect(received.log.configs.map((config) => config.hex)).toEqual([hex(AVCC)]);
    expect(received.log.frames).toHaveLength(2);
    expect(received.notes).toEqual([]);
  });

  it("passes over what is announced and is no parameter set", () => {
    const { packets } = new PacketWriter().write(0, IDR, true).write(D, P1, true);
    const sei = Buffer.from("06e50102030480", "hex").toString("base64");
    const received = receive(packets, { fmtp: { "sprop-parameter-sets": `${SETS},${sei},CfA=` } });
    expect(received.log.configs.map((config) => config.hex)).toEqual([hex(AVCC)]);
  });

  it("reads announced parameter sets with start codes, empty parts and zeros behind", () => {
    const both = Buffer.concat([Buffer.of(0, 0, 0, 1), SPS, Buffer.of(0, 0, 0, 1), PPS, Buffer.of(0, 0)]);
    const { packets } = new PacketWriter().write(0, IDR, true).write(D, P1, true);
    const received = receive(packets, { fmtp: { "sprop-parameter-sets": `,${both.toString("base64")} ,` } });
    expect(received.log.configs.map((config) => config.hex)).toEqual([hex(AVCC)]);
  });

  it("uses the parameter sets in band where the session description has others, and says so", () => {
    const other = parseAvcDecoderConfiguration(AVCC_OTHER).sps[0] as Uint8Array;
    const announced = `${Buffer.from(other).toString("base64")},${Buffer.from(PPS).toString("base64")}`;
    const { packets } = new PacketWriter().write(0, stapA(SPS, PPS)).write(0, IDR, true).write(D, P1, true);
    const received = receive(packets, { fmtp: { "sprop-parameter-sets": announced } });
    expect(received.log.configs.map((config) => config.hex)).toEqual([hex(AVCC)]);
    expect(received.notes).toEqual([
      "parameter sets in band differ from those of the session description: those in band are used",
    ]);
  });

  it("counts frames that come before any parameter set", () => {
    const { packets } = new PacketWriter()
      .write(0, P1, true)
      .write(D, stapA(SPS, PPS))
      .write(D, IDR, true)
      .write(2 * D, P1, true);
    const received = receive(packets);
    expect(received.log.configs).toHaveLength(1);
    expect(received.statistics.framesBeforeConfig).toBe(1);
  });

  it("cuts NAL units where a camera has put start codes into them", () => {
    const whole = Buffer.concat([Buffer.of(0, 0, 0, 1), SPS, Buffer.of(0, 0, 0, 1), PPS, Buffer.of(0, 0, 1), IDR]);
    const { packets } = new PacketWriter().write(0, whole, true).write(D, P1, true);
    const received = receive(packets);
    expect(unitsOf(received)).toEqual([[hex(IDR)], [hex(P1)]]);
    expect(received.notes).toEqual(["NAL units with start codes inside were parted there"]);
  });

  it("moves pictures with start codes between them once, however many they are", () => {
    let moved = 0;
    const arena = new Arena({ maximumBytes: 64 * 1024 * 1024 });
    const { copy } = arena;
    Object.assign(arena, {
      copy: (to: number, from: number, size: number) => {
        moved += size;
        copy(to, from, size);
      },
    });
    const pictures = Buffer.alloc(64 * 1024, Buffer.of(0, 0, 1, 0x65, 0x80));
    const { packets } = new PacketWriter()
      .write(0, Buffer.concat([Buffer.of(0, 0, 1), SPS, Buffer.of(0, 0, 1), PPS]))
      .write(0, pictures)
      .write(D, P1, true);
    const media = [{ ...VIDEO, fmtp: { "sprop-parameter-sets": SETS } }];
    const received = new RtpReceiver(media, false, { arena }).take(packets).end();
    expect(received.log.frames.length).toBeGreaterThan(13_000);
    expect(moved).toBeLessThan(3 * pictures.byteLength);
  });

  it("takes a picture that begins behind the rest of a damaged one in the same NAL unit", () => {
    const rest = nalUnit(NAL_SLICE, 300, 8);
    rest[1] = 0x40; // first_mb_in_slice 1
    const { packets } = new PacketWriter()
      .write(0, Buffer.concat([Buffer.of(0, 0, 1), SPS, Buffer.of(0, 0, 1), PPS]))
      .write(0, IDR, true)
      .write(D, P1)
      .write(D, Buffer.concat([rest, Buffer.of(0, 0, 1), IDR]), true)
      .write(2 * D, P1, true);
    packets.splice(2, 1);
    expect(unitsOf(receive(packets))).toEqual([[hex(IDR)], [hex(IDR)], [hex(P1)]]);
  });

  it("gives up an access unit of whole NAL units that grows too large, and goes on", () => {
    const writer = new PacketWriter().write(0, stapA(SPS, PPS)).write(0, IDR);
    const more = nalUnit(NAL_SLICE, 60_000, 8);
    more[1] = 0x40; // first_mb_in_slice 1
    for (let i = 0; i < 300; i++) writer.write(0, more);
    writer.write(D, IDR, true).write(2 * D, P1, true);
    const budget = new StagingBudget();
    const media = [{ ...VIDEO, fmtp: { "sprop-parameter-sets": SETS } }];
    const received = new RtpReceiver(media, false, { budget, maxAccessUnitBytes: 1024 * 1024 });
    let used = 0;
    for (const packet of writer.packets) {
      received.take([packet]);
      used = Math.max(used, budget.usedBytes);
    }
    received.end();
    expect(used).toBeLessThan(3 * 1024 * 1024);
    expect(received.statistics.oversizeFrames).toBe(1);
    expect(unitsOf(received)).toEqual([[hex(IDR)], [hex(P1)]]);
  });

  it("makes one frame of the two fields of a picture", () => {
    const fields = [0, 1].flatMap((frame) =>
      [false, true].map((isBottom) => fieldSlice({ frame, isBottom, isIdr: frame === 0 && !isBottom })),
    );
    const writer = new PacketWriter().write(0, stapA(FIELD_SPS, FIELD_PPS));
    for (const [i, field] of fields.entries()) writer.write((i * D) / 2, field, true);
    const received = receive(writer.packets);
    expect(unitsOf(received)).toEqual([
      [hex(fields[0] as Buffer), hex(fields[1] as Buffer)],
      [hex(fields[2] as Buffer), hex(fields[3] as Buffer)],
    ]);
    expect(shownOf(received)).toEqual([0, D]);
  });

  it("hands on the last picture at the end, and not half of one", () => {
    const writer = new PacketWriter().write(0, stapA(SPS, PPS)).write(0, IDR, true).write(D, P1, true);
    const cut = fuA(IDR, 1000).slice(0, 2);
    for (const piece of cut) writer.write(2 * D, piece);
    expect(unitsOf(receive(writer.packets))).toEqual([[hex(IDR)], [hex(P1)]]);
    const half = new PacketWriter().write(0, stapA(SPS, PPS)).write(0, IDR, true).write(D, P1);
    const received = receive(half.packets);
    expect(unitsOf(received)).toEqual([[hex(IDR)]]);
    expect(received.statistics.damagedFrames).toBe(1);
    expect(received.log.losses).toMatchObject([{ frames: 1 }]);
  });

  it("joins in the middle of a picture without a word", () => {
    const rest = fuA(IDR, 1000).slice(1);
    const second = nalUnit(NAL_SLICE, 300, 8);
    second[1] = 0x40;
    const writer = new PacketWriter();
    for (const piece of rest) writer.write(0, piece);
    writer
      .write(0, second, true)
      .write(D, P1, true)
      .write(2 * D, P2, true);
    const received = receive(writer.packets, { fmtp: { "sprop-parameter-sets": SETS } });
    expect(unitsOf(received)).toEqual([[hex(P1)], [hex(P2)]]);
    expect(received.log.losses).toEqual([]);
    expect(received.statistics).toMatchObject({ badPackets: 0, damagedFrames: 0 });
  });

  it("refuses the interleaved mode by name", () => {
    const received = new RtpReceiver([{ ...VIDEO, fmtp: { "packetization-mode": "2" } }]);
    expect(received.log.unrecorded).toEqual([
      { kind: "video", codec: "H.264 in interleaved packets (packetization-mode=2)" },
    ]);
    expect(received.session.hasTracks).toBe(false);
    const { packets } = new PacketWriter().write(0, Uint8Array.of(25, 0, 0, 1, 2, 3)).write(0, Uint8Array.of(31, 0));
    const inBand = receive(packets);
    expect(inBand.statistics.unsupportedPackets).toBe(2);
    expect(inBand.notes).toEqual([
      "H.264 in interleaved packets (STAP-B) is not supported",
      "H.264 packets of the reserved type 31 were passed over",
    ]);
  });

  it("counts aggregates and fragments that contradict themselves", () => {
    const { packets } = new PacketWriter()
      .write(0, P1)
      .write(0, Uint8Array.of(24, 0, 200, 1, 2))
      .write(0, Uint8Array.of(28, 0x85))
      .write(0, Uint8Array.of(28, 0x45, 1, 2, 3))
      .write(0, new Uint8Array(0));
    const received = receive(packets);
    expect(received.statistics.badPackets).toBe(3);
    expect(received.sums).toEqual(["RTP of medium 0: badPackets 3"]);
    expect(received.log.frames).toEqual([]);
  });
});

describe("H.264 behind a loss", () => {
  const setsAndIdr = (writer: PacketWriter, timestamp: number): PacketWriter => {
    writer.write(timestamp, stapA(SPS, PPS));
    for (const piece of fuA(IDR, 1000))
      writer.write(timestamp, piece, (piece[1] as number) >= 0x40 && piece.length < 1002);
    return writer;
  };
  const writer = new PacketWriter();
  setsAndIdr(writer, 0)
    .write(D, P1, true)
    .write(2 * D, P2, true)
    .write(3 * D, P1, true);
  setsAndIdr(writer, 4 * D).write(5 * D, P1, true);
  const all = writer.packets;

  it("counts no picture of which only a parameter set was cut off", () => {
    const cut = new PacketWriter().write(0, stapA(SPS, PPS)).write(0, IDR, true);
    for (const piece of fuA(SPS, 10)) cut.write(D, piece);
    cut.write(D, PPS).write(D, IDR, true);
    const received = receive(cut.packets.filter((_, i) => i !== 3));
    expect(shownOf(received)).toEqual([0, D]);
    expect(received.log.losses).toMatchObject([{ frames: 0 }]);
    expect(received.statistics).toMatchObject({ lostPackets: 1, damagedFrames: 0 });
  });

  it("goes on at the next random access point and tells what is missing", () => {
    const received = receive(all.filter((_, i) => i !== 4));
    expect(shownOf(received)).toEqual([0, 4 * D, 5 * D]);
    expect(received.statistics.lostPackets).toBe(1);
    // P1 did not come; P2 and the P1 behind it refer to it.
    expect(received.log.losses).toMatchObject([{ track: 0, frames: 2, durationMs: 120 }]);
  });

  it("gives up the picture that lost a piece, front, middle or end", () => {
    for (const missing of [7 + 1, 7 + 2, 7 + 3]) {
      const received = receive(all.filter((_, i) => i !== missing));
      expect(shownOf(received)).toEqual([0, D, 2 * D, 3 * D]);
      expect(received.statistics.damagedFrames).toBe(1);
      // The last P refers to the damaged IDR.
      expect(received.log.losses).toMatchObject([{ frames: 2 }]);
    }
  });

  it("goes on without one where none comes for 10 s", () => {
    const long = new PacketWriter();
    setsAndIdr(long, 0);
    for (let i = 1; i <= 300; i++) long.write(i * D, slice(SLICE_P, i), true);
    const received = receive(long.packets.filter((_, i) => i !== 10));
    const shown = shownOf(received);
    const gap = shown.findIndex((at, i) => at - (shown[i - 1] ?? at) > D);
    expect((shown[gap] as number) - (shown[gap - 1] as number)).toBe(10 * 90_000 + 2 * D);
    expect(shown.at(-1)).toBe(300 * D);
  });

  it("does not begin a picture with a slice that is not its first", () => {
    const second = nalUnit(NAL_SLICE, 300, 8);
    second[1] = 0x40;
    const { packets } = new PacketWriter()
      .write(0, stapA(SPS, PPS))
      .write(0, IDR, true)
      .write(D, nalUnit(NAL_IDR, 100, 3))
      .write(D, second, true)
      .write(2 * D, IDR, true);
    const received = receive(packets.filter((_, i) => i !== 2));
    expect(unitsOf(received)).toEqual([[hex(IDR)], [hex(IDR)]]);
    expect(received.log.losses).toMatchObject([{ frames: 1 }]);
  });

  it("takes a packet that announces no more than padding", () => {
    const padded = Buffer.from(rtpPacket({ sequence: 1000, timestamp: 0 }, Uint8Array.of(1, 2, 3, 4)));
    padded[0] = 0xa0;
    padded[15] = 4;
    expect(receive([padded]).statistics).toMatchObject({ packets: 1, badPackets: 0 });
    padded[15] = 5;
    expect(receive([padded]).statistics).toMatchObject({ packets: 0, badPackets: 1 });
  });
});
