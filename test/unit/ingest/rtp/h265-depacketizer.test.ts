// H.265 over RTP: packets made by hand from RFC 7798.

import { describe, expect, it } from "vitest";
import { parseHvcDecoderConfiguration } from "../../../../src/media/codec/h265/decoder-configuration.js";
import { RtpReceiver, receive, VIDEO } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";
import { H265_IDR, H265_TRAIL, HVCC, h265NalUnit } from "../../../support/test-media.js";

const SETS = parseHvcDecoderConfiguration(HVCC).parameterSets.map((set) => Uint8Array.from(set));
const IDR = h265NalUnit(H265_IDR, 3000, 1);
const P = h265NalUnit(H265_TRAIL, 900, 2);
const D = 3600;
const H265 = { encodingName: "H265", fmtp: {} };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const base64 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("base64");

/** §4.4.2: AP of these NAL units. */
function aggregate(nals: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([48 << 1, 1, ...nals.flatMap((nal) => [nal.length >> 8, nal.length & 255, ...nal])]);
}

/** §4.4.3: FUs of a NAL unit. */
function fragments(nal: Uint8Array, pieceBytes: number): Uint8Array[] {
  const [first = 0, second = 0] = nal;
  const pieces: Uint8Array[] = [];
  for (let at = 2; at < nal.length; at += pieceBytes) {
    const flags = (at === 2 ? 0x80 : 0) | (at + pieceBytes >= nal.length ? 0x40 : 0);
    const header = [(first & 0x81) | (49 << 1), second, flags | ((first >> 1) & 63)];
    pieces.push(Uint8Array.from([...header, ...nal.subarray(at, at + pieceBytes)]));
  }
  return pieces;
}

function stream(writer: PacketWriter, timestamp: number): PacketWriter {
  writer.write(timestamp, aggregate(SETS));
  for (const piece of fragments(IDR, 1200)) writer.write(timestamp, piece);
  return writer.write(timestamp + D, P, true);
}

describe("H.265 depacketizer", () => {
  it("takes single NAL units, an aggregate and fragments", () => {
    const received = receive(stream(stream(new PacketWriter(), 0), 2 * D).packets, H265);
    expect(received.log.frames.map(({ units }) => units.map(hex))).toEqual([
      [hex(IDR)],
      [hex(P)],
      [hex(IDR)],
      [hex(P)],
    ]);
    expect(received.log.frames.map(({ dts, cts }) => dts + cts)).toEqual([0, D, 2 * D, 3 * D]);
    expect(received.log.configs).toHaveLength(1);
    expect(received.log.configs[0]?.codec).toBe("h265");
  });

  it("takes parameter sets from the session description", () => {
    const [vps, sps, pps] = SETS.map(base64);
    const { packets } = new PacketWriter().write(0, IDR, true).write(D, P, true);
    const fmtp = { "sprop-vps": vps ?? "", "sprop-sps": sps ?? "", "sprop-pps": pps ?? "" };
    const received = receive(packets, { ...H265, fmtp });
    expect(received.log.frames).toHaveLength(2);
    expect(received.log.configs).toHaveLength(1);
  });

  it("makes a new configuration of parameter sets that change in band", () => {
    const writer = stream(new PacketWriter(), 0);
    // The level stands in the VPS and the SPS.
    const changed = SETS.map((set) => set.map((byte) => (byte === 0x3c ? 0x3f : byte)));
    expect(changed.map(hex)).not.toEqual(SETS.map(hex));
    writer
      .write(2 * D, aggregate(changed))
      .write(2 * D, IDR, true)
      .write(3 * D, P, true);
    const received = receive(writer.packets, H265);
    expect(received.log.configs).toHaveLength(2);
    expect(received.log.frames).toHaveLength(4);
  });

  it("refuses decoding order numbers by name", () => {
    const received = new RtpReceiver([{ ...VIDEO, ...H265, fmtp: { "sprop-max-don-diff": "1" } }]);
    expect(received.log.unrecorded).toEqual([{ kind: "video", codec: "H.265 with decoding order numbers (DONL)" }]);
  });

  it("goes on at the next random access point behind a loss", () => {
    const { packets } = stream(stream(new PacketWriter(), 0), 2 * D);
    const received = receive(
      packets.filter((_, i) => i !== 2),
      H265,
    );
    expect(received.log.frames.map(({ dts, cts }) => dts + cts)).toEqual([2 * D, 3 * D]);
    expect(received.statistics).toMatchObject({ lostPackets: 1, damagedFrames: 1 });
  });

  it("counts what contradicts itself and names what it does not know", () => {
    const { packets } = new PacketWriter()
      .write(0, Uint8Array.of(48 << 1, 1, 0, 99, 1))
      .write(0, Uint8Array.of(49 << 1, 1, 0x81))
      .write(0, Uint8Array.of(50 << 1, 1, 1, 2))
      .write(0, Uint8Array.of(1, 1));
    const received = receive(packets, H265);
    expect(received.statistics).toMatchObject({ badPackets: 3, unsupportedPackets: 1 });
    expect(received.notes).toEqual(["H.265 PACI packets were passed over"]);
  });
});
