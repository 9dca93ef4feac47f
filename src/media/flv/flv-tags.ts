// FLV tags, Adobe FLV 10.1 §E.4.1, as files, aggregate messages and publishers have them.
//
//   | type 8 | data size 24 | timestamp 24 | timestamp extended 8 | stream id 24 | data … | previous tag size 32 |

import { badInput } from "../../base/reel-error.js";

const FILE_HEADER_SIZE = 9;
export const FLV_TAG_HEADER_SIZE = 11;
export const FLV_PREVIOUS_TAG_SIZE = 4;

export interface FlvTag {
  type: number;
  timestampMs: number;
  data: Uint8Array;
}

/** The tag at `at`, or undefined where it is not complete. */
export function parseFlvTag(bytes: Uint8Array, at: number): FlvTag | undefined {
  if (at + FLV_TAG_HEADER_SIZE > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FLV_TAG_HEADER_SIZE);
  const sizeBytes = view.getUint32(0) % 0x1000000;
  const start = at + FLV_TAG_HEADER_SIZE;
  if (start + sizeBytes > bytes.byteLength) return undefined;
  const timestampMs = view.getUint8(7) * 0x1000000 + Math.floor(view.getUint32(4) / 256);
  return { type: view.getUint8(0) & 31, timestampMs, data: bytes.subarray(start, start + sizeBytes) };
}

/** The tags of an FLV file; a tag that ends too early ends the list. Throws ReelError `badInput` on what is not FLV. */
export function* parseFlvFile(bytes: Uint8Array): Generator<FlvTag> {
  const isFlv = bytes.byteLength >= FILE_HEADER_SIZE && bytes[0] === 0x46 && bytes[1] === 0x4c && bytes[2] === 0x56;
  if (!isFlv) badInput("not an FLV file");
  let at = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5) + FLV_PREVIOUS_TAG_SIZE;
  for (let tag = parseFlvTag(bytes, at); tag; tag = parseFlvTag(bytes, at)) {
    yield tag;
    at += FLV_TAG_HEADER_SIZE + tag.data.byteLength + FLV_PREVIOUS_TAG_SIZE;
  }
}
