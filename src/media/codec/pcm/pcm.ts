// G.711 and linear PCM in the codec table. Frames in a ring are any number of samples as a source sends them, channels
// interleaved: G.711 a byte each, LPCM little-endian, 8 bits without a sign or 16 bits with one.
//
// MP4 has them as linear PCM of 16 bits (ISO/IEC 23003-5), FLV as they came (Adobe FLV 10.1 §E.4.2.1). No standard
// says how MPEG-TS would carry them.

import { CODEC_LPCM, CODEC_PCMA, CODEC_PCMU } from "../../../abi/decoder-config.js";
import type { CodecEntry, FlvForm, ParsedConfig } from "../codec-entry.js";
import { PCM_CONFIG_SIZE, parsePcmConfig, pcmConfig } from "./pcm-config.js";

/** SoundFormat "3" is linear PCM, little-endian; "0" leaves the order to the machine. */
const SOUND_FORMAT_LPCM = 3;
const SOUND_FORMAT_A_LAW = 7;
const SOUND_FORMAT_MU_LAW = 8;
/** FLV's G.711 has this rate whatever its SoundRate says, which has no number for it. */
const G711_RATE = 8000;
const G711_BITS = [8] as const;
const LPCM_BITS = [8, 16] as const;
/** By SoundRate. */
const SOUND_RATES = [5512, 11025, 22050, 44100] as const;

function channelsOfTag(first: number): number {
  return (first & 1) + 1; // SoundType
}

function g711ConfigOfTag(first: number): Uint8Array {
  return pcmConfig(G711_RATE, channelsOfTag(first), 8);
}

function lpcmConfigOfTag(first: number): Uint8Array {
  const rate = SOUND_RATES[(first >> 2) & 3] ?? 0;
  return pcmConfig(rate, channelsOfTag(first), (first & 2) !== 0 ? 16 : 8); // SoundSize
}

function parseAs(title: string, bits: readonly number[]): (bytes: Uint8Array) => ParsedConfig {
  return (bytes) => ({ video: undefined, audio: parsePcmConfig(bytes, title, bits) });
}

function flvForm(codecId: number, configOfTag: (first: number) => Uint8Array): FlvForm {
  return {
    codecId,
    otherCodecIds: [],
    hasPacketType: false,
    fourCc: "",
    hasCompositionTime: false,
    isWrittenExtended: false,
    configOfTag,
  };
}

const COMMON = {
  kind: "audio",
  toRingForm: (bytes: Uint8Array) => bytes,
  minimumConfigBytes: PCM_CONFIG_SIZE,
  configFrom: "tag",
  randomAccess: "everyFrame",
  // Which of them a file was made from is not to be told from it.
  mp4: { sampleEntry: "ipcm", otherSampleEntries: [], objectTypes: [] },
  ts: null,
} as const satisfies Partial<CodecEntry>;

export const LPCM = {
  ...COMMON,
  name: "lpcm",
  title: "LPCM",
  number: CODEC_LPCM,
  emsTag: "APCMLE",
  parse: parseAs("LPCM", LPCM_BITS),
  flv: flvForm(SOUND_FORMAT_LPCM, lpcmConfigOfTag),
} as const satisfies CodecEntry;

export const PCMA = {
  ...COMMON,
  name: "pcma",
  title: "G.711 A-law",
  number: CODEC_PCMA,
  emsTag: "AG711A",
  parse: parseAs("G.711 A-law", G711_BITS),
  flv: flvForm(SOUND_FORMAT_A_LAW, g711ConfigOfTag),
} as const satisfies CodecEntry;

export const PCMU = {
  ...COMMON,
  name: "pcmu",
  title: "G.711 µ-law",
  number: CODEC_PCMU,
  emsTag: "AG711U",
  parse: parseAs("G.711 µ-law", G711_BITS),
  flv: flvForm(SOUND_FORMAT_MU_LAW, g711ConfigOfTag),
} as const satisfies CodecEntry;
