// The headers of audio and video message bodies: FLV tag data (Adobe FLV 10.1 §E.4.2, §E.4.3) and the extended headers
// of Enhanced RTMP v2.
//
//   video: frame type 4 | codec 4 | AVCPacketType | composition time SI24 | …      extended: 1 | frame type 3 | packet type 4 | FourCC | (SI24) | …
//   audio: format 4 | rate, size, channels | AACPacketType | …                     extended: 9 | packet type 4 | FourCC | …

import type { CodecEntry, TrackKind } from "../codec/codec-entry.js";
import { codecOfFlv, codecOfFourCc } from "../codec/table.js";
import { FRAME_TYPE_INFO, FRAME_TYPE_KEY, PACKET_DATA, PACKET_SEQUENCE_HEADER } from "./flv-tag.js";

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

/** The header that holds a composition time. */
const TIMED_HEADER_SIZE = 5;

/** What a tag's first bytes say. One object per publication, filled anew for each tag. */
export class AvTag {
  kind = TAG_IGNORED;
  headerBytes = 0;
  isKey = false;
  compositionTimeMs = 0;
  /** Undefined where the codec is not recorded; `unsupported` names it then, for the log. */
  codec: CodecEntry | undefined;
  unsupported = "";

  /** `available` bytes at `at` are there: all of the tag or at least MAX_TAG_HEADER_SIZE. */
  parseVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    if ((first & 0x80) !== 0) {
      this.#parseExVideo(bytes, at, available);
      return;
    }
    const frameType = first >> 4;
    this.#reset();
    if (available < 1 || frameType === FRAME_TYPE_INFO) return;
    this.#parseHeader("video", first & 15, frameType === FRAME_TYPE_KEY, bytes, at, available);
  }

  parseAudio(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const format = first >> 4;
    this.#reset();
    if (available < 1) return;
    if (format !== FORMAT_EX_HEADER) this.#parseHeader("audio", format, false, bytes, at, available);
    else if (available >= EX_HEADER_SIZE && this.#takeFourCc("audio", bytes, at + 1))
      this.#setPacket(first & 15, EX_HEADER_SIZE, false, 0);
  }

  /** A header of FLV 10.1. */
  #parseHeader(
    kind: TrackKind,
    codecId: number,
    isKey: boolean,
    bytes: Uint8Array,
    at: number,
    available: number,
  ): void {
    this.codec = codecOfFlv(kind, codecId);
    const form = this.codec?.flv;
    if (!form) this.#refuse(kind === "video" ? `FLV video codec ${codecId}` : `FLV sound format ${codecId}`);
    else if (available >= form.headerBytes) {
      const compositionTimeMs = form.headerBytes === TIMED_HEADER_SIZE ? readI24(bytes, at + 2) : 0;
      this.#setPacket(bytes[at + 1], form.headerBytes, isKey, compositionTimeMs);
    }
  }

  #parseExVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const frameType = (first >> 4) & 7;
    const packetType = first & 15;
    this.#reset();
    if (available < EX_HEADER_SIZE || frameType === FRAME_TYPE_INFO) return;
    if (!this.#takeFourCc("video", bytes, at + 1)) return;
    const isKey = frameType === FRAME_TYPE_KEY;
    if (packetType === EX_PACKET_CODED_FRAMES_X) this.#setPacket(PACKET_DATA, EX_HEADER_SIZE, isKey, 0);
    else if (packetType !== PACKET_DATA) this.#setPacket(packetType, EX_HEADER_SIZE, isKey, 0);
    else if (available >= MAX_TAG_HEADER_SIZE)
      this.#setPacket(PACKET_DATA, MAX_TAG_HEADER_SIZE, isKey, readI24(bytes, at + EX_HEADER_SIZE));
  }

  /** False where the codec is not recorded. */
  #takeFourCc(kind: TrackKind, bytes: Uint8Array, at: number): boolean {
    this.codec = codecOfFourCc(kind, readFourCc(bytes, at));
    if (!this.codec) this.#refuse(fourCcText(bytes, at));
    return this.codec !== undefined;
  }

  #reset(): void {
    this.kind = TAG_IGNORED;
    this.codec = undefined;
    this.headerBytes = 0;
    this.isKey = false;
    this.compositionTimeMs = 0;
  }

  #setPacket(packetType: number | undefined, headerBytes: number, isKey: boolean, compositionTimeMs: number): void {
    this.kind =
      packetType === PACKET_SEQUENCE_HEADER ? TAG_DECODER_CONFIG : packetType === PACKET_DATA ? TAG_FRAME : TAG_IGNORED;
    this.headerBytes = headerBytes;
    this.isKey = isKey;
    this.compositionTimeMs = compositionTimeMs;
  }

  #refuse(what: string): void {
    this.kind = TAG_UNSUPPORTED;
    this.unsupported = what;
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
