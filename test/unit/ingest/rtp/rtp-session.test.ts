// A session: which media are recorded, whose packets are taken, what is told and what is sent back.

import { describe, expect, it } from "vitest";
import type { RtpMedia } from "../../../../src/ingest/rtp/rtp-media.js";
import { parseAvcDecoderConfiguration } from "../../../../src/media/codec/h264/decoder-configuration.js";
import { SLICE_P, slice } from "../../../support/pictures.js";
import { RtpReceiver, receive, VIDEO } from "../../../support/receive-rtp.js";
import { PacketWriter, rtpPacket, senderReport, stapA, TEST_SSRC } from "../../../support/rtp-packets.js";
import { AVCC } from "../../../support/test-media.js";

const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
const SETS = stapA(sps[0] as Uint8Array, pps[0] as Uint8Array);
const D = 3600;
const PCMA: RtpMedia = { kind: "audio", payloadType: 8, encodingName: "", clockRate: 0, channels: 0, fmtp: {} };

function pictures(writer: PacketWriter, count: number, from = 0): PacketWriter {
  for (let i = 0; i < count; i++) {
    if (i === 0) writer.write(from, SETS);
    writer.write(from + i * D, slice(i === 0 ? 7 : SLICE_P, i, i === 0), true);
  }
  return writer;
}

describe("what is recorded", () => {
  it("numbers tracks by kind and says their languages", () => {
    const media = [PCMA, VIDEO, { ...PCMA, language: "deu" }, VIDEO];
    const { log, session } = new RtpReceiver(media);
    expect([...log.described]).toEqual([
      [1, { kind: "audio", language: undefined, label: undefined }],
      [0, { kind: "video", language: undefined, label: undefined }],
      [2, { kind: "audio", language: "deu", label: undefined }],
      [3, { kind: "video", language: undefined, label: undefined }],
    ]);
    expect(media.map((_, i) => session.isRecorded(i))).toEqual([true, true, true, true]);
    expect(log.isClockShared).toBe(true);
    expect(log.areTracksNamed).toBe(true);
    // The tracks of a transport stream stand in its tables.
    expect(new RtpReceiver([{ ...VIDEO, encodingName: "MP2T", payloadType: 33 }]).log.areTracksNamed).toBe(false);
  });

  it("names what it cannot record", () => {
    const named = (encodingName: string, payloadType = 97): RtpMedia => ({ ...VIDEO, encodingName, payloadType });
    const media = [named("JPEG"), named("", 26), named("VP8"), named("H263-1998"), named("x-odd"), named("", 99)];
    const sound = [
      { ...PCMA, payloadType: 97, encodingName: "L16" },
      { ...PCMA, payloadType: 9 },
    ];
    const { log, session } = new RtpReceiver([VIDEO, ...media, ...sound]);
    expect(log.unrecorded).toEqual([
      ...["JPEG", "JPEG", "VP8 over RTP", "H.263", "X-ODD over RTP", "RTP payload type 99"].map((codec) => ({
        kind: "video",
        codec,
      })),
      ...["linear PCM (L16)", "G722 over RTP"].map((codec) => ({ kind: "audio", codec })),
    ]);
    expect(session.isRecorded(0)).toBe(true);
    expect(session.isRecorded(1)).toBe(false);
    session.rtp(1, rtpPacket({ sequence: 1, timestamp: 0 }, Uint8Array.of(1)), 0);
  });

  it("has at most eight tracks", () => {
    const { log } = new RtpReceiver(new Array(10).fill(PCMA));
    // Number 0 is for video.
    expect(log.described.size).toBe(7);
    expect(log.unrecorded).toEqual(new Array(3).fill({ kind: "audio", codec: "PCMA (a further stream)" }));
  });
});

