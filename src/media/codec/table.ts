// The codec table: everything that depends on a track's codec is asked here, and nowhere else is a codec's name tested.
// Its halves for the muxers are assembly/codec/{mp4,mpegts,flv,sound}-table.ts; test/unit/media/codec/table.test.ts
// holds them together.

import { KIND_AUDIO, KIND_DATA, KIND_VIDEO } from "../../abi/decoder-config.js";
import { AAC } from "./aac/aac.js";
import { AC3, EAC3 } from "./ac3/ac3.js";
import { AV1 } from "./av1/av1.js";
import type { CodecEntry, CodecName, FlvForm, TrackKind, TsForm, TsFraming } from "./codec-entry.js";
import { FLAC } from "./flac/flac.js";
import type { StreamDescription } from "./foreign-codecs.js";
import { H264 } from "./h264/h264.js";
import { H265 } from "./h265/h265.js";
import { MP2, MP3 } from "./mpeg-audio/mpeg-audio.js";
import { OPUS } from "./opus/opus.js";
import { LPCM, PCMA, PCMU } from "./pcm/pcm.js";
import { VP8 } from "./vp8/vp8.js";
import { VP9 } from "./vp9/vp9.js";

const ENTRIES = {
  h264: H264,
  h265: H265,
  aac: AAC,
  opus: OPUS,
  av1: AV1,
  vp9: VP9,
  vp8: VP8,
  mp3: MP3,
  mp2: MP2,
  ac3: AC3,
  eac3: EAC3,
  flac: FLAC,
  lpcm: LPCM,
  pcma: PCMA,
  pcmu: PCMU,
} as const satisfies {
  [Name in CodecName]: CodecEntry & { name: Name };
};

export const CODECS: Readonly<Record<CodecName, CodecEntry>> = ENTRIES;
const ALL: readonly CodecEntry[] = Object.values(CODECS);

/** Numbers of the kinds in a decoder configuration block. */
export const KIND_NUMBERS = { video: KIND_VIDEO, audio: KIND_AUDIO, data: KIND_DATA } as const satisfies Record<
  TrackKind,
  number
>;

export function codecOfNumber(number: number): CodecEntry | undefined {
  return ALL.find((codec) => codec.number === number);
}

/** From a file that may have been written by another version. */
export function codecOfName(name: string): CodecEntry | undefined {
  return ALL.find((codec) => codec.name === name);
}

/** `mp4a` may hold several: which one is said by its objectTypeIndication, and of MPEG audio by the frames alone. */
export function codecOfSampleEntry(type: string, objectType?: number): CodecEntry | undefined {
  const found = ALL.filter(({ mp4 }) => mp4?.sampleEntry === type || mp4?.otherSampleEntries.includes(type));
  return found.find(({ mp4 }) => objectType !== undefined && mp4?.objectTypes.includes(objectType)) ?? found[0];
}

const STREAM_TYPE_PRIVATE_PES = 0x06;

/**
 * Of a stream in a PMT. Only a private one is named by its descriptors: others have them beside what their type says.
 * Of MPEG audio the frames say the layer; here it is the first that has the type.
 */
export function codecOfStream(stream: StreamDescription): CodecEntry | undefined {
  const { streamType, registration, descriptorTags } = stream;
  if (streamType !== STREAM_TYPE_PRIVATE_PES)
    return ALL.find(({ ts }) => ts && framingOf(ts, streamType) !== undefined);
  return ALL.find(
    ({ ts, kind }) =>
      kind === "audio" &&
      ts &&
      ((ts.registration !== "" && ts.registration === registration) ||
        (ts.descriptorTag !== null && descriptorTags.includes(ts.descriptorTag))),
  );
}

function framingOf(form: TsForm, streamType: number): TsFraming | undefined {
  if (form.streamType === streamType) return form.framing;
  return form.otherStreamTypes.find((other) => other.streamType === streamType)?.framing;
}

/** How access units are framed in a stream of a PMT; undefined where its codec is not known. */
export function framingOfStream(stream: StreamDescription): TsFraming | undefined {
  const form = codecOfStream(stream)?.ts;
  return form ? (framingOf(form, stream.streamType) ?? form.framing) : undefined;
}

/** CodecID and SoundFormat have 4 bits. Asked for every tag, so it is an index and no search. */
const VIDEO_BY_FLV_ID = byFlvId("video");
const AUDIO_BY_FLV_ID = byFlvId("audio");

function hasFlvId({ flv }: CodecEntry, id: number): boolean {
  return flv?.codecId === id || (flv?.otherCodecIds.includes(id) ?? false);
}

function byFlvId(kind: TrackKind): readonly (CodecEntry | undefined)[] {
  return Array.from({ length: 16 }, (_, id) => ALL.find((codec) => codec.kind === kind && hasFlvId(codec, id)));
}

export function codecOfFlv(kind: TrackKind, codecId: number): CodecEntry | undefined {
  if (kind === "video") return VIDEO_BY_FLV_ID[codecId];
  return kind === "audio" ? AUDIO_BY_FLV_ID[codecId] : undefined;
}

/**
 * `videocodecid` and `audiocodecid` of onMetaData: what has no number of its own there has its FourCC (Enhanced RTMP
 * v2).
 */
export function flvMetadataId({ codecId, fourCc, isWrittenExtended }: FlvForm): number {
  return isWrittenExtended || codecId === null ? fourCcNumber(fourCc) : codecId;
}

const BY_FOUR_CC: ReadonlyMap<number, CodecEntry> = new Map(
  ALL.flatMap((codec) => (codec.flv?.fourCc ? [[fourCcNumber(codec.flv.fourCc), codec] as const] : [])),
);

/** Four characters as a number, the first one in the highest byte. */
export function fourCcNumber(fourCc: string): number {
  return [...fourCc].reduce((number, character) => number * 256 + character.charCodeAt(0), 0);
}

/** Of an extended header. */
export function codecOfFourCc(kind: TrackKind, fourCc: number): CodecEntry | undefined {
  const codec = BY_FOUR_CC.get(fourCc);
  return codec?.kind === kind ? codec : undefined;
}
