// FLV files and their tags (Adobe Flash Video File Format 10.1, annex E.2–E.4), as files, aggregate messages and
// publishers have them:
//
//   | "FLV" 1 flags 9 | PreviousTagSize0 = 0 | tag | PreviousTagSize | tag | …
//   tag: | type u8 | DataSize u24 | Timestamp u24 | TimestampExtended u8 | StreamID u24 = 0 | data |

import { badInput } from "../../base/reel-error.js";

export const FLV_HEADER_BYTES = 9;
export const TAG_HEADER_BYTES = 11;
export const PREVIOUS_TAG_SIZE_BYTES = 4;
export const FIRST_TAG_POSITION = FLV_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES;
/** TypeFlags of the header. */
export const FLAGS_POSITION = 4;
export const HAS_AUDIO = 4;
export const HAS_VIDEO = 1;

export const TAG_AUDIO = 8;
export const TAG_VIDEO = 9;
export const TAG_SCRIPT = 18;

/** FrameType, in the upper bits of the first byte of video data. What follows it is read by av-tag.ts. */
export const FRAME_TYPE_KEY = 1;
export const FRAME_TYPE_INFO = 5;
/** AVCPacketType, AACPacketType. */
export const PACKET_SEQUENCE_HEADER = 0;
export const PACKET_DATA = 1;
export const PACKET_END_OF_SEQUENCE = 2;

/** Where a tag lies in a file. */
export interface Tag {
  position: number;
  type: number;
  dataBytes: number;
  timestampMs: number;
  streamId: number;
}

/** A tag in memory. */
export interface FlvTag {
  type: number;
  timestampMs: number;
  data: Uint8Array;
}

/** `head` has at least TAG_HEADER_BYTES. */
export function parseTagHeader(head: Uint8Array, position: number): Tag {
  const view = new DataView(head.buffer, head.byteOffset, TAG_HEADER_BYTES);
  return {
    position,
    type: view.getUint8(0),
    dataBytes: view.getUint32(0) % 0x1000000,
    timestampMs: view.getUint8(7) * 0x1000000 + Math.floor(view.getUint32(4) / 256),
    streamId: view.getUint32(7) % 0x1000000,
  };
}

/** The tag at `at`, or undefined where it is not complete. */
export function parseFlvTag(bytes: Uint8Array, at: number): FlvTag | undefined {
  const start = at + TAG_HEADER_BYTES;
  if (start > bytes.byteLength) return undefined;
  const { type, dataBytes, timestampMs } = parseTagHeader(bytes.subarray(at, start), at);
  if (start + dataBytes > bytes.byteLength) return undefined;
  return { type: type & 31, timestampMs, data: bytes.subarray(start, start + dataBytes) };
}

/** The tags of an FLV file; a tag that ends too early ends the list. Throws ReelError `badInput` on what is not FLV. */
export function* parseFlvFile(bytes: Uint8Array): Generator<FlvTag> {
  const isFlv = bytes.byteLength >= FLV_HEADER_BYTES && bytes[0] === 0x46 && bytes[1] === 0x4c && bytes[2] === 0x56;
  if (!isFlv) badInput("not an FLV file");
  let at = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5) + PREVIOUS_TAG_SIZE_BYTES;
  for (let tag = parseFlvTag(bytes, at); tag; tag = parseFlvTag(bytes, at)) {
    yield tag;
    at += TAG_HEADER_BYTES + tag.data.byteLength + PREVIOUS_TAG_SIZE_BYTES;
  }
}

/** Tag and PreviousTagSize. */
export function tagStride(tag: Tag): number {
  return TAG_HEADER_BYTES + tag.dataBytes + PREVIOUS_TAG_SIZE_BYTES;
}

export function isTagType(type: number): boolean {
  return type === TAG_AUDIO || type === TAG_VIDEO || type === TAG_SCRIPT;
}
