// H.264 in the codec table. Frames in a ring are NAL units behind 4-byte lengths (ISO/IEC 14496-15 §5.3.3.2).

import { CODEC_H264 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { parseAvcDecoderConfiguration } from "./decoder-configuration.js";

/** lengthSizeMinusOne, ISO/IEC 14496-15 §5.3.3.1. */
const LENGTH_SIZE_BYTE = 4;
const LENGTH_SIZE_4 = 3;

export const H264 = {
  name: "h264",
  title: "H.264",
  number: CODEC_H264,
  kind: "video",
  emsTag: "VH264",
  parse: (bytes) => ({ video: parseAvcDecoderConfiguration(bytes), audio: undefined }),
  toRingForm(bytes) {
    const ringForm = bytes.slice();
    ringForm[LENGTH_SIZE_BYTE] = (ringForm[LENGTH_SIZE_BYTE] ?? 0) | LENGTH_SIZE_4;
    return ringForm;
  },
  minimumConfigBytes: 7,
  configFrom: "header",
  randomAccess: "marked",
  mp4: { sampleEntry: "avc1", otherSampleEntries: ["avc3"], objectTypes: [] },
  ts: { streamType: 0x1b, otherStreamTypes: [], registration: "", descriptorTag: null, framing: "h264" },
  flv: {
    codecId: 7,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "avc1",
    hasCompositionTime: true,
    isWrittenExtended: false,
  },
} as const satisfies CodecEntry;
