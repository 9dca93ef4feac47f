// What an access unit of NAL units consists of: enough to tell whether decoding can start there. What a NAL unit is,
// the codec's reading says (h264-picture.ts, h265-picture.ts); no slice is decoded. NAL units come with lengths in
// front (MP4, FLV) or start codes (MPEG-TS).

import type { PictureCheck } from "./picture-check.js";
import type { WindowReader } from "./window-reader.js";

/** The recovery point stands in one of the first messages: encoders write it in front of their user data. */
const SEI_HEAD_BYTES = 64;

export interface Picture {
  hasSlice: boolean;
  isIdr: boolean;
  /** Recovery point SEI: decoding can start here as well (open GOP). */
  hasRecoveryPoint: boolean;
  /** Every slice that was looked at is intra: sources without IDR and recovery points are cut there. */
  isIntra: boolean;
  /** H.265 alone has them. */
  hasVps: boolean;
  hasSps: boolean;
  hasPps: boolean;
  /** The NAL unit that comes first is an access unit delimiter. */
  isDelimited: boolean;
}

export function isRandomAccess(picture: Picture): boolean {
  return picture.isIdr || picture.hasRecoveryPoint || picture.isIntra;
}

function emptyPicture(): Picture {
  return {
    hasSlice: false,
    isIdr: false,
    hasRecoveryPoint: false,
    isIntra: false,
    hasVps: false,
    hasSps: false,
    hasPps: false,
    isDelimited: false,
  };
}

/** What the codecs do differently. */
export interface NalReading {
  /** `nal` may be the head of a NAL unit. */
  take(picture: Picture, nal: Uint8Array, isFirst: boolean): void;
  isSps(nal: Uint8Array): boolean;
  /** All that decoding needs stands in front of the picture. */
  hasParameterSets(picture: Picture): boolean;
  /** Judges the slices of one track. */
  newSliceCheck(): PictureCheck;
}

export interface LengthPrefixedPicture {
  picture: Picture;
  /** Why the NAL units do not fill the access unit, or are not one picture; undefined where they do. */
  complaint: string | undefined;
}

/**
 * Walks the lengths of an access unit in the file. Only heads are looked at, so its size costs nothing but the reading.
 */
export async function readPicture(
  reader: WindowReader,
  position: number,
  sizeBytes: number,
  nalLengthSize: number,
  reading: NalReading,
  slices: PictureCheck | undefined,
): Promise<LengthPrefixedPicture> {
  const picture = emptyPicture();
  slices?.begin();
  let at = position;
  const end = position + sizeBytes;
  while (at < end) {
    if (at + nalLengthSize > end) return { picture, complaint: `${end - at} bytes behind its last NAL unit` };
    const headBytes = Math.min(nalLengthSize + SEI_HEAD_BYTES, end - at);
    const head = reader.peek(at, headBytes) ?? (await reader.load(at, headBytes));
    if (head.byteLength < nalLengthSize) return { picture, complaint: "ends past the end of the file" };
    const nalBytes = head.readUIntBE(0, nalLengthSize);
    if (nalBytes === 0 || at + nalLengthSize + nalBytes > end) {
      return { picture, complaint: `a NAL unit of ${nalBytes} bytes at byte ${at - position} of ${sizeBytes}` };
    }
    const nal = head.subarray(nalLengthSize, nalLengthSize + nalBytes);
    reading.take(picture, nal, at === position);
    slices?.take(nal, nalBytes, true);
    at += nalLengthSize + nalBytes;
  }
  return { picture, complaint: slices?.end() };
}

/**
 * Reads the head of an access unit with start codes (Annex B). `onSps` gets whole SPS NAL units. The last NAL unit may
 * go on behind the head.
 */
export function readAnnexBPicture(
  bytes: Uint8Array,
  reading: NalReading,
  slices: PictureCheck | undefined,
  onSps: (nal: Uint8Array) => void,
): LengthPrefixedPicture {
  const picture = emptyPicture();
  slices?.begin();
  let isFirst = true;
  let nal = nextStartCode(bytes, 0);
  while (nal < bytes.byteLength && (slices || !picture.hasSlice)) {
    const next = nextStartCode(bytes, nal);
    // The end of this one: in front of the next start code, which is 3 bytes, and the zeros before it.
    let end = next >= bytes.byteLength ? bytes.byteLength : next - 3;
    while (end > nal && bytes[end - 1] === 0) end--;
    const unit = bytes.subarray(nal, end);
    if (!picture.hasSlice) reading.take(picture, unit, isFirst);
    if (reading.isSps(unit)) onSps(unit);
    slices?.take(unit, unit.byteLength, false);
    isFirst = false;
    nal = next;
  }
  return { picture, complaint: slices?.end() };
}

/** The byte behind the next 00 00 01 at or after `from`, or the length. */
function nextStartCode(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(1, from + 2); at !== -1; at = bytes.indexOf(1, at + 1)) {
    if (bytes[at - 1] === 0 && bytes[at - 2] === 0) return at + 1;
  }
  return bytes.byteLength;
}
