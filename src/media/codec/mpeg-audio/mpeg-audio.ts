// MP3 and MP2 in the codec table. Frames in a ring are whole frames with their headers; the decoder configuration is a
// header without what changes from frame to frame, made from the first one. MP2 has no form in FLV.

import { CODEC_MP2, CODEC_MP3 } from "../../../abi/decoder-config.js";
import { ReelError } from "../../../base/reel-error.js";
import type { CodecEntry, CodecName, ParsedConfig, TsForm } from "../codec-entry.js";
import { MPEG_AUDIO_HEADER_SIZE, MpegAudioHeader } from "./mpeg-audio-header.js";

const header = new MpegAudioHeader();

function parseAs(codec: CodecName, title: string): (bytes: Uint8Array) => ParsedConfig {
  return (bytes) => {
    if (!header.parseConfig(bytes) || header.codec !== codec)
      throw new ReelError("badConfig", `${title} decoder configuration: is no header of it`);
    const { sampleRate, channels, samples } = header;
    return {
      video: undefined,
      audio: { sampleRate, channels, samplesPerFrame: samples, objectType: 0, rateIndex: 0 },
    };
  };
}

const TS_FORM = {
  streamType: 0x03,
  otherStreamTypes: [{ streamType: 0x04, framing: "mpegAudio" }],
  registration: "",
  descriptorTag: null,
  framing: "mpegAudio",
} as const satisfies TsForm;

export const MP3 = {
  name: "mp3",
  title: "MP3",
  number: CODEC_MP3,
  kind: "audio",
  emsTag: "AMP3",
  parse: parseAs("mp3", "MP3"),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: MPEG_AUDIO_HEADER_SIZE,
  configFrom: "frames",
  randomAccess: "everyFrame",
  mp4: { sampleEntry: "mp4a", otherSampleEntries: [".mp3"], objectTypes: [0x6b, 0x69] },
  ts: TS_FORM,
  flv: {
    codecId: 2,
    otherCodecIds: [14],
    hasPacketType: false,
    fourCc: ".mp3",
    hasCompositionTime: false,
    isWrittenExtended: false,
  },
} as const satisfies CodecEntry;

export const MP2 = {
  name: "mp2",
  title: "MP2",
  number: CODEC_MP2,
  kind: "audio",
  emsTag: "AMP2",
  parse: parseAs("mp2", "MP2"),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: MPEG_AUDIO_HEADER_SIZE,
  configFrom: "frames",
  randomAccess: "everyFrame",
  mp4: { sampleEntry: "mp4a", otherSampleEntries: [], objectTypes: [0x6b, 0x69] },
  ts: TS_FORM,
  flv: null,
} as const satisfies CodecEntry;
