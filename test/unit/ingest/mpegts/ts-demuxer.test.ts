// The MPEG-TS demuxer against streams made by hand, and against what an independent reader finds in ffmpeg's.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ProgramSelector } from "../../../../src/ingest/mpegts/program-selector.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { parseAudioSpecificConfig } from "../../../../src/media/codec/aac/audio-specific-config.js";
import { newDemuxStatistics } from "../../../../src/media/mpegts/demux-statistics.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { makeClip } from "../../../support/clip.js";
import { type Demuxed, demux } from "../../../support/demux.js";
import { ffprobe } from "../../../support/ffprobe.js";
import { ASC, AVCC, AVCC_OTHER } from "../../../support/test-media.js";
import { adts, annexB, TsBuilder } from "../../../support/ts-builder.js";
import { crc32Mpeg, readTs } from "../../../support/ts-reader.js";

const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;
const PMT_PID = 0x1000;
const H264 = 0x1b;
const AAC = 0x0f;
const FRAME = 3600;
const TWO_33 = 2 ** 33;
// The avcC has one set of each: the SPS at 8, 26 bytes long, the PPS behind its count and length.
const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);
const OTHER_SPS = AVCC_OTHER.subarray(8, 34);
/** Of the same id as PPS. */
const OTHER_PPS = PPS.map((byte, i) => (i === 5 ? 0xe0 : byte));
const AUD = Buffer.of(0x09, 0xf0);
const both = [
  { pid: VIDEO_PID, type: H264 },
  { pid: AUDIO_PID, type: AAC },
];

/** first_mb_in_slice is 0: the bit behind the NAL header is set. */
function slice(type: number, sizeBytes: number, seed: number, isFirst = true): Buffer {
  const unit = Buffer.alloc(sizeBytes);
  // no zero bytes, no start codes by accident
  for (let i = 0; i < sizeBytes; i++) unit[i] = ((seed * 31 + i * 7) & 255) | 1;
  unit[0] = 0x60 | type;
  unit[1] = isFirst ? 0x88 : 0x48;
  return unit;
}

function tables(builder = new TsBuilder()): TsBuilder {
  return builder.pat([{ number: 1, pmtPid: PMT_PID }]).pmt(PMT_PID, 1, both);
}

const idr = (seed: number, size = 900): Buffer => annexB(AUD, SPS, PPS, slice(5, size, seed));
const picture = (seed: number, size = 500): Buffer => annexB(AUD, slice(1, size, seed));
const videoOf = (result: Demuxed) => result.frames.filter((frame) => frame.track === 0);
const audioOf = (result: Demuxed) => result.frames.filter((frame) => frame.track === 1);
const dtsOf = (frames: readonly { dts: number }[]): number[] => frames.map((frame) => frame.dts);

