// A reply, and what it holds of the server, its files and what is kept, deleted or uploaded of them.

import type { RecordingParameters, UserVariables } from "./record-settings.js";

export interface ReplyMessage<D = unknown> {
  data: D;
  description: string;
  status: "SUCCESS" | "FAIL";
  responseId?: string;
  /** Nodes of the group that should have answered too, and have not. */
  unanswered?: string[];
}

export interface TimerData extends UserVariables {
  timerId: number;
  triggerCount: number;
  value: number | string;
}

/** Of serverStatus. */
export interface ServerStatusData {
  disks: { folder: string; freeBytes: number; totalBytes: number; error?: string }[];
  recordings: RecordingStatus[];
  server: { cpuMs: number; memoryBytes: number; pid: number; upTimeMs: number; version: string };
  streams: StreamStatus[];
}

export interface StreamStatus {
  audio: string;
  bytes: number;
  droppedFrames: number;
  farIp: string;
  farPort: number;
  frames: number;
  height: number;
  id: number;
  /** It waits because every recording of it lags. */
  isHeldBack: boolean;
  name: string;
  type: string;
  upTimeMs: number;
  /** Of a pulled stream, password masked. */
  uri: string;
  video: string;
  width: number;
}

/** A record config and, while it runs (outStreamId is not 0), its recording. */
export interface RecordingStatus {
  bytes: number;
  configId: number;
  file: string;
  frames: number;
  lagMs: number;
  localStreamName: string;
  lostFrames: number;
  outStreamId: number;
  state: string;
  type: "mp4" | "ts" | "flv";
  upTimeMs: number;
}

/** Of listSegments. */
export interface SegmentData {
  audioFrames: number;
  configId: number;
  durationMs: number;
  file: string;
  gaps: number;
  id: number;
  isMissing: boolean;
  localStreamName: string;
  lostFrames: number;
  sizeBytes: number;
  startTime: string;
  state: "growing" | "failed" | "recovered" | "finished" | "uploaded" | "deleted";
  stopTime: string | null;
  type: "mp4" | "ts" | "flv";
  videoFrames: number;
}

export interface HoldData {
  createTime: string;
  from: string | null;
  holdId: number;
  localStreamName: string | null;
  reason: string;
  sequence: number | null;
  to: string | null;
}

/** With the parameters that were given. */
export interface RuleData extends RecordingParameters, UserVariables {
  also: boolean;
  /** It stands in reel.json. */
  isConfigured: boolean;
  /** In a group, of a rule of a node's reel.json: which node's. */
  node?: string;
  pattern: string;
  recordings: RuleRecording[] | null;
  ruleId: number;
}

/** A stream that a rule records, or waits for. */
export interface RuleRecording {
  configId: number;
  /** The one that grows, or "". */
  file: string;
  localStreamName: string;
  /** In a group: where it is recorded. */
  node?: string;
  outStreamId: number;
  state: string;
}

/** A file that retention deletes, or would delete. */
export interface DeletionData {
  cause: DeletionCause;
  configId: number;
  file: string;
  id: number;
  localStreamName: string;
  sizeBytes: number;
  startTime: string;
  stopTime: string;
}
export type DeletionCause = "age" | "bytes" | "segments" | "freeSpace" | "request" | "uploaded";

/** A file that waits for its upload. */
export interface UploadData {
  configId: number;
  file: string;
  id: number;
  isUnderWay: boolean;
  /** Of its object. */
  key: string | null;
  localStreamName: string;
  nextTryTime: string | null;
  /** Why the last try failed. */
  reason: string | null;
  sizeBytes: number;
  tries: number;
}

/** How far a node of a group is with giving its pulls away; null where it takes pulls again. */
export interface DrainData {
  isDone: boolean;
  handedOver: { configId: number; localStreamName: string; node: string }[];
  kept: { configId: number; localStreamName: string; reason: string }[];
  /** Streams of publishers, which cannot be moved. */
  published: string[];
  waiting: number;
}
