// The headers of audio and video message bodies: FLV tag data (Adobe FLV 10.1 §E.4.2, §E.4.3) and the extended headers
// of Enhanced RTMP v2.
//
//   video: frame type 4 | codec 4 | AVCPacketType | composition time SI24 | …
//   extended: 1 | frame type 3 | packet type 4 | FourCC | (SI24) | …
//   audio: format 4 | rate, size, channels | AACPacketType | …
//   extended: 9 | packet type 4 | FourCC | …
//
// What stands behind the packet type of an extended header is read by ex-header.ts. A message may hold several tracks.

import type { CodecEntry, FlvForm } from "../codec/codec-entry.js";
import { foreignFlvCodec, foreignFourCc } from "../codec/foreign-codecs.js";
import { codecOfFlv, codecOfFourCc } from "../codec/table.js";
import { EX_CODED_FRAMES_X, EX_VIDEO_METADATA, ExHeader } from "./ex-header.js";
import {
  FRAME_TYPE_INFO,
  FRAME_TYPE_KEY,
  PACKET_DATA,
  PACKET_END_OF_SEQUENCE,
  PACKET_SEQUENCE_HEADER,
} from "./flv-tag.js";

export const TAG_FRAME = 1;
export const TAG_DECODER_CONFIG = 2;
/** Ends of sequence, seek marks: nothing to record. */
export const TAG_IGNORED = 3;
/** A codec that is not recorded. */
export const TAG_UNSUPPORTED = 4;
/** Shorter than its header, or of a packet type that there is not. */
export const TAG_DAMAGED = 5;
/** Of video with an extended header: what is to be known of its colours (colour-info.ts). */
export const TAG_METADATA = 6;

const FORMAT_EX_HEADER = 9;

/** Codec and packet type. */
const HEADER_SIZE = 2;
/** Of a codec without packet types. */
const BARE_HEADER_SIZE = 1;
/** Packet type and FourCC. */
const EX_HEADER_SIZE = 5;
const COMPOSITION_TIME_SIZE = 3;
/** No header of one track that says nothing else is longer. */
export const MAX_TAG_HEADER_SIZE = EX_HEADER_SIZE + COMPOSITION_TIME_SIZE;

/** What a tag's first bytes say. One object per publication, filled anew for each tag. */
export class AvTag {
  kind = TAG_IGNORED;
  headerBytes = 0;
  /** Its first byte: of some sound codecs it says the decoder configuration (`FlvForm.configOfTag`). */
  first = 0;
  isKey = false;
  compositionTimeMs = 0;
  /** To be added to the time of presentation. */
  nanoOffset = 0;
  /** Of the track among those of its kind; 0 where the header does not say it. */
  trackId = 0;
  /** Behind the payload. */
  end = 0;
  /** Undefined where the codec is not recorded; `unsupported` names it then. */
  codec: CodecEntry | undefined;
  unsupported = "";
  /** As onMetaData names the codec: CodecID, SoundFormat, or a FourCC as a number. */
  metadataId = 0;
  readonly #ex = new ExHeader();
  #isExtended = false;
  #kind: "video" | "audio" = "video";

  /**
   * Whether the whole message must be there to be read: one with several tracks, or with more in front of its FourCC.
   */
  static wantsWhole(kind: "video" | "audio", first: number): boolean {
    const isVideo = kind === "video";
    return (isVideo ? (first & 0x80) !== 0 : first >> 4 === FORMAT_EX_HEADER) && ExHeader.isCompound(isVideo, first);
  }

  /**
   * `available` bytes at `at` are there: all of the tag or, where it does not want the whole, at least
   * MAX_TAG_HEADER_SIZE. Reads the first track of several.
   */
  parseVideo(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const isExtended = (first & 0x80) !== 0;
    const frameType = (first >> 4) & 7;
    this.#reset("video", first, at, available);
    if (available < 1 || (frameType === FRAME_TYPE_INFO && !isExtended)) return;
    this.isKey = frameType === FRAME_TYPE_KEY;
    if (isExtended) this.#parseExHeader(bytes, at, available);
    else this.#parseHeader("video", first & 15, bytes, at, available);
  }

  parseAudio(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at] ?? 0;
    const format = first >> 4;
    this.#reset("audio", first, at, available);
    if (available < 1) return;
    if (format === FORMAT_EX_HEADER) this.#parseExHeader(bytes, at, available);
    else this.#parseHeader("audio", format, bytes, at, available);
  }

  /** The next track of the message that was parsed last. False where there is none. */
  next(bytes: Uint8Array, at: number): boolean {
    if (!this.#isExtended || !this.#ex.nextPart()) return false;
    this.#takePart(bytes, at);
    return true;
  }

  /** A header of FLV 10.1. */
  #parseHeader(kind: "video" | "audio", codecId: number, bytes: Uint8Array, at: number, available: number): void {
    this.metadataId = codecId;
    this.codec = codecOfFlv(kind, codecId);
    const form = this.codec?.flv;
    if (!form) this.#refuse(foreignFlvCodec(kind, codecId));
    else if (form.hasPacketType) this.#takePacket(form, bytes[at + 1] ?? 0, true, HEADER_SIZE, bytes, at, available);
    else {
      this.kind = TAG_FRAME;
      this.headerBytes = BARE_HEADER_SIZE;
    }
  }

  #parseExHeader(bytes: Uint8Array, at: number, available: number): void {
    const ex = this.#ex;
    if (!ex.parse(this.#kind === "video", bytes, at, at + available)) this.kind = TAG_DAMAGED;
    else if (!ex.isCommand) {
      this.#isExtended = true;
      this.#takePart(bytes, at);
    }
  }

  /** One track of an extended message. */
  #takePart(bytes: Uint8Array, at: number): void {
    const { packetType, fourCc, nanoOffset, trackId, start, end } = this.#ex;
    this.kind = TAG_IGNORED;
    this.compositionTimeMs = 0;
    this.nanoOffset = nanoOffset;
    this.trackId = trackId;
    this.end = end;
    this.metadataId = fourCc;
    this.codec = codecOfFourCc(this.#kind, fourCc);
    const form = this.codec?.flv;
    const isWithoutTime = this.#kind === "video" && packetType === EX_CODED_FRAMES_X;
    if (!form) this.#refuse(foreignFourCc(fourCcText(fourCc)));
    else if (this.#kind === "video" && packetType === EX_VIDEO_METADATA) {
      this.kind = TAG_METADATA;
      this.headerBytes = start - at;
    } else {
      const type = isWithoutTime ? PACKET_DATA : packetType;
      const headerBytes = start - at;
      this.#takePacket(form, type, packetType === PACKET_DATA, headerBytes, bytes, at, end - at);
    }
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
    else if (!this.#isExtended && packetType > PACKET_END_OF_SEQUENCE) this.kind = TAG_DAMAGED;
    if (hasTime) this.compositionTimeMs = readI24(bytes, at + headerBytes);
  }

  #reset(kind: "video" | "audio", first: number, at: number, available: number): void {
    this.#kind = kind;
    this.first = first;
    this.#isExtended = false;
    this.kind = available < 1 ? TAG_DAMAGED : TAG_IGNORED;
    this.codec = undefined;
    this.headerBytes = 0;
    this.isKey = false;
    this.compositionTimeMs = 0;
    this.nanoOffset = 0;
    this.trackId = 0;
    this.end = at + available;
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

function fourCcText(fourCc: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (fourCc >>> shift) & 255);
  return String.fromCharCode(...bytes);
}
