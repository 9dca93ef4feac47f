// The headers of audio and video message bodies: FLV tag data (Adobe FLV 10.1 §E.4.2, §E.4.3) and the extended headers
// of Enhanced RTMP v2.
//
//   video: frame type 4 | codec 4 | AVCPacketType | composition time SI24 | …      extended: 1 | frame type 3 | packet type 4 | FourCC | (SI24) | …
//   audio: format 4 | rate, size, channels | AACPacketType | …                     extended: 9 | packet type 4 | FourCC | …

import type { CodecEntry, FlvForm } from "../codec/codec-entry.js";
import { foreignFlvCodec, foreignFourCc } from "../codec/foreign-codecs.js";
import { codecOfFlv, codecOfFourCc } from "../codec/table.js";
import {
  FRAME_TYPE_INFO,
  FRAME_TYPE_KEY,
  PACKET_DATA,
  PACKET_END_OF_SEQUENCE,
  PACKET_SEQUENCE_HEADER,
} from "./flv-tag.js";

export const TAG_FRAME = 1;
export const TAG_DECODER_CONFIG = 2;
/** Ends of sequence, seek marks, metadata: nothing to record. */
export const TAG_IGNORED = 3;
/** A codec that is not recorded. */
export const TAG_UNSUPPORTED = 4;
/** Shorter than its header, or of a packet type that there is not. */
export const TAG_DAMAGED = 5;

const FORMAT_EX_HEADER = 9;

/** Coded frames whose composition time is zero and left out. */
const EX_PACKET_CODED_FRAMES_X = 3;

/** Codec and packet type. */
const HEADER_SIZE = 2;
/** Packet type and FourCC. */
const EX_HEADER_SIZE = 5;
const COMPOSITION_TIME_SIZE = 3;
/** No header is longer. */
export const MAX_TAG_HEADER_SIZE = EX_HEADER_SIZE + COMPOSITION_TIME_SIZE;

/** What a tag's first bytes say. One object per publication, filled anew for each tag. */
export class AvTag {
  kind = TAG_IGNORED;
  headerBytes = 0;
  isKey = false;
  compositionTimeMs = 0;
  /** Undefined where the codec is not recorded; `unsupported` names it then. */
  codec: CodecEntry | undefined;
  unsupported = "";

  /** `available` bytes at `at` are there: all of the tag or at least MAX_TAG_HEADER_SIZE. */
  parseVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const isExtended = (first & 0x80) !== 0;
    const frameType = (first >> 4) & 7;
    this.#reset(available);
    if (available < 1 || frameType === FRAME_TYPE_INFO) return;
    this.isKey = frameType === FRAME_TYPE_KEY;
    if (isExtended) this.#parseExHeader("video", bytes, at, available);
    else this.#parseHeader("video", first & 15, bytes, at, available);
  }

  parseAudio(bytes: Uint8Array, at: number, available: number): void {
    const format = (bytes[at] ?? 0) >> 4;
    this.#reset(available);
    if (available < 1) return;
    if (format === FORMAT_EX_HEADER) this.#parseExHeader("audio", bytes, at, available);
    else this.#parseHeader("audio", format, bytes, at, available);
  }

  /** A header of FLV 10.1. */
  #parseHeader(kind: "video" | "audio", codecId: number, bytes: Uint8Array, at: number, available: number): void {
    this.codec = codecOfFlv(kind, codecId);
    const form = this.codec?.flv;
    if (!form) this.#refuse(foreignFlvCodec(kind, codecId));
    else this.#takePacket(form, bytes[at + 1] ?? 0, true, HEADER_SIZE, bytes, at, available);
  }

  #parseExHeader(kind: "video" | "audio", bytes: Uint8Array, at: number, available: number): void {
    if (available < EX_HEADER_SIZE) {
      this.kind = TAG_DAMAGED;
      return;
    }
    const packetType = (bytes[at] ?? 0) & 15;
    this.codec = codecOfFourCc(kind, readFourCc(bytes, at + 1));
    const form = this.codec?.flv;
    const isTimed = packetType === PACKET_DATA;
    if (!form) this.#refuse(foreignFourCc(String.fromCharCode(...bytes.subarray(at + 1, at + EX_HEADER_SIZE))));
    else if (kind === "video" && packetType === EX_PACKET_CODED_FRAMES_X)
      this.#takePacket(form, PACKET_DATA, false, EX_HEADER_SIZE, bytes, at, available);
    else this.#takePacket(form, packetType, isTimed, EX_HEADER_SIZE, bytes, at, available);
  }

  /** What follows the first `headerBytes`: a composition time, where the codec and this packet have one. */
  #takePacket(
    form: FlvForm,
    packetType: number,
    isTimed: boolean,
    headerBytes: number,
    bytes: Uint8Array,
    at: number,
    available: number,
  ): void {
    const hasTime = isTimed && form.hasCompositionTime;
    this.headerBytes = headerBytes + (hasTime ? COMPOSITION_TIME_SIZE : 0);
    if (packetType === PACKET_END_OF_SEQUENCE) return;
    if (available < this.headerBytes) this.kind = TAG_DAMAGED;
    else if (packetType === PACKET_SEQUENCE_HEADER) this.kind = TAG_DECODER_CONFIG;
    else if (packetType === PACKET_DATA) this.kind = TAG_FRAME;
    else if (headerBytes === HEADER_SIZE && packetType > PACKET_END_OF_SEQUENCE) this.kind = TAG_DAMAGED;
    if (hasTime) this.compositionTimeMs = readI24(bytes, at + headerBytes);
  }

  #reset(available: number): void {
    this.kind = available < 1 ? TAG_DAMAGED : TAG_IGNORED;
    this.codec = undefined;
    this.headerBytes = 0;
    this.isKey = false;
    this.compositionTimeMs = 0;
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
