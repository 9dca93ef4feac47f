// A stored FLV into an in-stream, as fast as its ring takes it. The file is read into the arena, as the RTMP ingest
// reads its sockets, and moved from there by memory.copy: TypedArray.set into shared memory runs at a tenth of that.

import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { Arena } from "../../src/arena/arena.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { FLV_HEADER_BYTES } from "./flv-reader.js";

/** Fits the second-level cache together with the ring's hot part. */
const READ_BYTES = 256 * 1024;
const TAG_HEADER_BYTES = 11;
const PREVIOUS_TAG_SIZE_BYTES = 4;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;
const TAG_VIDEO = 9;
const TAG_AUDIO = 8;

/** Reads the file in blocks and writes its frames to the stream; waits where the ring is full. */
export async function feedFlv(arena: Arena, to: InStream, from: string): Promise<void> {
  const fd = openSync(from, "r");
  let size = 2 * READ_BYTES;
  let stage = arena.allocate(size, false);
  let begin = 0;
  let end = 0;
  let position = FLV_HEADER_BYTES;
  for (;;) {
    arena.copy(stage, stage + begin, end - begin);
    end -= begin;
    begin = 0;
    if (end + READ_BYTES > size) {
      const larger = arena.allocate(size * 2, false);
      arena.copy(larger, stage, end);
      arena.free(stage);
      stage = larger;
      size *= 2;
    }
    const got = readSync(fd, arena.u8, stage + end, READ_BYTES, position);
    if (got === 0) break;
    position += got;
    end += got;
    for (;;) {
      const tag = stage + begin;
      if (end - begin < TAG_HEADER_BYTES) break;
      const bodyBytes = u24(arena, tag + 1);
      const tagBytes = TAG_HEADER_BYTES + bodyBytes + PREVIOUS_TAG_SIZE_BYTES;
      if (end - begin < tagBytes) break;
      while (!writeTag(arena, to, tag, bodyBytes)) await once(to, "room");
      begin += tagBytes;
    }
  }
  arena.free(stage);
  closeSync(fd);
}

function u24(arena: Arena, at: number): number {
  return arena.view.getUint32(at - 1) & 0xffffff;
}

/** False where the ring is full. */
function writeTag(arena: Arena, to: InStream, tag: number, bodyBytes: number): boolean {
  const type = arena.view.getUint8(tag);
  if (type !== TAG_VIDEO && type !== TAG_AUDIO) return true;
  const track = type === TAG_VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
  const headerBytes = type === TAG_VIDEO ? AVC_HEADER_BYTES : AAC_HEADER_BYTES;
  const body = tag + TAG_HEADER_BYTES;
  const payload = body + headerBytes;
  const payloadBytes = bodyBytes - headerBytes;
  if (arena.view.getUint8(body + 1) === 0) {
    to.setDecoderConfig(track, type === TAG_VIDEO ? "h264" : "aac", arena.u8.slice(payload, payload + payloadBytes));
    return true;
  }
  const timestampMs = u24(arena, tag + 4) + arena.view.getUint8(tag + 7) * 0x1000000;
  const ctsMs = type === TAG_VIDEO ? (arena.view.getInt32(body + 1) << 8) >> 8 : 0;
  const isKey = type === TAG_AUDIO || arena.view.getUint8(body) >> 4 === 1;
  const pointer = to.reserve(payloadBytes);
  if (pointer === 0) return false;
  arena.copy(pointer, payload, payloadBytes);
  to.commit(track, payloadBytes, timestampMs * 90, ctsMs * 90, isKey);
  return true;
}
