// VP8 in the codec table. Frames in a ring are as the encoder gives them. RFC 6386 §9.1: the frame's tag has three
// bytes, the lowest bit of which is 0 in a key frame; start code and picture size follow there.

import { CODEC_VP8 } from "../../../abi/decoder-config.js";
import type { CodecEntry } from "../codec-entry.js";
import { type PictureSize, parseVpConfiguration, VPCC_BYTES } from "../vp-configuration.js";

const KEY_HEADER_BYTES = 10;
const SIZE_MASK = 0x3fff;

/** Of a key frame; undefined where it is none. */
export function vp8KeyFrameSize(bytes: Uint8Array, at: number, end: number): PictureSize | undefined {
  if (at + KEY_HEADER_BYTES > end || ((bytes[at] ?? 0) & 1) !== 0) return undefined;
  if (bytes[at + 3] !== 0x9d || bytes[at + 4] !== 1 || bytes[at + 5] !== 0x2a) return undefined;
  const u16 = (place: number): number => ((bytes[place + 1] ?? 0) << 8) | (bytes[place] ?? 0);
  return { width: u16(at + 6) & SIZE_MASK, height: u16(at + 8) & SIZE_MASK };
}

export const VP8 = {
  name: "vp8",
  title: "VP8",
  number: CODEC_VP8,
  kind: "video",
  emsTag: "VVP8",
  parse: (bytes) => ({ video: parseVpConfiguration(bytes), audio: undefined }),
  toRingForm: (bytes) => bytes,
  minimumConfigBytes: VPCC_BYTES,
  configFrom: "header",
  randomAccess: "marked",
  keyFrameSize: vp8KeyFrameSize,
  mp4: { sampleEntry: "vp08", otherSampleEntries: [], objectTypes: [], brands: "iso2iso6" },
  ts: null,
  flv: {
    codecId: null,
    otherCodecIds: [],
    hasPacketType: true,
    fourCc: "vp08",
    hasCompositionTime: false,
    isWrittenExtended: true,
  },
} as const satisfies CodecEntry;
