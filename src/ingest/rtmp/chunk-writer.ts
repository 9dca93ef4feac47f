// Writes RTMP messages as chunks, Adobe RTMP 1.0 §5.3. Every message starts with a full header (fmt 0): replies are
// few, and a publisher of ours wants each message to stand alone.
//
//   | fmt 0, csid | timestamp 24 | length 24 | type 8 | stream id 32 LE | (extended timestamp) | payload …
//   | fmt 3, csid | (extended timestamp) | payload …

import { DEFAULT_CHUNK_SIZE, EXTENDED_TIMESTAMP } from "./rtmp-protocol.js";

const BASIC_HEADER_SIZE = 1;
const MESSAGE_HEADER_SIZE = 11;
const EXTENDED_TIMESTAMP_SIZE = 4;

export class ChunkWriter {
  chunkSize = DEFAULT_CHUNK_SIZE;

  /** One message as it goes to the wire. `chunkStreamId` is 2 to 63. */
  encode(chunkStreamId: number, type: number, streamId: number, timestampMs: number, payload: Uint8Array): Buffer {
    const size = payload.byteLength;
    const isExtended = timestampMs >= EXTENDED_TIMESTAMP;
    const extendedSize = isExtended ? EXTENDED_TIMESTAMP_SIZE : 0;
    const chunks = Math.max(1, Math.ceil(size / this.chunkSize));
    const out = Buffer.allocUnsafe(MESSAGE_HEADER_SIZE + chunks * (BASIC_HEADER_SIZE + extendedSize) + size);
    let at = out.writeUInt8(chunkStreamId, 0);
    at = out.writeUIntBE(isExtended ? EXTENDED_TIMESTAMP : timestampMs, at, 3); // timestamp
    at = out.writeUIntBE(size, at, 3); // message length
    at = out.writeUInt8(type, at); // message type id
    at = out.writeUInt32LE(streamId, at); // message stream id
    if (isExtended) at = out.writeUInt32BE(timestampMs, at);
    for (let sent = 0; sent < size; ) {
      const bytes = Math.min(this.chunkSize, size - sent);
      out.set(payload.subarray(sent, sent + bytes), at);
      at += bytes;
      sent += bytes;
      if (sent === size) break;
      at = out.writeUInt8(0xc0 | chunkStreamId, at);
      if (isExtended) at = out.writeUInt32BE(timestampMs, at);
    }
    return out;
  }
}

/** A payload of one 32-bit number: Set Chunk Size, Acknowledgement, Window Acknowledgement Size. */
export function encodeU32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value >>> 0);
  return payload;
}
