// Codecs that have no entry in the codec table, by what transport streams, FLV and RTMP call them: they are not
// recorded, and are named for people.

import type { TrackKind } from "./codec-entry.js";

export interface ForeignCodec {
  kind: TrackKind;
  name: string;
}

const video = (name: string): ForeignCodec => ({ kind: "video", name });
const audio = (name: string): ForeignCodec => ({ kind: "audio", name });
const data = (name: string): ForeignCodec => ({ kind: "data", name });

/** CodecID, Adobe FLV 10.1 §E.4.3.1; 12 and 13 are in use without a standard. */
const FLV_VIDEO: Readonly<Record<number, string>> = {
  2: "Sorenson H.263",
  3: "Screen video",
  4: "VP6",
  5: "VP6 with alpha",
  6: "Screen video 2",
  7: "H.264",
  8: "H.263",
  9: "MPEG-4 part 2 video",
  12: "H.265",
  13: "AV1",
};

/** SoundFormat, §E.4.2.1; 13 is in use without a standard. */
const FLV_AUDIO: Readonly<Record<number, string>> = {
  0: "PCM",
  1: "ADPCM",
  2: "MP3",
  3: "PCM",
  4: "Nellymoser",
  5: "Nellymoser",
  6: "Nellymoser",
  7: "G.711 A-law",
  8: "G.711 µ-law",
  10: "AAC",
  11: "Speex",
  13: "Opus",
  14: "MP3",
};

/** Enhanced RTMP v2. */
const FOUR_CC: Readonly<Record<string, string>> = {
  hvc1: "H.265",
  vvc1: "H.266",
  av01: "AV1",
  vp08: "VP8",
  vp09: "VP9",
  avc1: "H.264",
  mp4a: "AAC",
  Opus: "Opus",
  fLaC: "FLAC",
  "ac-3": "AC-3",
  "ec-3": "E-AC-3",
  ".mp3": "MP3",
};

export function foreignFlvCodec(kind: "video" | "audio", codecId: number): string {
  return kind === "video"
    ? (FLV_VIDEO[codecId] ?? `FLV video codec ${codecId}`)
    : (FLV_AUDIO[codecId] ?? `FLV sound format ${codecId}`);
}

/** `fourCc`: four characters of any kind. */
export function foreignFourCc(fourCc: string): string {
  return FOUR_CC[fourCc] ?? `FourCC ${fourCc.replace(/[^ -~]/g, "?")}`;
}

/** stream_type, ISO/IEC 13818-1 Table 2-34, and registrations in use. */
const STREAM_TYPES: Readonly<Record<number, ForeignCodec>> = {
  1: video("MPEG-1 video"),
  2: video("MPEG-2 video"),
  3: audio("MPEG-1 audio (MP2, MP3)"),
  4: audio("MPEG-2 audio (MP2, MP3)"),
  5: data("private sections"),
  6: data("private data"),
  15: audio("AAC (ADTS)"),
  16: video("MPEG-4 part 2 video"),
  17: audio("AAC (LATM)"),
  21: data("timed metadata"),
  27: video("H.264"),
  32: video("MVC sub-stream"),
  33: video("JPEG 2000"),
  36: video("H.265"),
  51: video("H.266"),
  66: video("AVS video"),
  128: data("private video"),
  129: audio("AC-3"),
  130: audio("DTS"),
  134: data("SCTE-35"),
  135: audio("E-AC-3"),
  207: audio("encrypted AAC"),
  219: video("encrypted H.264"),
};

/** Descriptors that say what a private PES stream carries (ETSI EN 300 468 Table 12). */
const DESCRIPTORS: Readonly<Record<number, ForeignCodec>> = {
  86: data("teletext"),
  89: data("DVB subtitles"),
  106: audio("AC-3"),
  122: audio("E-AC-3"),
  123: audio("DTS"),
  124: audio("AAC"),
};

/** format_identifier of a registration descriptor (ISO/IEC 13818-1 §2.6.8; registered with SMPTE). */
const REGISTRATIONS: Readonly<Record<string, ForeignCodec>> = {
  "AC-3": audio("AC-3"),
  AV01: video("AV1"),
  BSSD: audio("SMPTE 302M audio"),
  CUEI: data("SCTE-35"),
  DTS1: audio("DTS"),
  DTS2: audio("DTS"),
  DTS3: audio("DTS"),
  EAC3: audio("E-AC-3"),
  HEVC: video("H.265"),
  "ID3 ": data("timed metadata (ID3)"),
  KLVA: data("KLV metadata"),
  Opus: audio("Opus"),
  "VC-1": video("VC-1"),
  VP09: video("VP9"),
  VVC: video("H.266"),
  drac: video("Dirac"),
};

const STREAM_TYPE_PRIVATE_PES = 0x06;
/** User private: only a registration says what it is. */
const FIRST_USER_STREAM_TYPE = 0x80;

export interface StreamDescription {
  streamType: number;
  descriptorTags: readonly number[];
  /** format_identifier; "" where there is none. */
  registration: string;
}

/** ffmpeg writes AV1, VP9 and VP8 so: nobody can tell them from other data. */
const NAMELESS = data("private data that nothing names, as AV1 and VP9 come from ffmpeg");

export const isNameless = (name: string): boolean => name === NAMELESS.name;

export function foreignStream({ streamType, descriptorTags, registration }: StreamDescription): ForeignCodec {
  const isPrivate = streamType === STREAM_TYPE_PRIVATE_PES;
  if (isPrivate && registration === "" && descriptorTags.length === 0) return NAMELESS;
  const registered = isPrivate || streamType >= FIRST_USER_STREAM_TYPE ? REGISTRATIONS[registration] : undefined;
  const described = isPrivate ? descriptorTags.map((tag) => DESCRIPTORS[tag]).find((codec) => codec) : undefined;
  const known = registered ?? described ?? STREAM_TYPES[streamType];
  if (known && known !== STREAM_TYPES[STREAM_TYPE_PRIVATE_PES]) return known;
  const name = known?.name ?? `stream type 0x${streamType.toString(16).padStart(2, "0")}`;
  return data(registration === "" ? name : `${name} registered as ${registration.replace(/[^ -~]/g, "?")}`);
}
