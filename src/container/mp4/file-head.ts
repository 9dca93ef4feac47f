// The front of an MP4 file, from its opening on: what lies where, and the three small boxes that are not part of the
// index.
//
//   0      32                                 mdatHeaderAt        +16
//   | ftyp | free (a hole, the index's place) | free 8 | mdat 8    | media …        while recording, and below 4 GiB
//   | ftyp | moov … | free                    | mdat 16 (64-bit)   | media …        finished, from 4 GiB on
//
// 16 bytes are kept for the header of `mdat`, so its size can become 64 bits wide without moving the media. While
// recording, that size is 0 ("to the end of the file", ISO/IEC 14496-12 §4.2), so the file has boxes that fit at any
// moment.

import type { CodecName } from "../../media/codec/codec-entry.js";
import { CODECS } from "../../media/codec/table.js";

export const FTYP_SIZE = 32;
export const MDAT_HEADER_ROOM = 16;
/** Ranges are inserted and cut out in whole blocks: the media's head begins at a multiple of this. */
const HEAD_ALIGN = 4096;
const BOX_HEADER_SIZE = 8;
const UINT32_LIMIT = 4294967296;

/** The reserve as it is laid out: at least what was asked for, with the head of the media at a block's beginning. */
export function alignReserve(reserveBytes: number): number {
  return Math.max(1, Math.ceil((FTYP_SIZE + reserveBytes) / HEAD_ALIGN)) * HEAD_ALIGN - FTYP_SIZE;
}

const DEFAULT_BRANDS = "iso2avc1";

/** By the codecs of the file's tracks: AV1 demands a brand of its own, and `avc1` is said of no other video. */
export function fileTypeBox(codecs: readonly CodecName[]): Buffer {
  const brands = codecs.flatMap((codec) => CODECS[codec].mp4?.brands ?? []);
  const box = Buffer.alloc(FTYP_SIZE);
  box.writeUInt32BE(FTYP_SIZE, 0); // size
  box.write("ftyp", 4, "latin1"); // type
  box.write("isom", 8, "latin1"); // major_brand
  box.writeUInt32BE(0x200, 12); // minor_version
  box.write(`isom${brands[0] ?? DEFAULT_BRANDS}mp41`, 16, "latin1"); // compatible_brands
  return box;
}

export function freeBoxHeader(sizeBytes: number): Buffer {
  const box = Buffer.alloc(BOX_HEADER_SIZE);
  box.writeUInt32BE(sizeBytes, 0); // size
  box.write("free", 4, "latin1"); // type
  return box;
}

/** What stands in front of the media while it is recorded. */
export function openMediaDataHeader(): Buffer {
  const header = Buffer.alloc(MDAT_HEADER_ROOM);
  freeBoxHeader(BOX_HEADER_SIZE).copy(header, 0);
  header.writeUInt32BE(0, 8); // size: to the end of the file
  header.write("mdat", 12, "latin1"); // type
  return header;
}

/**
 * Whether `mdat` needs its 64-bit form for this much media, or gets it because the file may use wide forms freely
 * (winQtCompat=0).
 */
export function mediaDataHeaderSize(mediaBytes: number, large: boolean): 8 | 16 {
  return large || BOX_HEADER_SIZE + mediaBytes >= UINT32_LIMIT ? 16 : 8;
}

export function mediaDataHeader(mediaBytes: number, large: boolean): Buffer {
  const size = mediaDataHeaderSize(mediaBytes, large);
  const header = Buffer.alloc(size);
  header.write("mdat", 4, "latin1"); // type
  if (size === 8) {
    header.writeUInt32BE(size + mediaBytes, 0); // size
  } else {
    header.writeUInt32BE(1, 0); // size: in largesize
    header.writeBigUInt64BE(BigInt(size + mediaBytes), 8); // largesize
  }
  return header;
}
