// G.711 and Opus over RTP (RFC 3551, RFC 7587).

import { expect, it } from "vitest";
import type { RtpMedia } from "../../../../src/ingest/rtp/rtp-media.js";
import { pcmConfig } from "../../../../src/media/codec/pcm/pcm-config.js";
import { RtpReceiver } from "../../../support/receive-rtp.js";
import { PacketWriter } from "../../../support/rtp-packets.js";

const SOUND: RtpMedia = { kind: "audio", payloadType: 0, encodingName: "", clockRate: 0, channels: 0, fmtp: {} };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("takes G.711 by its static payload type, and by name", () => {
  const samples = new Uint8Array(160).fill(0xd5);
  for (const [payloadType, encodingName, codec, channels] of [
    [0, "", "pcmu", 1],
    [8, "", "pcma", 1],
    [97, "pcma", "pcma", 2],
  ] as const) {
    const { packets } = new PacketWriter(1, { payloadType }).write(9000, samples).write(9000 + 160 / channels, samples);
    const { log } = new RtpReceiver([{ ...SOUND, payloadType, encodingName, clockRate: 8000, channels }]).take(packets);
    expect(log.configs).toEqual([{ track: 1, codec, hex: hex(pcmConfig(8000, channels, 8)) }]);
    expect(log.frames.map(({ dts, units }) => [dts, units.map(hex)])).toEqual([
      [0, [hex(samples)]],
      [1800 / channels, [hex(samples)]],
    ]);
  }
});

it("takes no half sample, and refuses more channels than are recorded", () => {
  const media = { ...SOUND, payloadType: 97, encodingName: "PCMU", clockRate: 8000 };
  const received = new RtpReceiver([{ ...media, channels: 2 }]);
  received.take(new PacketWriter(1, { payloadType: 97 }).write(0, new Uint8Array(81)).packets);
  expect(received.log.frames.map(({ units }) => units[0]?.length)).toEqual([80]);
  expect(received.statistics.badPackets).toBe(1);
  const { log } = new RtpReceiver([{ ...media, channels: 6 }]);
  expect(log.unrecorded).toEqual([{ kind: "audio", codec: "G.711 of 6 channels at 8000 Hz" }]);
});

it("takes Opus packets, whatever lies between them", () => {
  const media = { ...SOUND, payloadType: 111, encodingName: "opus", clockRate: 48_000, channels: 2 };
  const packet = Uint8Array.of(0xfc, 1, 2, 3); // CELT, 20 ms, stereo, one frame
  const writer = new PacketWriter(1, { payloadType: 111 }).write(0, packet).write(960, packet);
  // Discontinuous transmission: nothing was lost.
  writer.write(48_000, packet).write(48_960, Uint8Array.of(0xff, 0));
  const received = new RtpReceiver([media]).take(writer.packets);
  const { log } = received;
  expect(log.frames.map(({ dts }) => dts)).toEqual([0, 1800, 90_000]);
  expect(log.losses).toEqual([]);
  expect(log.configs).toEqual([{ track: 1, codec: "opus", hex: "4f707573486561640102000080bb0000000000" }]);
  expect(received.statistics.badPackets).toBe(1);
});
