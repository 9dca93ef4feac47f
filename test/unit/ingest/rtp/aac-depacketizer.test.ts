// AAC over RTP: packets made by hand from RFC 3640.

import { describe, expect, it } from "vitest";
import type { RtpMedia } from "../../../../src/ingest/rtp/rtp-media.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { RtpReceiver } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";
import { ASC } from "../../../support/test-media.js";

const AAC: RtpMedia = {
  kind: "audio",
  payloadType: 96,
  encodingName: "mpeg4-generic",
  clockRate: 48_000,
  channels: 2,
  fmtp: { mode: "AAC-hbr", sizelength: "13", indexlength: "3", indexdeltalength: "3", config: "1190" },
};
const unit = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) & 255);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** §3.2.1, AAC-hbr: headers of 13 + 3 bits. */
function headers(sizes: readonly number[], index = 0): Uint8Array {
  const writer = new BitWriter().u(16, 16 * sizes.length);
  for (const [i, size] of sizes.entries()) writer.u(13, size).u(3, i === 0 ? index : 0);
  return writer.bytes();
}

function receive(packets: readonly Uint8Array[], media: Partial<RtpMedia> = {}): RtpReceiver {
  return new RtpReceiver([{ ...AAC, ...media }]).take(packets).end();
}

/** ADTS, LC, 48 kHz, stereo. */
function adts(frame: Uint8Array): Uint8Array {
  const writer = new BitWriter().u(12, 0xfff).u(1, 0).u(2, 0).u(1, 1).u(2, 1).u(4, 3).u(1, 0).u(3, 2).u(4, 0);
  return Buffer.concat([
    writer
      .u(13, frame.length + 7)
      .u(11, 0x7ff)
      .u(2, 0)
      .bytes(),
    frame,
  ]);
}

