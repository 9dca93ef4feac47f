// Opus in the codec table. Frames in a ring are Opus packets (RFC 6716 §3), without the control headers of MPEG-TS; the
// decoder configuration is an identification header ("OpusHead", RFC 7845 §5.1), as Enhanced RTMP sends it.

import { CODEC_OPUS } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { OPUS_HEAD_SIZE, parseOpusHead } from "./opus-head.js";
import { opusPacketSamples } from "./opus-packet.js";

export const OPUS = {
  name: "opus",
  title: "Opus",
  number: CODEC_OPUS,
  kind: "audio",
  emsTag: "AOPUS",
  parse: (bytes) => ({ video: undefined, audio: parseOpusHead(bytes) }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: OPUS_HEAD_SIZE,
  configFrom: "header",
  randomAccess: "everyFrame",
  frameSamples: (bytes, at, end) =>
    end > at ? opusPacketSamples(bytes[at] ?? 0, end > at + 1 ? (bytes[at + 1] ?? 0) : 0) : 0,
  mp4: { sampleEntry: "Opus", otherSampleEntries: [], objectTypes: [] },
  ts: { streamType: 0x06, otherStreamTypes: [], registration: "Opus", descriptorTag: null, framing: "opus" },
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "Opus",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