/** One section of a PAT: pairs of program number and PID field. */
function patSection(section: number, lastSection: number, fields: readonly number[]): Buffer {
  const body = Buffer.alloc(fields.length * 2);
  for (const [i, field] of fields.entries()) body.writeUInt16BE(field, i * 2);
  const length = 5 + body.length + 4;
  const head = Buffer.concat([
    Buffer.of(0, 0xb0 | (length >> 8), length & 255, 0, 1, 0xc1, section, lastSection),
    body,
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32Mpeg(head));
  return Buffer.concat([head, crc]);
}

describe("MPEG-TS demuxer", () => {
  it("finds in ffmpeg's stream what an independent reader and ffprobe find", async () => {
    const path = await makeClip({ seconds: 3, video: { bFrames: 2, gopFrames: 25 }, format: "ts" });
    const bytes = readFileSync(path);
    const wanted = readTs(bytes).frames.filter((frame) => frame.track === "video");
    const result = demux([bytes]);
    expect(videoOf(result).length).toBe(wanted.length);
    videoOf(result).forEach((frame, i) => {
      const other = wanted[i];
      // Parameter sets are in the configuration; delimiters are no part of a frame.
      const units = other?.units.filter((unit) => ![7, 8].includes((unit[0] ?? 0) & 31)) ?? [];
      expect([frame.dts, frame.dts + frame.cts, frame.isRandomAccess]).toEqual([
        other?.dts,
        other?.pts,
        other?.isRandomAccess,
      ]);
      expect(frame.units.map((unit) => unit.toString("hex"))).toEqual(
        units.map((unit) => Buffer.from(unit).toString("hex")),
      );
    });
    const packets = (await ffprobe(path)).audio?.packets ?? [];
    // Within a PES packet times are counted on; ffprobe rounds its steps.
    expect(audioOf(result).map((frame, i) => Math.abs(frame.dts - (packets[i]?.dts90k ?? 0)) <= 1)).toEqual(
      packets.map(() => true),
    );
    expect(audioOf(result).map((frame) => (frame.units[0]?.length ?? 0) + 7)).toEqual(
      packets.map((packet) => packet.sizeBytes),
    );
    expect(result.statistics).toMatchObject({
      continuityErrors: 0,
      garbageBytes: 0,
      badPes: 0,
      damagedFrames: 0,
      derivedTimes: 0,
    });
  });

  it("makes the decoder configurations of parameter sets and ADTS headers", () => {
    const ts = tables()
      .pes(VIDEO_PID, idr(1), { pts: FRAME })
      .pes(AUDIO_PID, Buffer.concat([adts(Buffer.alloc(50, 1)), adts(Buffer.alloc(50, 2))]), {
        pts: FRAME,
        streamId: 0xc0,
      });
    expect(demux([ts.bytes()]).configs).toEqual([
      { track: 1, codec: "aac", hex: Buffer.from(ASC).toString("hex") },
      { track: 0, codec: "h264", hex: Buffer.from(AVCC).toString("hex") },
    ]);
  });

  it("takes the DTS from the PTS where there is none, and both over the 33-bit wrap", () => {
    const ts = tables();
    const start = TWO_33 - 3 * FRAME;
    for (let i = 0; i < 6; i++) {
      const time = (start + i * FRAME) % TWO_33;
      ts.pes(
        VIDEO_PID,
        i === 0 ? idr(i) : picture(i),
        i % 2 === 0 ? { pts: time } : { pts: (time + 2 * FRAME) % TWO_33, dts: time },
      );
      ts.pes(AUDIO_PID, adts(Buffer.alloc(30, i + 1)), { pts: (start + i * FRAME + 100) % TWO_33, streamId: 0xc0 });
    }
    const result = demux([ts.bytes()]);
    expect(dtsOf(videoOf(result))).toEqual([0, 1, 2, 3, 4, 5].map((i) => start + i * FRAME));
    expect(dtsOf(audioOf(result))).toEqual([0, 1, 2, 3, 4, 5].map((i) => start + i * FRAME + 100));
    expect(videoOf(result).map((frame) => frame.cts)).toEqual([0, 2 * FRAME, 0, 2 * FRAME, 0, 2 * FRAME]);
  });

  it("follows a jump of ten hours as the wire has it", () => {
    const jump = 10 * 3600 * 90000;
    const ts = tables()
      .pes(VIDEO_PID, idr(1), { pts: 0 })
      .pes(VIDEO_PID, picture(2), { pts: FRAME })
      .pes(VIDEO_PID, picture(3), { pts: jump })
      .pes(VIDEO_PID, picture(4), { pts: 0 });
    expect(dtsOf(demux([ts.bytes()]).frames)).toEqual([0, FRAME, jump, 0]);
  });

  it("divides a PES packet that holds several access units and shares its time among them", () => {
    const ts = tables();
    for (let i = 0; i < 4; i++)
      ts.pes(VIDEO_PID, Buffer.concat([i === 0 ? idr(i) : picture(i), picture(i + 10)]), { pts: 9000 + i * 2 * FRAME });
    const result = demux([ts.bytes()]);
    expect(videoOf(result).length).toBe(8);
    expect(dtsOf(videoOf(result)).slice(2)).toEqual([2, 3, 4, 5, 6, 7].map((i) => 9000 + i * FRAME));
    expect(result.statistics.derivedTimes).toBe(4);
  });

  it("joins an access unit that spans PES packets, with and without times on its parts", () => {
    const units = [idr(1, 3000), picture(2, 2500), picture(3, 2500), picture(4)];
    const whole = Buffer.concat(units);
    const ts = tables();
    // Every packet begins somewhere within an access unit: its times are of the next one.
    const [a, b, c] = units.map((unit) => unit.length) as [number, number, number];
    ts.pes(VIDEO_PID, whole.subarray(0, a - 700), { pts: 0 });
    ts.pes(VIDEO_PID, whole.subarray(a - 700, a + b - 900), { pts: FRAME });
    ts.pes(VIDEO_PID, whole.subarray(a + b - 900, a + b - 100));
    ts.pes(VIDEO_PID, whole.subarray(a + b - 100, a + b + c - 50), { pts: 2 * FRAME });
    ts.pes(VIDEO_PID, whole.subarray(a + b + c - 50), { pts: 3 * FRAME });
    const frames = videoOf(demux([ts.bytes()]));
    expect(dtsOf(frames)).toEqual([0, FRAME, 2 * FRAME, 3 * FRAME]);
    expect(frames.map((frame) => frame.units.at(-1)?.length)).toEqual([3000, 2500, 2500, 500]);
  });

  it("keeps the slices of one picture together", () => {
    const parts = [slice(5, 400, 1), slice(5, 300, 2, false), slice(5, 200, 3, false)];
    const ts = tables()
      .pes(VIDEO_PID, annexB(AUD, SPS, PPS, ...parts), { pts: 0 })
      .pes(VIDEO_PID, picture(2), { pts: FRAME });
    expect(videoOf(demux([ts.bytes()]))[0]?.units).toEqual(parts);
  });

  it("takes a recovery point at its own picture for a random access point", () => {
    const recovery = Buffer.of(0x06, 0x06, 0x01, 0xc4, 0x80); // recovery_frame_cnt 0, exact_match 1
    const later = Buffer.of(0x06, 0x06, 0x01, 0x5c, 0x80); // recovery_frame_cnt 1
    const ts = tables()
      .pes(VIDEO_PID, annexB(AUD, SPS, PPS, recovery, slice(1, 90, 1)), { pts: 0 })
      .pes(VIDEO_PID, annexB(AUD, later, slice(1, 90, 2)), { pts: FRAME });
    expect(videoOf(demux([ts.bytes()])).map((frame) => frame.isRandomAccess)).toEqual([true, false]);
  });

  it("drops and counts what comes before the parameter sets", () => {
    const ts = tables()
      .pes(VIDEO_PID, picture(1), { pts: 0 })
      .pes(VIDEO_PID, picture(2), { pts: FRAME })
      .pes(VIDEO_PID, idr(3), { pts: 2 * FRAME });
    const result = demux([ts.bytes()]);
    expect(dtsOf(result.frames)).toEqual([2 * FRAME]);
    expect(result.statistics.framesBeforeConfig).toBe(2);
  });

  it("applies changed parameter sets at the next IDR and keeps them in the frames until then", () => {
    const ts = tables().pes(VIDEO_PID, idr(1), { pts: 0 });
    ts.pes(VIDEO_PID, annexB(AUD, OTHER_PPS, slice(1, 80, 2)), { pts: FRAME });
    ts.pes(VIDEO_PID, annexB(AUD, OTHER_SPS, OTHER_PPS, slice(5, 80, 3)), { pts: 2 * FRAME });
    ts.pes(VIDEO_PID, annexB(AUD, OTHER_SPS, OTHER_PPS, slice(5, 80, 4)), { pts: 3 * FRAME });
    const result = demux([ts.bytes()]);
    expect(videoOf(result).map((frame) => frame.units.length)).toEqual([1, 2, 1, 1]);
    expect(result.configs.length).toBe(2);
    expect(result.configs[1]?.hex).toContain(Buffer.from(OTHER_SPS).toString("hex"));
  });

  it("counts AAC frames on from a packet's time, also where they span packets", () => {
    const frames = Array.from({ length: 10 }, (_, i) => adts(Buffer.alloc(200 + i, i + 1)));
    const all = Buffer.concat(frames);
    const ts = tables()
      .pes(AUDIO_PID, all.subarray(0, 1000), { pts: 90000, streamId: 0xc0, isBounded: true })
      .pes(AUDIO_PID, all.subarray(1000), { pts: 90000 + 5 * 1920, streamId: 0xc0, isBounded: true });
    const found = audioOf(demux([ts.bytes()]));
    expect(found.map((frame) => frame.units[0]?.length)).toEqual(frames.map((frame) => frame.length - 7));
    expect(dtsOf(found)).toEqual(frames.map((_, i) => 90000 + i * 1920));
  });

  it("passes over bytes that are no ADTS frame and believes a header when its successor agrees", () => {
    const fake = Buffer.concat([Buffer.of(0xff, 0xf1, 0x4c, 0x80, 0x03, 0x1f, 0xfc), Buffer.alloc(5, 7)]);
    const ts = tables().pes(
      AUDIO_PID,
      Buffer.concat([fake, adts(Buffer.alloc(60, 1)), adts(Buffer.alloc(61, 2)), adts(Buffer.alloc(62, 3))]),
      {
        pts: 0,
        streamId: 0xc0,
      },
    );
    const result = demux([ts.bytes()]);
    expect(audioOf(result).map((frame) => frame.units[0]?.length)).toEqual([60, 61, 62]);
    expect(result.statistics.audioGarbageBytes).toBe(fake.length);
  });

  it("records AAC whose channels are described in band from the description on, and gives it to every frame", () => {
    // id_syn_ele PCE, one front pair and one back pair of channels, a comment of two bytes.
    const element = (comment: string): Buffer => {
      const w = new BitWriter()
        .u(3, 5)
        .u(4, 0)
        .u(2, 1)
        .u(4, 3)
        .u(4, 1)
        .u(4, 0)
        .u(4, 1)
        .u(2, 0)
        .u(3, 0)
        .u(4, 0)
        .u(3, 0)
        .u(1, 1)
        .u(4, 0)
        .u(1, 1)
        .u(4, 1);
      return Buffer.concat([w.align().bytes(), Buffer.of(comment.length), Buffer.from(comment)]);
    };
    const body = (seed: number): Buffer => Buffer.alloc(60, seed).fill(0x20, 0, 1); // begins with a channel pair
    const pce = element("hi");
    const ts = tables();
    const blocks = [
      body(1),
      Buffer.concat([pce, body(2)]),
      body(3),
      Buffer.concat([pce, body(4)]),
      Buffer.concat([element("ho!"), body(5)]),
      body(6),
    ];
    for (const [i, block] of blocks.entries()) ts.pes(AUDIO_PID, adts(block, 3, 0), { pts: i * 1920, streamId: 0xc0 });
    const result = demux([ts.bytes()]);
    expect(audioOf(result).map((frame) => Buffer.concat(frame.units))).toEqual([
      blocks[1],
      Buffer.concat([pce, body(3)]),
      blocks[3],
      blocks[4],
      Buffer.concat([element("ho!"), body(6)]),
    ]);
    expect(dtsOf(audioOf(result))).toEqual([1, 2, 3, 4, 5].map((i) => i * 1920));
    expect(result.statistics.framesBeforeConfig).toBe(1);
    expect(result.named).toEqual([
      "not recorded: AAC whose channels are described in band, before a description (program_config_element) has come",
    ]);
    const config = Buffer.from(result.configs[0]?.hex ?? "", "hex");
    expect(parseAudioSpecificConfig(config)).toMatchObject({ objectType: 2, sampleRate: 48000, channels: 4 });
  });

  it("takes the first program with video, and the one that is asked for", () => {
    const ts = new TsBuilder().pat([
      { number: 1, pmtPid: 0x1000 },
      { number: 2, pmtPid: 0x1001 },
      { number: 3, pmtPid: 0x1002 },
    ]);
    ts.pmt(0x1002, 3, [{ pid: 0x300, type: H264 }])
      .pmt(0x1001, 2, [{ pid: 0x200, type: H264 }])
      .pmt(0x1000, 1, [{ pid: 0x101, type: AAC }]);
    for (const [i, pid] of [0x200, 0x300].entries()) ts.pes(pid, idr(i), { pts: i });
    expect(dtsOf(demux([ts.bytes()]).frames)).toEqual([0]);
    expect(dtsOf(demux([ts.bytes()], { programNumber: 3 }).frames)).toEqual([1]);
  });

  it("follows a new version of the program map to other PIDs", () => {
    const ts = tables().pes(VIDEO_PID, idr(1), { pts: 0 }).pes(VIDEO_PID, picture(2), { pts: FRAME });
    ts.pmt(
      PMT_PID,
      1,
      [
        { pid: 0x200, type: H264 },
        { pid: 0x201, type: AAC },
      ],
      1,
    );
    ts.pes(0x200, idr(3), { pts: 2 * FRAME }).pes(0x200, picture(4), { pts: 3 * FRAME });
    const result = demux([ts.bytes()]);
    expect(dtsOf(result.frames)).toEqual([0, FRAME, 2 * FRAME, 3 * FRAME]);
    expect(result.statistics.programChanges).toBe(1);
  });

  it("believes no table whose CRC is wrong", () => {
    const ts = tables();
    const packet = ts.packets[1] as Buffer;
    packet[20] = (packet[20] ?? 0) ^ 1;
    ts.pes(VIDEO_PID, idr(1), { pts: 0 });
    const result = demux([ts.bytes()]);
    expect(result.frames).toEqual([]);
    expect(result.statistics.badSections).toBe(1);
  });

  it("takes every stream as a track, up to eight, and a stream that comes in another's place under its number", () => {
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
    const streams = Array.from({ length: 10 }, (_, i) => ({ pid: 0x100 + i, type: i % 2 === 0 ? H264 : AAC }));
    ts.pmt(PMT_PID, 1, streams, 0);
    const { described, unrecorded } = demux([ts.bytes()]);
    expect([...described].map(([track, { kind }]) => `${track} ${kind}`)).toEqual(
      Array.from({ length: 8 }, (_, i) => `${i} ${i % 2 === 0 ? "video" : "audio"}`),
    );
    expect(unrecorded.map(({ codec }) => codec)).toEqual(["H.264 (a further stream)", "AAC (a further stream)"]);

    const changed = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
    changed.pmt(PMT_PID, 1, [{ pid: VIDEO_PID, type: H264 }], 0);
    for (let i = 0; i < 2; i++) changed.pes(VIDEO_PID, idr(i), { pts: i * FRAME });
    changed.pmt(PMT_PID, 1, [{ pid: 0x200, type: H264 }], 1);
    for (let i = 2; i < 4; i++) changed.pes(0x200, idr(i), { pts: i * FRAME });
    changed.pmt(
      PMT_PID,
      1,
      [
        { pid: VIDEO_PID, type: H264 },
        { pid: 0x200, type: H264 },
      ],
      2,
    );
    for (let i = 4; i < 6; i++) for (const pid of [VIDEO_PID, 0x200]) changed.pes(pid, idr(i), { pts: i * FRAME });
    const byTrack = [0, 0, 0];
    for (const { track } of demux([changed.bytes()]).frames) byTrack[track] = (byTrack[track] ?? 0) + 1;
    expect(byTrack).toEqual([6, 0, 2]);
  });

  it("takes the channels of Opus from the descriptors in force, and records none whose channels it does not know", () => {
    const opus = (...code: number[]): Uint8Array =>
      Buffer.from([5, 4, ...Buffer.from("Opus"), ...code.flatMap((byte) => [0x7f, 2, 0x80, byte])]);
    // A control header without trims, five bytes: TOC of 20 ms.
    const packet = Buffer.of(0x7f, 0xe0, 5, 0xfc, 1, 2, 3, 4);
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
    for (const [version, code] of [2, 6, 6].entries()) {
      ts.pmt(PMT_PID, 1, [{ pid: AUDIO_PID, type: 6, descriptors: opus(code) }], version);
      ts.pes(AUDIO_PID, packet, { pts: version * 1800, streamId: 0xbd });
    }
    const result = demux([ts.bytes()]);
    expect(result.configs.map(({ track, hex }) => [track, Number.parseInt(hex.slice(18, 20), 16)])).toEqual([
      [1, 2],
      [1, 6],
    ]);
    expect(result.frames).toHaveLength(3);
    for (const [descriptors, codec] of [
      [opus(0x81), "Opus of channel configuration 129"],
      [opus(), "Opus without a channel configuration"],
    ] as const) {
      const other = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
      other.pmt(PMT_PID, 1, [{ pid: AUDIO_PID, type: 6, descriptors }]);
      const { unrecorded, described } = demux([other.bytes()]);
      expect(unrecorded).toEqual([{ kind: "audio", codec }]);
      expect(described.size).toBe(0);
    }
  });

  it("names each stream type that it does not record once", () => {
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
    for (let version = 0; version < 3; version++)
      ts.pmt(
        PMT_PID,
        1,
        [
          { pid: VIDEO_PID, type: H264 },
          { pid: 0x102, type: 0x82 },
          { pid: 0x103, type: 0x24 },
          { pid: 0x104, type: 0x77 },
        ],
        version,
      );
    expect(demux([ts.bytes()]).named).toEqual(["not recorded: DTS", "not recorded: stream type 0x77"]);
  });
});

describe("MPEG-TS demuxer on a bad line", () => {
  function run(change: (packets: Buffer[]) => Buffer[]): Demuxed {
    const ts = tables();
    for (let i = 0; i < 12; i++) ts.pes(VIDEO_PID, i % 6 === 0 ? idr(i) : picture(i, 700), { pts: i * FRAME });
    return demux([Buffer.concat(change(ts.packets))]);
  }
  const videoPackets = (packets: readonly Buffer[]): number[] =>
    packets.flatMap((packet, i) => ((packet.readUInt16BE(1) & 0x1fff) === VIDEO_PID ? [i] : []));

  it("gives up the access unit that lost a packet, reports it, and goes on with the next", () => {
    const result = run((packets) => packets.filter((_, i) => i !== videoPackets(packets)[15]));
    expect(result.frames.length).toBe(11);
    expect(result.statistics).toMatchObject({ continuityErrors: 1, damagedFrames: 1 });
    expect(result.losses).toMatchObject([{ track: 0, frames: 1, durationMs: 40 }]);
  });

  it("takes a doubled packet once", () => {
    const result = run((packets) => packets.flatMap((packet) => [packet, packet]));
    expect(result.frames.length).toBe(12);
    expect(result.statistics.continuityErrors).toBe(0);
    expect(result.statistics.duplicates).toBeGreaterThan(30);
  });

  it("tells sixteen packets, less one, that are missing from a doubled one", () => {
    const ts = tables()
      .pes(VIDEO_PID, idr(1), { pts: 0 })
      .pes(VIDEO_PID, picture(2, 6000), { pts: FRAME })
      .pes(VIDEO_PID, picture(3), { pts: 2 * FRAME });
    const from = (videoPackets(ts.packets)[5] as number) + 5;
    const result = demux([Buffer.concat(ts.packets.filter((_, i) => i < from || i >= from + 15))]);
    expect(dtsOf(result.frames)).toEqual([0, 2 * FRAME]);
    expect(result.statistics).toMatchObject({ duplicates: 0, continuityErrors: 1, damagedFrames: 1 });
  });

  it("counts packets that changed places and loses no more than their access units", () => {
    const result = run((packets) => {
      const at = videoPackets(packets)[15] as number;
      return packets.map((packet, i) => (i === at ? packets[at + 1] : i === at + 1 ? packets[at] : packet) as Buffer);
    });
    expect(result.statistics.continuityErrors).toBeGreaterThan(0);
    expect(result.frames.length).toBeGreaterThanOrEqual(10);
  });

  it("loses a packet that says it is damaged, and names scrambled ones", () => {
    const damaged = run((packets) =>
      packets.map((packet, i) =>
        i === videoPackets(packets)[15] ? Buffer.from(packet).fill((packet[1] ?? 0) | 0x80, 1, 2) : packet,
      ),
    );
    expect(damaged.statistics).toMatchObject({ transportErrors: 1, continuityErrors: 1 });
    expect(damaged.frames.length).toBe(11);
    const scrambled = run((packets) =>
      packets.map((packet, i) => (i > 20 ? Buffer.from(packet).fill((packet[3] ?? 0) | 0x80, 3, 4) : packet)),
    );
    expect(scrambled.statistics.scrambledPackets).toBeGreaterThan(10);
    expect(scrambled.named).toEqual(["not recorded: scrambled packets"]);
    // The same said by the PES header, in the first packet of a picture.
    const inside = run((packets) => {
      const at = videoPackets(packets).filter((i) => ((packets[i]?.[1] ?? 0) & 0x40) !== 0)[3];
      return packets.map((packet, i) => (i === at ? Buffer.from(packet).fill(0x90, 10, 11) : packet));
    });
    // The picture before it might have gone on in it.
    expect([inside.frames.length, inside.statistics.scrambledPackets]).toEqual([10, 1]);
  });

  it("finds the packets again behind garbage, whatever its length", () => {
    for (const size of [1, 3, 4, 187, 188, 189, 1000]) {
      const result = run((packets) => [
        Buffer.alloc(size, 0x11),
        ...packets.slice(0, 20),
        Buffer.alloc(size, 0x47),
        ...packets.slice(20),
      ]);
      expect(result.frames.length).toBeGreaterThanOrEqual(10);
      expect(result.statistics.garbageBytes).toBeGreaterThan(0);
    }
  });

  it("reads 192-byte and 204-byte packets", () => {
    const m2ts = run((packets) => packets.map((packet, i) => Buffer.concat([Buffer.of(0, 0, i, 0x11), packet])));
    const reedSolomon = run((packets) => packets.map((packet) => Buffer.concat([packet, Buffer.alloc(16, 0x47)])));
    expect([m2ts.frames.length, reedSolomon.frames.length]).toEqual([12, 12]);
    expect(m2ts.statistics.syncLosses + reedSolomon.statistics.syncLosses).toBe(0);
  });

  it("gives up an access unit above the limit and no other", () => {
    const ts = tables()
      .pes(VIDEO_PID, idr(1), { pts: 0 })
      .pes(VIDEO_PID, picture(2, 3_000_000), { pts: FRAME })
      .pes(VIDEO_PID, picture(3), { pts: 2 * FRAME });
    const result = demux([ts.bytes()], { maxAccessUnitBytes: 1_000_000 });
    expect(dtsOf(result.frames)).toEqual([0, 2 * FRAME]);
    expect(result.statistics.oversizeFrames).toBe(1);
  });

  it("finds the access units of a PES packet that never ends", () => {
    const frames = Array.from({ length: 600 }, (_, i) => (i === 0 ? idr(i, 2000) : picture(i, 2000)));
    const ts = tables().pes(VIDEO_PID, Buffer.concat(frames), { pts: 0 });
    const result = demux([ts.bytes()], { maxAccessUnitBytes: 1_000_000 });
    expect(result.frames.length).toBe(600);
    expect(result.statistics.oversizeFrames).toBe(0);
  });

  it("looks at each byte once, however many PES packets an access unit is cut into", () => {
    // Nothing but start codes that begin nothing: looked at anew for every packet, a megabyte of them took sixteen
    // seconds, and four times as long for twice as many.
    const codes = Buffer.alloc(3_000_000);
    for (let i = 0; i + 4 <= codes.length; i += 4) codes.set([0, 0, 1, 0x1c], i);
    const ts = tables()
      .pes(VIDEO_PID, idr(1), { pts: 0 })
      .pes(VIDEO_PID, annexB(AUD, slice(1, 60, 2)), { pts: FRAME });
    for (let at = 0; at < codes.length; at += 150) ts.pes(VIDEO_PID, codes.subarray(at, at + 150));
    ts.pes(VIDEO_PID, picture(3), { pts: 2 * FRAME });
    const result = demux([ts.bytes()]);
    expect(dtsOf(result.frames)).toContain(2 * FRAME);
    expect(result.statistics.oversizeFrames).toBeGreaterThan(0);
  });

  it("holds no more programs than one table can name", () => {
    const watched: number[] = [];
    const selector = new ProgramSelector(newDemuxStatistics(), undefined, {
      watchPid: (pid) => watched.push(pid),
      onProgram: () => {},
    });
    for (let section = 0; section < 256; section++) {
      const programs = Array.from({ length: 250 }, (_, i) => [
        (section * 250 + i + 1) & 0xffff,
        0xe000 | ((section * 31 + i) % 8000) | 0x10,
      ]).flat();
      const bytes = patSection(section, 255, programs);
      const payload = Buffer.concat([Buffer.of(0), bytes]);
      selector.push(0, payload, 0, payload.length, true);
    }
    expect(watched.length).toBeGreaterThan(0);
    expect(watched.length).toBeLessThanOrEqual(253);
  });

  it("shares a bounded staging memory with the demuxers of its listener", () => {
    const budget = new StagingBudget(1_000_000);
    const ts = tables().pes(VIDEO_PID, idr(1), { pts: 0 }).pes(VIDEO_PID, picture(2, 3_000_000), { pts: FRAME });
    expect(() => demux([ts.bytes()], { budget })).toThrow(/staging memory/);
    expect(
      demux([tables().pes(VIDEO_PID, idr(1), { pts: 0 }).bytes()], { budget: new StagingBudget(1_000_000) }).frames
        .length,
    ).toBe(1);
  });

  it("tells an announced discontinuity from an error", () => {
    const ts = tables().pes(VIDEO_PID, idr(1), { pts: 0, pcr: 0 });
    const other = tables();
    for (let i = 0; i < 3; i++) other.pes(VIDEO_PID, picture(9), { pts: 0 });
    other.pes(VIDEO_PID, idr(2), { pts: 900_000, pcr: 900_000, isDiscontinuity: true });
    const result = demux([ts.bytes(), Buffer.concat(other.packets.slice(-6))]);
    expect(result.frames.length).toBe(2);
    expect(result.statistics).toMatchObject({ continuityErrors: 0, announcedDiscontinuities: 1, pcrJumps: 0 });
  });
});
