// VP9 in the codec table. Frames in a ring are as the encoder gives them, superframes among them: their first frame
// says what they are. MPEG-TS has no form for it that others read.

import { CODEC_VP9 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { parseVpConfiguration, VPCC_BYTES } from "../vp-configuration.js";
import { vp9KeyFrameSize } from "./frame-header.js";

export const VP9 = {
  name: "vp9",
  title: "VP9",
  number: CODEC_VP9,
  kind: "video",
  emsTag: "VVP9",
  parse: (bytes) => ({ video: parseVpConfiguration(bytes), audio: undefined }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: VPCC_BYTES,
  configFrom: "header",
  randomAccess: "marked",
  keyFrameSize: vp9KeyFrameSize,
  mp4: { sampleEntry: "vp09", otherSampleEntries: [], objectTypes: [], brands: "iso2iso6" },
  ts: null,
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "vp09",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
