// One access unit of every payload format in packets that are good, to be mutated.

import type { RtpMedia } from "../../src/ingest/rtp/rtp-media.js";
import { sequenceHeaderOf } from "../../src/media/codec/av1/decoder-configuration.js";
import { parseAvcDecoderConfiguration } from "../../src/media/codec/h264/decoder-configuration.js";
import { parseHvcDecoderConfiguration } from "../../src/media/codec/h265/decoder-configuration.js";
import { slice } from "./pictures.js";
import { VIDEO } from "./receive-rtp.js";
import { fuA, stapA } from "./rtp-packets.js";
import { AV1C, AVCC, H265_IDR, HVCC, h265NalUnit } from "./test-media.js";

export interface Payloads {
  media: RtpMedia;
  payloads: readonly Uint8Array[];
}

const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
const SETS = parseHvcDecoderConfiguration(HVCC).parameterSets.map((set) => Uint8Array.from(set));
const bytes = (...parts: (readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const filled = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31) & 255);
const sound = (
  encodingName: string,
  clockRate: number,
  channels: number,
  fmtp: Record<string, string> = {},
): RtpMedia => ({
  kind: "audio",
  ...{ payloadType: 96, encodingName, clockRate, channels, fmtp },
});
const SEQUENCE_HEADER = bytes([0x08], sequenceHeaderOf(AV1C) ?? []);
const IDR_265 = h265NalUnit(H265_IDR, 900, 1);

export const CORPUS: readonly Payloads[] = [
  {
    media: VIDEO,
    payloads: [stapA(sps[0] as Uint8Array, pps[0] as Uint8Array), ...fuA(slice(7, 1, true, 900), 400), slice(0, 2)],
  },
  {
    media: { ...VIDEO, encodingName: "H265", fmtp: {} },
    payloads: [
      bytes([96, 1], ...SETS.flatMap((set) => [[set.length >> 8, set.length & 255], set])),
      bytes([98, 1, 0x80 | H265_IDR], IDR_265.subarray(2, 400)),
      bytes([98, 1, H265_IDR], IDR_265.subarray(400, 600)),
      bytes([98, 1, 0x40 | H265_IDR], IDR_265.subarray(600)),
    ],
  },
  {
    media: { ...VIDEO, encodingName: "AV1", fmtp: {} },
    payloads: [
      bytes([0x60, SEQUENCE_HEADER.length], SEQUENCE_HEADER, [0x30, 0x10], filled(300)),
      bytes([0xd0], filled(300)),
      bytes([0x90], filled(100)),
    ],
  },
  {
    media: { ...VIDEO, encodingName: "VP9", fmtp: {} },
    payloads: [
      bytes(
        [0x8a, 0x81, 0x23, 0x18, 1, 64, 0, 180, 1, 0x04, 3],
        [0x82, 0x49, 0x83, 0x42, 0x40, 0x13, 0xf0, 0x0b, 0x30],
        filled(300),
      ),
      bytes([0x84, 0x81, 0x23], filled(200)),
    ],
  },
  {
    media: sound("MPEG4-GENERIC", 48_000, 2, {
      mode: "AAC-hbr",
      sizelength: "13",
      indexlength: "3",
      indexdeltalength: "3",
      config: "1190",
    }),
    payloads: [
      bytes([0, 32, 0x06, 0x40, 0x03, 0x20], filled(300)),
      bytes([0, 16, 0x1f, 0x40], filled(600)),
      bytes([0, 16, 0x1f, 0x40], filled(400)),
    ],
  },
  {
    media: sound("MP4A-LATM", 48_000, 2, { cpresent: "0", config: "400023203fc0" }),
    payloads: [bytes([100], filled(100)), bytes([255, 45], filled(300))],
  },
  { media: sound("OPUS", 48_000, 2), payloads: [bytes([0xfc], filled(100)), bytes([0xff, 0x03], filled(90))] },
  { media: sound("PCMA", 8000, 1), payloads: [filled(160)] },
];
