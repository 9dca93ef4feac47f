// AC-3 and E-AC-3 in the codec table. Frames in a ring are whole frames with their headers; the decoder configuration
// is the content of `dac3` or `dec3`, made from the first one.

import { CODEC_AC3, CODEC_EAC3 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { DAC3_SIZE, parseDac3 } from "./ac3-header.js";
import { DEC3_MINIMUM_SIZE, Eac3Header, parseDec3 } from "./eac3-header.js";

export const AC3 = {
  name: "ac3",
  title: "AC-3",
  number: CODEC_AC3,
  kind: "audio",
  emsTag: "AAC3",
  parse: (bytes) => ({ video: undefined, audio: parseDac3(bytes) }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: DAC3_SIZE,
  configFrom: "frames",
  randomAccess: "everyFrame",
  mp4: { sampleEntry: "ac-3", otherSampleEntries: [], objectTypes: [] },
  ts: { streamType: 0x81, otherStreamTypes: [], registration: "AC-3", descriptorTag: 0x6a, framing: "ac3" },
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "ac-3",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;

export const EAC3 = {
  name: "eac3",
  title: "E-AC-3",
  number: CODEC_EAC3,
  kind: "audio",
  emsTag: "AEAC3",
  parse: (bytes) => ({ video: undefined, audio: parseDec3(bytes) }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: DEC3_MINIMUM_SIZE,
  configFrom: "frames",
  randomAccess: "everyFrame",
  frameSamples: (bytes, at, end) => {
    const header = new Eac3Header();
    return end - at >= header.headerBytes && header.parse(bytes, at) ? header.samples : 0;
  },
  mp4: { sampleEntry: "ec-3", otherSampleEntries: [], objectTypes: [] },
  ts: { streamType: 0x87, otherStreamTypes: [], registration: "EAC3", descriptorTag: 0x7a, framing: "eac3" },
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "ec-3",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
