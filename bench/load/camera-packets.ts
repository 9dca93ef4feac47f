// What the cameras of a load send: the frames of a workload as RTP packets, interleaved for one TCP connection (RFC
// 2326 §10.12), H.264 by RFC 6184 and AAC by RFC 3640. One camera differs from the next in three fields of each packet
// alone: sequence number, timestamp, SSRC.
//
//   '$' channel length │ V=2, M, PT, sequence number, timestamp, SSRC │ payload

import type { FrameBody, LoadFrames } from "./workload.js";

export const VIDEO_CHANNEL = 0;
export const AUDIO_CHANNEL = 2;
const VIDEO_TYPE = 96;
const AUDIO_TYPE = 97;
const VIDEO_RATE = 90_000;
const AUDIO_RATE = 48_000;
/** Ethernet's 1500 less IP, TCP, RTP and what tunnels add: what cameras use. */
const MAX_PAYLOAD_BYTES = 1400;
const INTERLEAVED_BYTES = 4;
const RTP_HEADER_BYTES = 12;
const FU_A = 28;
/** Of an FLV tag body, before an access unit of H.264, and of AAC. */
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

export interface CameraFrame {
  /** Media time within the period. */
  atMs: number;
  isVideo: boolean;
  /** Interleaved packets, one behind the other, with zeros in the fields that differ. */
  bytes: Buffer;
  /** Where in `bytes` each RTP header begins. */
  headers: number[];
  /** Within the period, in units of the track's clock. */
  timestamp: number;
}

export interface CameraTemplate {
  /** Session description (RFC 4566). */
  sdp: string;
  frames: CameraFrame[];
  /** Of one period. */
  bytes: number;
}

export function cameraTemplate({ headers, frames }: LoadFrames): CameraTemplate {
  const sequenceHeader = (isVideo: boolean): Buffer => {
    const header = headers.find((one) => one.isVideo === isVideo);
    if (!header) throw new Error("cameras need a workload with pictures and sound");
    return header.body.subarray(isVideo ? AVC_HEADER_BYTES : AAC_HEADER_BYTES);
  };
  const ready = frames.map(toPackets);
  return {
    sdp: describe(sequenceHeader(true), sequenceHeader(false)),
    frames: ready,
    bytes: ready.reduce((sum, frame) => sum + frame.bytes.byteLength, 0),
  };
}

/** Copies a frame's packets as those of one camera. Returns its next sequence number. */
export function stampFrame(
  frame: CameraFrame,
  target: Buffer,
  sequence: number,
  timestamp: number,
  ssrc: number,
): number {
  frame.bytes.copy(target);
  let next = sequence;
  for (const at of frame.headers) {
    target.writeUInt16BE(next, at + 2); // sequence number
    target.writeUInt32BE(timestamp >>> 0, at + 4); // timestamp
    target.writeUInt32BE(ssrc, at + 8); // SSRC
    next = (next + 1) & 0xffff;
  }
  return next;
}

/** A goodbye (RTCP BYE, RFC 3550 §6.6), behind the empty report that a compound packet begins with. */
export function goodbye(channel: number, ssrc: number): Buffer {
  const bytes = Buffer.from("24000010" + "80c90001" + "00000000" + "81cb0001" + "00000000", "hex");
  bytes[1] = channel + 1;
  bytes.writeUInt32BE(ssrc, 8);
  bytes.writeUInt32BE(ssrc, 16);
  return bytes;
}

/** In units of its clock. */
export function rateOf(isVideo: boolean): number {
  return isVideo ? VIDEO_RATE : AUDIO_RATE;
}

function toPackets({ atMs, isVideo, body }: FrameBody): CameraFrame {
  const payloads = isVideo ? picturePayloads(body.subarray(AVC_HEADER_BYTES)) : [soundPayload(body)];
  const headers: number[] = [];
  let at = 0;
  const packets = payloads.map((payload, i) => {
    const head = Buffer.alloc(INTERLEAVED_BYTES + RTP_HEADER_BYTES);
    head[0] = 0x24;
    head[1] = isVideo ? VIDEO_CHANNEL : AUDIO_CHANNEL;
    head.writeUInt16BE(RTP_HEADER_BYTES + payload.byteLength, 2);
    head[4] = 0x80; // V=2
    head[5] = (i === payloads.length - 1 ? 0x80 : 0) | (isVideo ? VIDEO_TYPE : AUDIO_TYPE); // M, PT
    headers.push(at + INTERLEAVED_BYTES);
    at += head.byteLength + payload.byteLength;
    return Buffer.concat([head, payload]);
  });
  return {
    atMs,
    isVideo,
    bytes: Buffer.concat(packets),
    headers,
    timestamp: Math.round((atMs * rateOf(isVideo)) / 1000),
  };
}

/** Of an access unit with lengths of four bytes. */
function picturePayloads(unit: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at + 4 <= unit.byteLength; ) {
    const end = at + 4 + unit.readUInt32BE(at);
    payloads.push(...nalPayloads(unit.subarray(at + 4, end)));
    at = end;
  }
  return payloads;
}

function nalPayloads(nal: Buffer): Buffer[] {
  if (nal.byteLength <= MAX_PAYLOAD_BYTES) return [nal];
  const header = nal[0] as number;
  const fragments: Buffer[] = [];
  const step = MAX_PAYLOAD_BYTES - 2;
  for (let at = 1; at < nal.byteLength; at += step) {
    const start = at === 1 ? 0x80 : 0;
    const end = at + step >= nal.byteLength ? 0x40 : 0;
    const head = Buffer.of((header & 0xe0) | FU_A, start | end | (header & 0x1f)); // FU indicator, FU header
    fragments.push(Buffer.concat([head, nal.subarray(at, at + step)]));
  }
  return fragments;
}

function soundPayload(body: Buffer): Buffer {
  const frame = body.subarray(AAC_HEADER_BYTES);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(16, 0); // AU-headers-length, in bits
  head.writeUInt16BE(frame.byteLength << 3, 2); // AU-size, AU-Index
  return Buffer.concat([head, frame]);
}

function describe(avcC: Buffer, audioSpecificConfig: Buffer): string {
  const spsEnd = 8 + avcC.readUInt16BE(6);
  const sps = avcC.subarray(8, spsEnd);
  const pps = avcC.subarray(spsEnd + 3, spsEnd + 3 + avcC.readUInt16BE(spsEnd + 1));
  return [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=camera",
    "t=0 0",
    "a=control:*",
    `m=video 0 RTP/AVP ${VIDEO_TYPE}`,
    `a=rtpmap:${VIDEO_TYPE} H264/${VIDEO_RATE}`,
    `a=fmtp:${VIDEO_TYPE} packetization-mode=1;profile-level-id=${sps.subarray(1, 4).toString("hex")};` +
      `sprop-parameter-sets=${sps.toString("base64")},${pps.toString("base64")}`,
    "a=control:video",
    `m=audio 0 RTP/AVP ${AUDIO_TYPE}`,
    `a=rtpmap:${AUDIO_TYPE} MPEG4-GENERIC/${AUDIO_RATE}/2`,
    `a=fmtp:${AUDIO_TYPE} streamtype=5;profile-level-id=1;mode=AAC-hbr;` +
      "sizelength=13;indexlength=3;indexdeltalength=3;" +
      `config=${audioSpecificConfig.toString("hex")}`,
    "a=control:audio",
    "",
  ].join("\r\n");
}
