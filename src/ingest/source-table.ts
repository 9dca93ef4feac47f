// All sources that can be pulled. A new one is one entry here: its schemes, its check and how it is opened come with
// the `Source` that the entry creates.

import { FfmpegTransport } from "./ffmpeg/ffmpeg-transport.js";
import { TcpTransport } from "./mpegts/tcp-transport.js";
import { TsByteSource } from "./mpegts/ts-byte-source.js";
import { UdpTransport } from "./mpegts/udp-transport.js";
import { RtmpSource } from "./rtmp/rtmp-source.js";
import { RtspSource } from "./rtsp/rtsp-source.js";
import type { Source, SourceParts } from "./source.js";

export type SourceKind = "mpegtsTcp" | "mpegtsUdp" | "rtmp" | "rtsp" | "ffmpeg";

export const SOURCE_TABLE: Readonly<Record<SourceKind, (parts: SourceParts) => Source>> = {
  mpegtsTcp: (parts) => new TsByteSource(new TcpTransport(), parts),
  mpegtsUdp: (parts) => new TsByteSource(new UdpTransport(), parts),
  rtmp: (parts) => new RtmpSource(parts),
  rtsp: (parts) => new RtspSource(parts),
  ffmpeg: (parts) => new TsByteSource(new FfmpegTransport({ ...parts, timeoutMs: parts.silenceMs }), parts),
};

/** One of each, for one server. */
export function createSources(parts: SourceParts): Source[] {
  return Object.values(SOURCE_TABLE).map((create) => create(parts));
}
