// Where the media of an MP4 begins, growing (`.mdat`) or final: behind the header of `mdat`, which is its last box.

import { readSync } from "node:fs";

const BOX_HEADER_SIZE = 8;
const LARGE_HEADER_SIZE = 16;
/** ftyp, moov, free, free, mdat; others write no file of ours. */
const MAX_BOXES = 16;

/** Undefined where no `mdat` is found. */
export function mp4MediaStart(fd: number): number | undefined {
  const header = Buffer.alloc(LARGE_HEADER_SIZE);
  for (let at = 0, boxes = 0; boxes < MAX_BOXES; boxes++) {
    if (readSync(fd, header, 0, LARGE_HEADER_SIZE, at) < BOX_HEADER_SIZE) return undefined;
    const size = header.readUInt32BE(0);
    const isLarge = size === 1;
    if (header.toString("latin1", 4, 8) === "mdat") return at + (isLarge ? LARGE_HEADER_SIZE : BOX_HEADER_SIZE);
    const bytes = isLarge ? Number(header.readBigUInt64BE(8)) : size;
    if (bytes < BOX_HEADER_SIZE) return undefined;
    at += bytes;
  }
  return undefined;
}
