// The depacketizer of each encoding name (IANA's registry of RTP payload formats), and what is refused by name.
// Whatever is not here is not recorded, and said so.

import type { CodecName } from "../../media/codec/codec-entry.js";
import { AacDepacketizer, whyNoAac } from "./aac-depacketizer.js";
import { Av1Depacketizer } from "./av1-depacketizer.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { G711Depacketizer, whyNoG711 } from "./g711-depacketizer.js";
import { H264Depacketizer } from "./h264-depacketizer.js";
import { H265Depacketizer, whyNoH265 } from "./h265-depacketizer.js";
import { LatmDepacketizer, whyNoLatm } from "./latm-depacketizer.js";
import { OpusDepacketizer } from "./opus-depacketizer.js";
import type { RtpMedia } from "./rtp-media.js";
import { Vp9Depacketizer } from "./vp9-depacketizer.js";

export interface RtpFormat {
  readonly codec: CodecName;
  /** Of the RTP clock, where the description says none. */
  readonly clockRate: number;
  /** Why this medium cannot be recorded though its format can, for people; undefined where it can. */
  whyNot?(media: RtpMedia): string | undefined;
  create(context: DepacketizerContext): Depacketizer;
}

/** By encoding name in capitals. */
const FORMATS: Readonly<Record<string, RtpFormat>> = {
  H264: {
    codec: "h264",
    clockRate: 90_000,
    whyNot: ({ fmtp }) =>
      fmtp["packetization-mode"] === "2" ? "H.264 in interleaved packets (packetization-mode=2)" : undefined,
    create: (context) => new H264Depacketizer(context),
  },
  H265: {
    codec: "h265",
    clockRate: 90_000,
    whyNot: whyNoH265,
    create: (context) => new H265Depacketizer(context),
  },
  AV1: { codec: "av1", clockRate: 90_000, create: (context) => new Av1Depacketizer(context) },
  VP9: { codec: "vp9", clockRate: 90_000, create: (context) => new Vp9Depacketizer(context) },
  "MPEG4-GENERIC": {
    codec: "aac",
    clockRate: 48_000,
    whyNot: whyNoAac,
    create: (context) => new AacDepacketizer(context),
  },
  "MP4A-LATM": {
    codec: "aac",
    clockRate: 90_000,
    whyNot: whyNoLatm,
    create: (context) => new LatmDepacketizer(context),
  },
  OPUS: { codec: "opus", clockRate: 48_000, create: (context) => new OpusDepacketizer(context) },
  PCMA: {
    codec: "pcma",
    clockRate: 8000,
    whyNot: whyNoG711,
    create: (context) => new G711Depacketizer("pcma", context),
  },
  PCMU: {
    codec: "pcmu",
    clockRate: 8000,
    whyNot: whyNoG711,
    create: (context) => new G711Depacketizer("pcmu", context),
  },
};

/** Of a whole program: its tracks are those of its own tables. */
export const TRANSPORT_STREAM = "MP2T";

/** For people: what is known and not recorded. */
const REFUSED: Readonly<Record<string, string>> = {
  JPEG: "JPEG",
  JPEG2000: "JPEG 2000",
  VP8: "VP8 over RTP",
  L8: "linear PCM (L8)",
  L16: "linear PCM (L16)",
  L20: "linear PCM (L20)",
  L24: "linear PCM (L24)",
  "H263-1998": "H.263",
  "H263-2000": "H.263",
  H263: "H.263",
  H261: "H.261",
  MPV: "MPEG-1/2 video",
  MPA: "MPEG audio over RTP",
  "MP4V-ES": "MPEG-4 video",
  "VND.ONVIF.METADATA": "ONVIF metadata",
};

/** RFC 3551 §6: payload types that need no rtpmap. */
const STATIC: Readonly<Record<number, readonly [name: string, clockRate: number, channels: number]>> = {
  0: ["PCMU", 8000, 1],
  3: ["GSM", 8000, 1],
  4: ["G723", 8000, 1],
  8: ["PCMA", 8000, 1],
  9: ["G722", 8000, 1],
  10: ["L16", 44_100, 2],
  11: ["L16", 44_100, 1],
  14: ["MPA", 90_000, 0],
  18: ["G729", 8000, 1],
  26: ["JPEG", 90_000, 0],
  31: ["H261", 90_000, 0],
  32: ["MPV", 90_000, 0],
  33: ["MP2T", 90_000, 0],
  34: ["H263", 90_000, 0],
};

/** With what a static payload type says, where the description has no rtpmap. */
export function completeMedia(media: RtpMedia): RtpMedia {
  const known = media.encodingName === "" ? STATIC[media.payloadType] : undefined;
  const encodingName = (known?.[0] ?? media.encodingName).trim().toUpperCase();
  const clockRate = media.clockRate || known?.[1] || FORMATS[encodingName]?.clockRate || 90_000;
  return { ...media, encodingName, clockRate, channels: media.channels || known?.[2] || 0 };
}

export function formatOf({ encodingName }: RtpMedia): RtpFormat | undefined {
  return Object.hasOwn(FORMATS, encodingName) ? FORMATS[encodingName] : undefined;
}

/** Of a complete medium; undefined where it is recorded. */
export function whyNotRecorded(media: RtpMedia): string | undefined {
  const { encodingName, payloadType } = media;
  const format = formatOf(media);
  if (format) return format.whyNot?.(media);
  const refused = Object.hasOwn(REFUSED, encodingName) ? REFUSED[encodingName] : undefined;
  if (refused !== undefined) return refused;
  return encodingName === "" ? `RTP payload type ${payloadType}` : `${encodingName.slice(0, 40)} over RTP`;
}
