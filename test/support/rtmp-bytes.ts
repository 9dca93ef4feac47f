// RTMP bytes as encoders send them, written from the specification (Adobe RTMP 1.0) for the tests: imports nothing of
// the server under test, so that a mistake there is not repeated here.

export interface ChunkOptions {
  fmt?: 0 | 1 | 2 | 3;
  /** Leaves the extended timestamp out of continuation chunks, as some encoders do. */
  omitExtension?: boolean;
}

export interface Message {
  csid: number;
  type: number;
  streamId?: number;
  /** Absolute for fmt 0, else the delta. */
  time: number;
  payload: Uint8Array;
}

function basicHeader(fmt: number, csid: number): Buffer {
  if (csid < 64) return Buffer.from([(fmt << 6) | csid]);
  if (csid < 320) return Buffer.from([fmt << 6, csid - 64]);
  return Buffer.from([(fmt << 6) | 1, (csid - 64) % 256, Math.floor((csid - 64) / 256)]);
}

/** The chunks of a message, one buffer each, so that a test can weave those of two messages. */
export function chunksOf(message: Message, chunkSize: number, options: ChunkOptions = {}): Buffer[] {
  const { csid, type, streamId = 0, time, payload } = message;
  const { fmt = 0, omitExtension = false } = options;
  const extended = time >= 0xffffff;
  const extension = Buffer.alloc(extended ? 4 : 0);
  if (extended) extension.writeUInt32BE(time);
  const header = Buffer.alloc(11);
  header.writeUIntBE(extended ? 0xffffff : time, 0, 3);
  header.writeUIntBE(payload.length, 3, 3);
  header.writeUInt8(type, 6);
  header.writeUInt32LE(streamId, 7);
  const chunks: Buffer[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += chunkSize) {
    const body = payload.subarray(at, at + chunkSize);
    if (at === 0)
      chunks.push(Buffer.concat([basicHeader(fmt, csid), header.subarray(0, [11, 7, 3, 0][fmt]), extension, body]));
    else chunks.push(Buffer.concat([basicHeader(3, csid), omitExtension ? Buffer.alloc(0) : extension, body]));
  }
  return chunks;
}

export function messageBytes(message: Message, chunkSize = 128, options: ChunkOptions = {}): Buffer {
  return Buffer.concat(chunksOf(message, chunkSize, options));
}

export type Amf = number | string | boolean | null | { [name: string]: Amf };

export function amf(...values: Amf[]): Buffer {
  const key = (text: string): Buffer =>
    Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
  const one = (value: Amf): Buffer => {
    if (value === null) return Buffer.from([5]);
    if (typeof value === "boolean") return Buffer.from([1, value ? 1 : 0]);
    if (typeof value === "string") return Buffer.concat([Buffer.from([2]), key(value)]);
    if (typeof value === "number") {
      const number = Buffer.alloc(9);
      number.writeDoubleBE(value, 1);
      return number;
    }
    return Buffer.concat([
      Buffer.from([3]),
      ...Object.entries(value).flatMap(([name, property]) => [key(name), one(property)]),
      Buffer.from([0, 0, 9]),
    ]);
  };
  return Buffer.concat(values.map(one));
}

export function command(streamId: number, ...values: Amf[]): Buffer {
  return messageBytes({ csid: 3, type: 20, streamId, time: 0, payload: amf(...values) });
}

export function setChunkSize(size: number): Buffer {
  return messageBytes({ csid: 2, type: 1, time: 0, payload: u32(size) });
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** C0, C1 and C2 of a plain handshake; C2's content is not looked at by any server. */
export function plainHandshake(): Buffer {
  const bytes = Buffer.alloc(1 + 1536 + 1536, 0x5a);
  bytes[0] = 3;
  bytes.fill(0, 1, 9);
  return bytes;
}

/** What OBS (librtmp) sends up to the first frame, chunk size 4096 from connect on. */
export function obsOpening(app: string, streamKey: string): Buffer {
  return Buffer.concat([
    plainHandshake(),
    setChunkSize(4096),
    messageBytes(
      {
        csid: 3,
        type: 20,
        time: 0,
        payload: amf("connect", 1, {
          app,
          type: "nonprivate",
          flashVer: "FMLE/3.0 (compatible; FMSc/1.0)",
          swfUrl: `rtmp://h/${app}`,
          tcUrl: `rtmp://h/${app}`,
        }),
      },
      4096,
    ),
    messageBytes({ csid: 3, type: 20, time: 0, payload: amf("releaseStream", 2, null, streamKey) }, 4096, { fmt: 1 }),
    messageBytes({ csid: 3, type: 20, time: 0, payload: amf("FCPublish", 3, null, streamKey) }, 4096, { fmt: 1 }),
    messageBytes({ csid: 3, type: 20, time: 0, payload: amf("createStream", 4, null) }, 4096, { fmt: 1 }),
    messageBytes(
      { csid: 4, type: 20, streamId: 1, time: 0, payload: amf("publish", 5, null, streamKey, "live") },
      4096,
    ),
    messageBytes(
      {
        csid: 4,
        type: 18,
        streamId: 1,
        time: 0,
        payload: amf("@setDataFrame", "onMetaData", { width: 320, height: 240, encoder: "obs-output module" }),
      },
      4096,
    ),
  ]);
}

/** What GStreamer's rtmp2sink sends: window size, user control, commands without transaction, all on one connection. */
export function rtmp2sinkOpening(app: string, streamKey: string): Buffer {
  return Buffer.concat([
    plainHandshake(),
    messageBytes({
      csid: 3,
      type: 20,
      time: 0,
      payload: amf("connect", 1, { app, type: "nonprivate", tcUrl: `rtmp://h/${app}`, flashVer: "LNX 10,0,32,18" }),
    }),
    messageBytes({ csid: 2, type: 5, time: 0, payload: u32(2_500_000) }),
    messageBytes({ csid: 2, type: 4, time: 0, payload: Buffer.concat([Buffer.from([0, 3]), u32(0), u32(300)]) }),
    command(0, "releaseStream", 0, null, streamKey),
    command(0, "FCPublish", 0, null, streamKey),
    command(0, "createStream", 2, null),
    command(1, "publish", 3, null, streamKey, "live"),
  ]);
}

export const PACKET_CONFIG = 0;
export const PACKET_FRAME = 1;

export function videoTag(isKey: boolean, packetType: number, compositionMs: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header[0] = (isKey ? 0x10 : 0x20) | 7;
  header[1] = packetType;
  header.writeIntBE(compositionMs, 2, 3);
  return Buffer.concat([header, data]);
}

export function audioTag(packetType: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0xaf, packetType]), data]);
}
