// AV1 in the codec table. Frames in a ring are temporal units in the low-overhead format, without temporal delimiters:
// what a sample of MP4 is (AV1 Codec ISO Media File Format Binding §2.4) and what Enhanced RTMP carries. MPEG-TS has no
// form for it that others read.

import { CODEC_AV1 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { AV1C_HEADER_BYTES, parseAv1Configuration } from "./decoder-configuration.js";

export const AV1 = {
  name: "av1",
  title: "AV1",
  number: CODEC_AV1,
  kind: "video",
  emsTag: "VAV1",
  parse: (bytes) => ({ video: parseAv1Configuration(bytes), audio: undefined }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: AV1C_HEADER_BYTES,
  configFrom: "header",
  randomAccess: "marked",
  mp4: { sampleEntry: "av01", otherSampleEntries: [], objectTypes: [], brands: "iso6av01" },
  ts: null,
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "av01",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
