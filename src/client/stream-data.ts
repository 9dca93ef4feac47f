// What the server tells of a stream, its tracks and how their packets arrive.

import type { PullSettingsData, RecordSettings } from "./record-settings.js";

/** Where EMS has 64-bit integers (typeNumeric, codecNumeric), JSON.parse rounds them: use the tags. */
export interface TrackCounters {
  bytesCount: number;
  codec: string;
  codecNumeric: number;
  droppedBytesCount: number;
  droppedPacketsCount: number;
  packetsCount: number;
}

export interface VideoCounters extends TrackCounters {
  height: number;
  level: number;
  profile: number;
  width: number;
}

export interface StreamData {
  appName: string;
  name: string;
  type: string;
  typeNumeric: number;
  uniqueId: number;
  /** Unix milliseconds. */
  creationTimestamp: number;
  queryTimestamp: number;
  /** Milliseconds. */
  upTime: number;
  ip: string;
  port: number;
  nearIp: string;
  nearPort: number;
  farIp: string;
  farPort: number;
  audio: TrackCounters;
  video: VideoCounters;
  /** kbit/s. */
  bandwidth: number;
  connectionType: number;
  processId: number;
  processType: string;
  edgePid?: number;
  outStreamsUniqueIds?: number[] | null;
  inStreamUniqueId?: number | null;
  pageUrl?: string;
  swfUrl?: string;
  tcUrl?: string;
  serverAgent?: string;
  userAgent?: string;
  tracks?: TrackData[];
  unrecorded?: UnrecordedTrackData[];
  /** Of a pulled source: what reads it, and why that way. */
  reader?: string;
  /** Other nodes of the group that have a stream of its name; missing where none has. */
  conflict?: string[];
  /** Of a source that comes over RTP. */
  rtp?: RtpData;
  pullSettings?: PullSettingsData;
  recordSettings?: RecordSettings;
}

export interface ConfigStateData {
  code: number;
  description: string;
  timestamp: number;
  uniqueStreamId: number;
  unrecorded?: UnrecordedTrackData[];
}

/** A track of an in-stream; `codec` null: its configuration is still to come. */
export interface TrackData {
  track: number;
  kind: "video" | "audio" | "data";
  codec: string | null;
  /** ISO 639-2, three small letters. */
  language: string | null;
  label: string | null;
  packetsCount: number;
  bytesCount: number;
}

/** How the packets of a source arrive, medium by medium. */
export interface RtpData {
  transport: "TCP" | "UDP";
  /** Why it is this one, where another was possible. */
  why: string | null;
  media: RtpMediumData[];
}

export interface RtpMediumData {
  kind: "video" | "audio" | "data";
  packetsCount: number;
  /** Given up: they did not come, or not in time. */
  lostCount: number;
  /** They came behind a later one, and in time. */
  reorderedCount: number;
  duplicatesCount: number;
  /** They came after they had been given up. */
  lateCount: number;
  /** Milliseconds, smoothed (RFC 3550 §6.4.1). */
  jitterMs: number;
}

/** A track of a stream that is not recorded; `track` null is data. */
export interface UnrecordedTrackData {
  codec: string;
  track: "video" | "audio" | null;
}

export interface WithStatus {
  status: { current: ConfigStateData; previous: ConfigStateData | null };
}
