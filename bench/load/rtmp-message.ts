// One RTMP message as a run of chunks (Adobe RTMP 1.0 §5.3.1), ready to be sent: type 0 with an absolute timestamp or
// type 1 with a difference, then type 3.

export const CONTROL_CHUNK_STREAM = 2;
export const COMMAND_CHUNK_STREAM = 3;
export const AUDIO_CHUNK_STREAM = 4;
export const VIDEO_CHUNK_STREAM = 6;

export interface OutgoingMessage {
  /** 2 … 63. */
  chunkStream: number;
  /** message type id */
  type: number;
  streamId: number;
  /** Below 2^24 - 1. */
  timeMs: number;
  isDelta: boolean;
  body: Uint8Array;
  chunkBytes: number;
}

export function writeRtmpMessage({
  chunkStream,
  type,
  streamId,
  timeMs,
  isDelta,
  body,
  chunkBytes,
}: OutgoingMessage): Buffer {
  const headerBytes = isDelta ? 8 : 12;
  const continuations = Math.max(0, Math.ceil(body.length / chunkBytes) - 1);
  const out = Buffer.alloc(headerBytes + body.length + continuations);
  out[0] = (isDelta ? 0x40 : 0) | chunkStream;
  out.writeUIntBE(timeMs, 1, 3); // timestamp (delta)
  out.writeUIntBE(body.length, 4, 3); // message length
  out[7] = type; // message type id
  if (!isDelta) out.writeUInt32LE(streamId, 8); // message stream id
  let at = headerBytes;
  for (let from = 0; from < body.length; from += chunkBytes) {
    if (from > 0) out[at++] = 0xc0 | chunkStream;
    const part = body.subarray(from, Math.min(body.length, from + chunkBytes));
    out.set(part, at);
    at += part.length;
  }
  return out;
}

type Amf0Value = string | number | boolean | null | { [key: string]: Amf0Value };

/** AMF0 (Adobe, 2007): the few types that a publisher's commands need. */
export function writeAmf0(...values: Amf0Value[]): Buffer {
  return Buffer.concat(values.map(writeAmf0Value));
}

function writeAmf0Value(value: Amf0Value): Buffer {
  if (value === null) return Buffer.of(5);
  if (typeof value === "boolean") return Buffer.of(1, value ? 1 : 0);
  if (typeof value === "number") {
    const number = Buffer.alloc(9);
    number.writeDoubleBE(value, 1);
    return number;
  }
  if (typeof value === "string") return Buffer.concat([Buffer.of(2), amf0Name(value)]);
  const properties = Object.entries(value).flatMap(([name, property]) => [amf0Name(name), writeAmf0Value(property)]);
  return Buffer.concat([Buffer.of(3), ...properties, Buffer.of(0, 0, 9)]);
}

function amf0Name(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
