// The codec table: everything that depends on a track's codec is asked here, and nowhere else is a codec's name tested.
// Its half for the muxers is assembly/codec/table.ts; test/unit/media/codec/table.test.ts holds the two together.

import { KIND_AUDIO, KIND_DATA, KIND_VIDEO } from "../../abi/decoder-config.js";
import { AAC } from "./aac/aac.js";
import { AV1 } from "./av1/av1.js";
import type { CodecEntry, CodecName, FlvForm, TrackKind } from "./codec-entry.js";
import type { StreamDescription } from "./foreign-codecs.js";
import { H264 } from "./h264/h264.js";
import { H265 } from "./h265/h265.js";
import { OPUS } from "./opus/opus.js";
import { VP8 } from "./vp8/vp8.js";
import { VP9 } from "./vp9/vp9.js";

const ENTRIES = { h264: H264, h265: H265, aac: AAC, opus: OPUS, av1: AV1, vp9: VP9, vp8: VP8 } as const satisfies {
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

export function codecOfSampleEntry(type: string): CodecEntry | undefined {
  return ALL.find(({ mp4 }) => mp4?.sampleEntry === type || mp4?.otherSampleEntries.includes(type));
}

const STREAM_TYPE_PRIVATE_PES = 0x06;

/** Of a stream in a PMT. Only of private ones the registration is asked: others have one beside what their type says. */
export function codecOfStream({ streamType, registration }: StreamDescription): CodecEntry | undefined {
  const wanted = streamType === STREAM_TYPE_PRIVATE_PES ? registration : undefined;
  return ALL.find(({ ts }) => ts?.streamType === streamType && (wanted === undefined || ts.registration === wanted));
}

/** CodecID and SoundFormat have 4 bits. Asked for every tag, so it is an index and no search. */
const BY_FLV_ID = { video: byFlvId("video"), audio: byFlvId("audio"), data: byFlvId("data") } as const satisfies Record<
  TrackKind,
  unknown
>;

function byFlvId(kind: TrackKind): readonly (CodecEntry | undefined)[] {
  return Array.from({ length: 16 }, (_, id) => ALL.find((codec) => codec.kind === kind && codec.flv?.codecId === id));
}

export function codecOfFlv(kind: TrackKind, codecId: number): CodecEntry | undefined {
  return BY_FLV_ID[kind][codecId];
}

/** `videocodecid` and `audiocodecid` of onMetaData: what has no number of its own there has its FourCC (Enhanced RTMP v2). */
export function flvMetadataId({ codecId, fourCc, isWrittenExtended }: FlvForm): number {
  return isWrittenExtended || codecId === null ? fourCcNumber(fourCc) : codecId;
}

const BY_FOUR_CC: ReadonlyMap<number, CodecEntry> = new Map(
  ALL.flatMap((codec) => (codec.flv ? [[fourCcNumber(codec.flv.fourCc), codec] as const] : [])),
);

/** Four characters as a number, the first one in the highest byte. */
function fourCcNumber(fourCc: string): number {
  return [...fourCc].reduce((number, character) => number * 256 + character.charCodeAt(0), 0);
}

/** Of an extended header. */
export function codecOfFourCc(kind: TrackKind, fourCc: number): CodecEntry | undefined {
  const codec = BY_FOUR_CC.get(fourCc);
  return codec?.kind === kind ? codec : undefined;
}