describe("whose packets are taken", () => {
  it("passes over packets of another source, until it has taken the place of the first", () => {
    const own = pictures(new PacketWriter(), 4).packets;
    const stale = pictures(new PacketWriter(7000, { ssrc: 5 }), 3).packets;
    const mixed = [own[0], own[1], stale[0], own[2], stale[1], own[3], stale[2], own[4]] as Uint8Array[];
    const received = receive(mixed);
    expect(received.log.frames).toHaveLength(4);
    expect(received.statistics).toMatchObject({ foreignPackets: 3, lostPackets: 0, restarts: 0 });
    const after = pictures(pictures(new PacketWriter(300, { ssrc: 5 }), 4, 1_000_000), 3, 1_000_000 + 4 * D).packets;
    const changed = new RtpReceiver([VIDEO]).take(own);
    changed.nowMs += 160;
    changed.take(after).end();
    // Its first packets show that the source is another one, and are not lost for it.
    expect(changed.statistics).toMatchObject({ foreignPackets: 0, lostPackets: 0, restarts: 1 });
    expect(changed.log.losses).toHaveLength(1);
    const shown = changed.log.frames.map(({ dts, cts }) => dts + cts);
    expect(shown).toHaveLength(4 + 7);
    for (const at of shown) expect(at).toBeLessThan(90_000);
  });

  it("takes another source at once where the first one said goodbye", () => {
    const received = new RtpReceiver([VIDEO]).take(pictures(new PacketWriter(), 3).packets);
    const bye = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 0]);
    bye.writeUInt32BE(TEST_SSRC, 4);
    received.session.rtcp(0, bye, received.nowMs);
    received.take(pictures(new PacketWriter(1, { ssrc: 9 }), 3).packets).end();
    expect(received.log.frames).toHaveLength(6);
    expect(received.statistics.foreignPackets).toBe(0);
  });

  it("hands on what waits of a source before another one takes its place", () => {
    const own = pictures(new PacketWriter(), 5).packets;
    const received = new RtpReceiver([VIDEO], true).take(own.filter((_, i) => i !== 3));
    const bye = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 0]);
    bye.writeUInt32BE(TEST_SSRC, 4);
    received.session.rtcp(0, bye, received.nowMs);
    const next = pictures(new PacketWriter(40_000, { ssrc: 9 }), 3, 7_000_000).packets;
    received.take(next).end();
    // Two pictures of the first, whose others refer to the lost one, and all of the second.
    expect(received.log.frames).toHaveLength(2 + 3);
    expect(received.statistics).toMatchObject({ lostPackets: 1, restarts: 1, latePackets: 0 });
  });

  it("passes over other payload types, but takes one that stands in place of the announced", () => {
    const noise = rtpPacket({ sequence: 1002, timestamp: 1, payloadType: 13 }, Uint8Array.of(1));
    const own = pictures(new PacketWriter(), 2).packets;
    const more = new PacketWriter(1003).write(D, slice(SLICE_P, 8), true).packets;
    const received = receive([...own.slice(0, 2), noise, ...more]);
    expect(received.statistics).toMatchObject({ otherPayloads: 1, lostPackets: 0 });
    expect(received.log.frames).toHaveLength(2);
    const wrong = new PacketWriter(1, { payloadType: 97 });
    for (let i = 0; i < 40; i++) pictures(wrong, 1, i * D);
    const taken = receive(wrong.packets);
    expect(taken.log.frames.length).toBeGreaterThan(20);
    expect(taken.notes).toEqual(["packets have payload type 97, not the announced one: they are taken"]);
  });

  it("counts what is no RTP and no RTCP", () => {
    const received = new RtpReceiver([VIDEO]);
    for (const size of [0, 11, 40]) received.session.rtp(0, new Uint8Array(size), 0);
    const extension = Buffer.from(rtpPacket({ sequence: 1, timestamp: 0 }, new Uint8Array(8)));
    extension[0] = 0x90;
    extension.writeUInt16BE(3, 14);
    received.session.rtp(0, extension, 0);
    for (const bytes of [new Uint8Array(0), new Uint8Array(8), senderReport(1, 1).subarray(0, 20)])
      received.session.rtcp(0, bytes, 0);
    expect(received.statistics).toMatchObject({ packets: 0, badPackets: 4, badRtcp: 3 });
    received.end();
  });
});

describe("alignment", () => {
  it("puts sound where the sender reports say", () => {
    const received = new RtpReceiver([VIDEO, PCMA]);
    received.session.rtcp(0, senderReport(3_900_000_000_500, 90_000), 0);
    received.session.rtcp(1, senderReport(3_900_000_000_000, 8000), 0);
    received.take(pictures(new PacketWriter(), 3, 90_000).packets);
    received.take(new PacketWriter(1, { payloadType: 8 }).write(8000, new Uint8Array(160)).packets, 1).end();
    const [sound] = received.log.frames.filter(({ track }) => track === 1);
    expect(sound?.dts).toBe(-45_000);
    expect(received.statistics).toMatchObject({ senderReports: 1, ignoredSenderReports: 0 });
  });
});

describe("receiver reports", () => {
  it("say what came, what is missing and when the last sender report did", () => {
    const received = new RtpReceiver([VIDEO]);
    expect(received.session.receiverReport(0, 0)).toBeUndefined();
    const { packets } = pictures(new PacketWriter(65_533), 10);
    received.take(packets.filter((_, i) => i !== 5));
    received.session.rtcp(0, senderReport(3_900_000_001_500, 0), 1000);
    const report = Buffer.from(received.session.receiverReport(0, 3000) ?? []);
    expect(report.readUInt16BE(0)).toBe(0x81c9);
    expect(report.readUInt32BE(8)).toBe(TEST_SSRC);
    expect(report[12]).toBe(Math.floor(256 / 11));
    expect(report.readUInt32BE(12) & 0xffffff).toBe(1);
    expect(report.readUInt32BE(16)).toBe(65_533 + 10);
    expect(report.readUInt32BE(24)).toBe((((3_900_000_001 % 65536) << 16) + 0x8000) >>> 0);
    expect(report.readUInt32BE(28)).toBe(2 * 65536);
    // SDES with a CNAME stands behind.
    expect(report.subarray(32, 34).toString("hex")).toBe("81ca");
    expect(report.byteLength).toBe(36 + 4 * report.readUInt16BE(34));
    expect(report.subarray(42, 46).toString()).toBe("reel");
    const next = Buffer.from(received.session.receiverReport(0, 4000) ?? []);
    expect(next[12]).toBe(0);
    received.end();
  });
});
