// What the routes answer (docs/http.md), as far as it is shown.

export interface SessionState {
  role: "owner" | "viewer" | null;
  needsLogin: boolean;
}

export interface TrackState {
  track: number;
  kind: "video" | "audio" | "data";
  codec: string | null;
  language: string | null;
  width: number | null;
  height: number | null;
  frames: number;
  bytes: number;
  droppedFrames: number;
  droppedBytes: number;
}

export interface LossState {
  cause: string;
  gaps: number;
  frames: number;
  bytes: number;
  durationMs: number;
}

export interface OutState {
  outStreamId: number;
  configId: number;
  type: "mp4" | "ts" | "flv";
  file: string | null;
  lagMs: number;
  since: string;
  isStopped: boolean;
  frames: number;
  bytes: number;
  lostFrames: number;
  lostBytes: number;
  losses: LossState[];
}

export interface StreamState {
  name: string;
  id: number;
  source: { type: string; address: string };
  since: string;
  upTimeMs: number;
  lastFrameAgeMs: number;
  keyframeIntervalMs: number | null;
  tracks: TrackState[];
  notRecorded: { codec: string; track: string | null }[];
  /** Path of the WebSocket of its live pictures. */
  preview: string | null;
  /** Other nodes of the group that have a stream of its name. */
  conflict?: string[];
  recordings: OutState[];
}

interface ConfigCommon {
  configId: number;
  localStreamName: string;
  state: string;
  since: string;
  keepAlive: boolean;
}

export interface RecordConfigState extends ConfigCommon {
  kind: "record";
  type: "mp4" | "ts" | "flv";
  pathToFile: string;
  computedPathToFile: string;
  chunkLength: number;
}

export interface PullConfigState extends ConfigCommon {
  kind: "pull";
  uri: string;
  /** Failed since it last streamed; missing where none has. */
  attempts?: number;
  /** Null for viewers. */
  lastError?: string | null;
  /** The longest that the wait for the next try takes. */
  nextTryMs?: number;
}

export type ConfigState = RecordConfigState | PullConfigState;

export interface VolumeState {
  folder: string;
  answers: boolean;
  freeBytes: number;
  sizeBytes: number;
  fillBytesPerSecond: number;
  fullInSeconds: number | null;
}

export interface ServerState {
  version: string;
  node: string;
  pid: number;
  now: string;
  utcOffset: number;
  upTimeMs: number;
  cpuMs: number;
  cores: number;
  memoryBytes: number;
  totals: {
    recordings: number;
    recordedBytes: number;
    recordedFrames: number;
    closedSegments: number;
    failedSegments: number;
    lost: { cause: string; frames: number }[];
  };
  listeners: Record<string, string>;
  configuration?: unknown;
}

export interface RecordedFile {
  sequence: number;
  state: "growing" | "failed" | "recovered" | "finished" | "uploaded" | "deleted";
  isMissing?: boolean;
  isEstimated?: boolean;
  stream: string;
  start: string;
  end: string | null;
  durationMs: number | null;
  bytes: number | null;
  type: "mp4" | "ts" | "flv";
  file: string;
  gaps: number;
  lost: { frames: number; bytes: number; durationMs: number } | null;
  configId: number;
  links: { self: string; media?: string };
}

export interface ToldGap {
  at: string;
  cause: string;
  track: string | null;
  durationMs: number;
  frames: number;
  bytes: number;
  stream: string;
  file: string;
}

export interface ServerEvent {
  id: number;
  type: string;
  timestamp: number;
  payload: Record<string, unknown>;
}
