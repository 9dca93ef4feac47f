// H.265 in the codec table. Frames in a ring are NAL units behind 4-byte lengths (ISO/IEC 14496-15 §4.3). Over RTMP it
// comes as `hvc1` (Enhanced RTMP) and as CodecID 12, a private form that cameras use; it is written as the former.

import { CODEC_H265 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { HVCC_HEADER_BYTES, parseHvcDecoderConfiguration, toHvcRingForm } from "./decoder-configuration.js";

export const H265 = {
  name: "h265",
  title: "H.265",
  number: CODEC_H265,
  kind: "video",
  emsTag: "VH265",
  parse: (bytes) => ({ video: parseHvcDecoderConfiguration(bytes), audio: undefined }),
  toRingForm: toHvcRingForm,
  minimumConfigBytes: HVCC_HEADER_BYTES,
  configFrom: "header",
  randomAccess: "marked",
  mp4: { sampleEntry: "hvc1", otherSampleEntries: ["hev1"], objectTypes: [], brands: "iso2iso6" },
  ts: { streamType: 0x24, otherStreamTypes: [], registration: "", descriptorTag: null, framing: "h265" },
  flv: {
    codecId: 12,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "hvc1",
    hasCompositionTime: true,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