describe("AAC depacketizer", () => {
  it("takes one access unit a packet, and several", () => {
    const [a, b, c] = [unit(200, 1), unit(300, 2), unit(100, 3)];
    const { packets } = new PacketWriter()
      .write(500, Buffer.concat([headers([200]), a]), true)
      .write(500 + 1024, Buffer.concat([headers([300, 100]), b, c]), true);
    const { log } = receive(packets);
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)], [hex(b)], [hex(c)]]);
    expect(log.frames.map(({ dts }) => dts)).toEqual([0, 1920, 3840]);
    expect(log.frames.every(({ track, cts }) => track === 1 && cts === 0)).toBe(true);
    expect(log.configs).toEqual([{ track: 1, codec: "aac", hex: hex(ASC) }]);
  });

  it("puts an access unit together that comes in pieces", () => {
    const a = unit(3000, 4);
    const { packets } = new PacketWriter()
      .write(0, Buffer.concat([headers([3000]), a.subarray(0, 1400)]))
      .write(0, Buffer.concat([headers([3000]), a.subarray(1400, 2800)]))
      .write(0, Buffer.concat([headers([3000]), a.subarray(2800)]), true)
      .write(1024, Buffer.concat([headers([50]), unit(50, 5)]), true);
    const whole = receive(packets);
    expect(whole.log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)], [hex(unit(50, 5))]]);
    const lossy = receive(packets.filter((_, i) => i !== 1));
    expect(lossy.log.frames.map(({ dts }) => dts)).toEqual([1920]);
    expect(lossy.statistics).toMatchObject({ lostPackets: 1, damagedFrames: 1 });
    expect(lossy.log.losses).toMatchObject([{ track: 1, frames: 1 }]);
  });

  it("reads the headers of AAC-lbr, and every optional field", () => {
    const [a, b] = [unit(20, 1), unit(30, 2)];
    const lbr = new BitWriter().u(16, 16).u(6, 20).u(2, 0).u(6, 30).u(2, 0).bytes();
    const { packets } = new PacketWriter().write(0, Buffer.concat([lbr, a, b]), true);
    const low = receive(packets, { fmtp: { mode: "AAC-lbr", config: "1190", constantduration: "1024" } });
    // Only packets behind the first one open an in-stream at the end of a session; here the first one did.
    expect(low.log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)], [hex(b)]]);
    const fields = new BitWriter().u(16, 13 + 3 + 1 + 4 + 1 + 5 + 1 + 2);
    fields.u(13, 20).u(3, 0).u(1, 1).u(4, 9).u(1, 1).u(5, 3).u(1, 1).u(2, 1).align();
    const auxiliary = new BitWriter().u(4, 3).u(3, 5).align().bytes();
    const full = new PacketWriter().write(0, Buffer.concat([fields.bytes(), auxiliary, a]), true);
    const optional = {
      ...{ ctsdeltalength: "4", dtsdeltalength: "5", randomaccessindication: "1", streamstateindication: "2" },
      auxiliarydatasizelength: "4",
    };
    const rich = receive(full.packets, { fmtp: { ...AAC.fmtp, ...optional } });
    expect(rich.log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)]]);
  });

  it("takes ADTS frames that stand there without headers, and with them", () => {
    const a = unit(200, 1);
    const { packets } = new PacketWriter()
      .write(0, Buffer.concat([adts(a), adts(a)]), true)
      .write(2048, Buffer.concat([headers([207]), adts(a)]), true);
    const { log, notes } = receive(packets, { fmtp: {} });
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)], [hex(a)], [hex(a)]]);
    expect(log.frames.map(({ dts }) => dts)).toEqual([0, 1920, 3840]);
    expect(log.configs.map((config) => config.hex)).toEqual([hex(ASC)]);
    expect(notes).toContain("AAC in ADTS without the headers of its payload format was taken");
  });

  it("makes a configuration of the RTP map where the description has none that can be read", () => {
    const { packets } = new PacketWriter().write(0, Buffer.concat([headers([200]), unit(200, 1)]), true);
    for (const config of ["", "zz", "ff"]) {
      const { log, notes } = receive(packets, { fmtp: { ...AAC.fmtp, config } });
      expect(log.configs.map(({ hex }) => hex)).toEqual([hex(ASC)]);
      expect(notes.at(-1)).toContain("its rate and channels are those of the RTP map");
    }
  });

  it("refuses interleaved access units and other modes by name", () => {
    const interleaved = new BitWriter().u(16, 32).u(13, 20).u(3, 0).u(13, 20).u(3, 1).bytes();
    const { packets } = new PacketWriter().write(0, Buffer.concat([interleaved, unit(40, 1)]), true);
    const received = receive(packets);
    expect(received.log.frames).toEqual([]);
    expect(received.statistics.unsupportedPackets).toBe(1);
    expect(received.notes).toEqual(["interleaved AAC access units are not supported"]);
    const { log } = new RtpReceiver([{ ...AAC, fmtp: { mode: "CELP-cbr" } }]);
    expect(log.unrecorded).toEqual([{ kind: "audio", codec: "MPEG-4 audio (mode celp-cbr)" }]);
  });

  it("counts payloads that contradict themselves", () => {
    const { packets } = new PacketWriter()
      .write(0, Uint8Array.of(0, 0, 1, 2, 3))
      .write(0, Uint8Array.of(0xff, 0, 1, 2, 3))
      .write(0, Uint8Array.of(0, 16, 1))
      .write(0, Uint8Array.of(0, 15, 1, 2, 3, 4));
    expect(receive(packets).statistics.badPackets).toBe(4);
  });

  it("tells a loss with its length and goes on with the next access unit", () => {
    const writer = new PacketWriter();
    for (let i = 0; i < 5; i++) writer.write(i * 1024, Buffer.concat([headers([100]), unit(100, i)]), true);
    const { log } = receive(writer.packets.filter((_, i) => i !== 2 && i !== 3));
    expect(log.frames.map(({ dts }) => dts)).toEqual([0, 1920, 7680]);
    expect(log.losses).toMatchObject([{ track: 1, durationMs: (1920 * 2) / 90 }]);
  });
});
