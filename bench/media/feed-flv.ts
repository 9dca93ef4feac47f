// A stored FLV into an in-stream, as fast as its ring takes it: what an embedding program does that has frames of its own.

import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { FLV_HEADER_BYTES } from "./flv-reader.js";

const READ_BYTES = 1 << 20;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

/** Reads the file in blocks and writes its frames to the stream; waits where the ring is full. */
export async function feedFlv(to: InStream, from: string): Promise<void> {
  const fd = openSync(from, "r");
  let held = Buffer.allocUnsafe(2 * READ_BYTES);
  let begin = 0;
  let end = 0;
  let position = FLV_HEADER_BYTES;
  for (;;) {
    if (begin > 0) held.copy(held, 0, begin, end);
    end -= begin;
    begin = 0;
    if (end + READ_BYTES > held.length) held = Buffer.concat([held.subarray(0, end)], held.length * 2);
    const got = readSync(fd, held, end, READ_BYTES, position);
    if (got === 0) break;
    position += got;
    end += got;
    while (end - begin >= 11 && end - begin >= 11 + held.readUIntBE(begin + 1, 3) + 4) {
      const bodyBytes = held.readUIntBE(begin + 1, 3);
      const timestampMs = held.readUIntBE(begin + 4, 3) + (held[begin + 7] as number) * 0x1000000;
      while (!writeTag(to, held[begin] as number, timestampMs, held.subarray(begin + 11, begin + 11 + bodyBytes))) await once(to, "room");
      begin += 11 + bodyBytes + 4;
    }
  }
  closeSync(fd);
}

/** False where the ring is full. */
function writeTag(to: InStream, tagType: number, timestampMs: number, body: Buffer): boolean {
  if (tagType === 9) {
    if (body[1] === 0) to.setDecoderConfig(TRACK_VIDEO, "h264", body.subarray(AVC_HEADER_BYTES));
    else return to.writeFrame(TRACK_VIDEO, body.subarray(AVC_HEADER_BYTES), timestampMs * 90, body.readIntBE(2, 3) * 90, (body[0] as number) >> 4 === 1);
  } else if (tagType === 8) {
    if (body[1] === 0) to.setDecoderConfig(TRACK_AUDIO, "aac", body.subarray(AAC_HEADER_BYTES));
    else return to.writeFrame(TRACK_AUDIO, body.subarray(AAC_HEADER_BYTES), timestampMs * 90, 0, true);
  }
  return true;
}
