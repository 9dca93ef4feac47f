// AAC in the codec table. Frames in a ring are raw access units (ISO/IEC 14496-3 §4.4.2.1), without ADTS headers.

import { CODEC_AAC } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { parseAudioSpecificConfig } from "./audio-specific-config.js";

export const AAC = {
  name: "aac",
  title: "AAC",
  number: CODEC_AAC,
  kind: "audio",
  emsTag: "AAAC",
  parse: (bytes) => ({ video: undefined, audio: parseAudioSpecificConfig(bytes) }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: 2,
  configFrom: "header",
  randomAccess: "everyFrame",
  mp4: { sampleEntry: "mp4a", otherSampleEntries: [], objectTypes: [0x40] },
  ts: {
    streamType: 0x0f,
    // LATM, which is written of what ADTS cannot say.
    otherStreamTypes: [{ streamType: 0x11, framing: "latm" }],
    registration: "",
    descriptorTag: null,
    framing: "adts",
  },
  flv: {
    codecId: 10,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "mp4a",
    hasCompositionTime: false,
    isWrittenExtended: false,
  },
} as const satisfies CodecEntry;
