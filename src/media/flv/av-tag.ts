// The headers of audio and video message bodies: FLV tag data (Adobe FLV 10.1 §E.4.2, §E.4.3) and the extended headers
// of Enhanced RTMP v2.
//
//   video: frame type 4 | codec 4 | AVCPacketType | composition time SI24 | …      extended: 1 | frame type 3 | packet type 4 | FourCC | (SI24) | …
//   audio: format 4 | rate, size, channels | AACPacketType | …                     extended: 9 | packet type 4 | FourCC | …

import {
  AAC_HEADER_BYTES,
  AVC_HEADER_BYTES,
  CODEC_ID_AVC,
  FRAME_TYPE_INFO,
  FRAME_TYPE_KEY,
  PACKET_DATA,
  PACKET_SEQUENCE_HEADER,
  SOUND_FORMAT_AAC,
} from "./flv-tag.js";

export const TAG_FRAME = 1;
export const TAG_DECODER_CONFIG = 2;
/** Ends of sequence, seek marks, metadata: nothing to record. */
export const TAG_IGNORED = 3;
/** A codec that is not recorded. */
export const TAG_UNSUPPORTED = 4;

const FORMAT_EX_HEADER = 9;

/** Coded frames whose composition time is zero and left out. */
const EX_PACKET_CODED_FRAMES_X = 3;

const EX_HEADER_SIZE = 5;
/** No header is longer. */
export const MAX_TAG_HEADER_SIZE = 8;

const FOURCC_AVC1 = 0x61766331;
const FOURCC_MP4A = 0x6d703461;

/** What a tag's first bytes say. One object per publication, filled anew for each tag. */
export class AvTag {
  kind = TAG_IGNORED;
  headerBytes = 0;
  isKey = false;
  compositionTimeMs = 0;
  /** Of an unsupported codec, for the log. */
  codec = "";

  /** `available` bytes at `at` are there: all of the tag or at least MAX_TAG_HEADER_SIZE. */
  parseVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    if ((first & 0x80) !== 0) {
      this.#parseExVideo(bytes, at, available);
      return;
    }
    const frameType = first >> 4;
    this.#set(TAG_IGNORED, AVC_HEADER_BYTES);
    if (available < 1 || frameType === FRAME_TYPE_INFO) return;
    if ((first & 15) !== CODEC_ID_AVC) this.#unsupported(`FLV video codec ${first & 15}`);
    else if (available >= AVC_HEADER_BYTES)
      this.#setPacket(bytes[at + 1], frameType === FRAME_TYPE_KEY, readI24(bytes, at + 2));
  }

  parseAudio(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const format = first >> 4;
    this.#set(TAG_IGNORED, AAC_HEADER_BYTES);
    if (available < 1) return;
    if (format === FORMAT_EX_HEADER) {
      this.#set(TAG_IGNORED, EX_HEADER_SIZE);
      if (available < EX_HEADER_SIZE) return;
      if (readFourCc(bytes, at + 1) !== FOURCC_MP4A) this.#unsupported(fourCcText(bytes, at + 1));
      else this.#setPacket(first & 15, false, 0);
    } else if (format !== SOUND_FORMAT_AAC) this.#unsupported(`FLV sound format ${format}`);
    else if (available >= AAC_HEADER_BYTES) this.#setPacket(bytes[at + 1], false, 0);
  }

  #parseExVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const frameType = (first >> 4) & 7;
    const packetType = first & 15;
    this.#set(TAG_IGNORED, EX_HEADER_SIZE);
    if (available < EX_HEADER_SIZE || frameType === FRAME_TYPE_INFO) return;
    if (readFourCc(bytes, at + 1) !== FOURCC_AVC1) {
      this.#unsupported(fourCcText(bytes, at + 1));
      return;
    }
    const isKey = frameType === FRAME_TYPE_KEY;
    if (packetType === EX_PACKET_CODED_FRAMES_X) this.#setPacket(PACKET_DATA, isKey, 0);
    else if (packetType !== PACKET_DATA) this.#setPacket(packetType, isKey, 0);
    else if (available >= MAX_TAG_HEADER_SIZE) {
      this.#setPacket(PACKET_DATA, isKey, readI24(bytes, at + EX_HEADER_SIZE));
      this.headerBytes = MAX_TAG_HEADER_SIZE;
    }
  }

  #set(kind: number, headerBytes: number): void {
    this.kind = kind;
    this.headerBytes = headerBytes;
    this.isKey = false;
    this.compositionTimeMs = 0;
  }

  #setPacket(packetType: number | undefined, isKey: boolean, compositionTimeMs: number): void {
    this.kind =
      packetType === PACKET_SEQUENCE_HEADER ? TAG_DECODER_CONFIG : packetType === PACKET_DATA ? TAG_FRAME : TAG_IGNORED;
    this.isKey = isKey;
    this.compositionTimeMs = compositionTimeMs;
  }

  #unsupported(codec: string): void {
    this.kind = TAG_UNSUPPORTED;
    this.codec = codec;
  }
}

/** SI24, most significant byte first. */
function readI24(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8)) >> 8;
}

function readFourCc(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** Printable whatever the bytes are: it goes to a log. */
function fourCcText(bytes: Uint8Array, at: number): string {
  return `FourCC ${String.fromCharCode(...bytes.slice(at, at + 4)).replace(/[^ -~]/g, "?")}`;
}
