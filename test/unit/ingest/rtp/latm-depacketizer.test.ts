// AAC in LATM over RTP: packets made by hand from RFC 6416 and ISO/IEC 14496-3 §1.7.3.

import { describe, expect, it } from "vitest";
import type { RtpMedia } from "../../../../src/ingest/rtp/rtp-media.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { RtpReceiver } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";

/** StreamMuxConfig: one access unit an element, whose length it says; AAC-LC, 48 kHz, stereo. */
const mux = (writer: BitWriter): BitWriter =>
  writer.u(1, 0).u(1, 1).u(6, 0).u(4, 0).u(3, 0).u(16, 0x1190).u(3, 0).u(8, 0xff).u(1, 0).u(1, 0);
const LATM: RtpMedia = {
  ...{ kind: "audio", payloadType: 96, encodingName: "MP4A-LATM", clockRate: 48_000, channels: 2 },
  fmtp: { cpresent: "0", config: Buffer.from(mux(new BitWriter()).align().bytes()).toString("hex") },
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unit = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) & 255);
/** PayloadLengthInfo in front. */
const element = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.alloc(Math.floor(bytes.length / 255), 255), Buffer.of(bytes.length % 255), bytes]);

function receive(packets: readonly Uint8Array[], media: RtpMedia = LATM): RtpReceiver {
  return new RtpReceiver([media]).take(packets).end();
}

describe("LATM depacketizer", () => {
  it("takes elements, whole and in pieces, with the configuration of the description", () => {
    const [a, b] = [unit(200, 1), unit(700, 2)];
    const large = element(b);
    const { packets } = new PacketWriter()
      .write(0, element(a), true)
      .write(1024, large.subarray(0, 300))
      .write(1024, large.subarray(300), true)
      .write(2048, element(a), true);
    const { log } = receive(packets);
    expect(log.frames.map(({ units, dts }) => [dts, units.map(hex)])).toEqual([
      [0, [hex(a)]],
      [1920, [hex(b)]],
      [3840, [hex(a)]],
    ]);
    expect(log.configs).toEqual([{ track: 1, codec: "aac", hex: "1190" }]);
    const lossy = receive(packets.filter((_, i) => i !== 2));
    expect(lossy.log.frames.map(({ dts }) => dts)).toEqual([0, 3840]);
    expect(lossy.statistics).toMatchObject({ lostPackets: 1, damagedFrames: 1 });
    expect(lossy.log.losses).toMatchObject([{ track: 1, frames: 1 }]);
  });

  it("reads the configuration in band, and access units that begin within a byte", () => {
    const a = unit(100, 3);
    const write = (writer: BitWriter): Uint8Array => {
      writer.u(8, a.length);
      for (const byte of a) writer.u(8, byte);
      return writer.align().bytes();
    };
    const first = write(mux(new BitWriter().u(1, 0)));
    const { packets } = new PacketWriter().write(0, first, true).write(1024, write(new BitWriter().u(1, 1)), true);
    const { log } = receive(packets, { ...LATM, fmtp: {} });
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)], [hex(a)]]);
    expect(log.configs).toEqual([{ track: 1, codec: "aac", hex: "1190" }]);
  });

  it("takes the configuration that GStreamer makes of a file's, with an extension where there is no place for one", () => {
    const a = unit(200, 1);
    const { packets } = new PacketWriter().write(0, element(a), true);
    const { log } = receive(packets, { ...LATM, fmtp: { cpresent: "0", config: "40002320adca00" } });
    expect(log.frames.map(({ units }) => units.map(hex))).toEqual([[hex(a)]]);
    expect(log.configs).toEqual([{ track: 1, codec: "aac", hex: "119056e500" }]);
  });

  it("names a configuration that is missing or not recorded", () => {
    const named = (config: string): unknown =>
      new RtpReceiver([{ ...LATM, fmtp: { cpresent: "0", config } }]).log.unrecorded[0]?.codec;
    expect(named("")).toBe("AAC in LATM without a configuration");
    expect(named("00")).toBe("AAC in LATM with several clocks");
    expect(named("40")).toBe("LATM configuration: ends too early");
  });

  it("counts elements that are too short", () => {
    const { packets } = new PacketWriter().write(0, Uint8Array.of(99, 1, 2), true);
    expect(receive(packets).statistics.badPackets).toBe(1);
  });
});
