// FLAC in the codec table. Frames in a ring are frames (RFC 9639 §9); the decoder configuration is STREAMINFO with its
// block header. No standard says how MPEG-TS would carry it.

import { CODEC_FLAC } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { flacFrameSamples } from "./frame-header.js";
import { FLAC_CONFIG_SIZE, parseFlacConfig, toFlacConfig } from "./stream-info.js";

export const FLAC = {
  name: "flac",
  title: "FLAC",
  number: CODEC_FLAC,
  kind: "audio",
  emsTag: "AFLAC",
  parse: (bytes) => ({ video: undefined, audio: parseFlacConfig(bytes) }),
  toRingForm: toFlacConfig,
  minimumConfigBytes: FLAC_CONFIG_SIZE,
  configFrom: "header",
  randomAccess: "everyFrame",
  frameSamples: flacFrameSamples,
  mp4: { sampleEntry: "fLaC", otherSampleEntries: [], objectTypes: [] },
  ts: null,
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "fLaC",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
