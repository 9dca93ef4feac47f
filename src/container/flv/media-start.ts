// Where the media of an FLV begins: behind the header and onMetaData, which are patched at the finish (Adobe Flash
// Video File Format 10.1, annex E.2 to E.4).

import { readSync } from "node:fs";

const TAG_TYPE_SCRIPT = 18;
const TAG_HEADER_SIZE = 11;
const PREVIOUS_TAG_SIZE = 4;

/** Undefined where the head is not yet written. */
export function flvMediaStart(fd: number): number | undefined {
  const header = Buffer.alloc(9);
  if (readSync(fd, header, 0, 9, 0) < 9) return undefined;
  const first = header.readUInt32BE(5) + PREVIOUS_TAG_SIZE; // DataOffset, PreviousTagSize0
  const tag = Buffer.alloc(TAG_HEADER_SIZE);
  if (readSync(fd, tag, 0, TAG_HEADER_SIZE, first) < TAG_HEADER_SIZE) return undefined;
  if (tag[0] !== TAG_TYPE_SCRIPT) return first;
  return first + TAG_HEADER_SIZE + tag.readUIntBE(1, 3) + PREVIOUS_TAG_SIZE; // DataSize
}
