// What events tell (ems-record-spec §6).

import type { DeletionCause, ReplyMessage, TimerData } from "./reply-data.js";
import type { StreamData } from "./stream-data.js";

/** In every payload. */
interface Sender {
  PID: number;
  customData: unknown;
}

export interface GapData {
  cause: string;
  dtsMs: number;
  durationMs: number;
  frames: number;
  bytes: number;
  track: "video" | "audio" | null;
}

/** In every event of a recording. */
interface RecordingIds {
  localStreamName: string;
  /** Ids of the record config and of the out-stream, its run; 0 where the recording is of an earlier version. */
  configId: number;
  outStreamId: number;
  /** Goes on over restarts; 0 where the event concerns no file. */
  sequence: number;
}

interface ChunkPayload extends Sender, RecordingIds {
  /** Absolute and final, also while only temporary files exist. */
  file: string;
  /** The recorder's, as +01:00. */
  utcOffset: string;
  /** With alignTo: from the multiple of the wall clock to the first frame; of recordChunkCreated and -Closed. */
  alignOffsetMs?: number;
  /** In a group, where the event concerns a file: the node that recorded it. */
  node?: string;
  /** The epoch by which the node had the pull when the file began; missing where it was published to the node. */
  epoch?: number;
  [variable: `_${string}`]: string;
}

interface FinalPayload extends ChunkPayload {
  durationMs: number;
  sizeBytes: number;
  startTime: string;
  stopTime: string | null;
}

/** EMS calls a server's one part an application. */
interface ApplicationData extends Sender {
  id: number;
  name: string;
}

export interface EventPayloads {
  applicationStart: ApplicationData & {
    config: { acceptors: { ip: string; port: number; protocol: string }[]; description: string; name: string };
  };
  applicationStop: ApplicationData;
  copyFailed: ChunkPayload & { copy: string; code: string; reason: string; tries: number; nextTryTime: string | null };
  cliRequest: Sender & { command: string; parameters: Record<string, string | string[]> };
  cliResponse: Sender & ReplyMessage;
  inStreamClosed: Sender & StreamData;
  inStreamCodecsUpdated: Sender & StreamData;
  inStreamCreated: Sender & StreamData;
  outStreamClosed: Sender & StreamData & RecordingIds;
  outStreamCreated: Sender & StreamData & RecordingIds;
  pastShort: Sender & {
    localStreamName: string;
    seconds: number;
    keptSeconds: number;
    /** In memory. */
    keptBytes: number;
    /** On the disk. */
    spilledBytes: number;
  };
  /** `handedOver`: both nodes pulled it for `overlapMs`. `ownerGone`: `from` was not heard for `silentMs`. */
  pullMoved: Sender & {
    configId: number;
    localStreamName: string;
    epoch: number;
    from: string;
    to: string;
    cause: "handedOver" | "ownerGone";
    overlapMs: number | null;
    silentMs: number | null;
  };
  recordChunkClosed: ChunkPayload & {
    startTime: string;
    stopTime: string;
    /** Media time: not what lies between the two, where the wall clock was set meanwhile. */
    durationMs: number;
    /** By how much the wall clock was set meanwhile; missing where it was not. */
    clockStepMs?: number;
    /** Of video. */
    frameCount: number;
    finish: "reserved" | "inserted" | "collapsed" | "copied" | "none";
    gaps: GapData[];
    lost: { frames: number; bytes: number; durationMs: number } | null;
    recovered: boolean;
    /** A sync of the file has failed, in words: a power cut may take what it holds. */
    syncError: string | null;
    /** The root of its manifest, where it was to have one; null where that could not be written. */
    manifest?: string | null;
  };
  recordChunkCreated: ChunkPayload & { startTime: string };
  recordChunkError: ChunkPayload & { error: string };
  retentionStep: Sender & {
    folder: string;
    step: "ok" | "deleteExpired" | "deleteOldest" | "stopLowest" | "stopAll";
    freeBytes: number;
    minimumFreeBytes: number;
    configIds: number[];
  };
  segmentCopied: FinalPayload & { copy: string };
  segmentDeleted: FinalPayload & { cause: DeletionCause };
  /** `object` is `s3://bucket/key`. */
  segmentUploaded: FinalPayload & { object: string };
  recordGap: ChunkPayload & { gap: GapData };
  recordWaiting: Sender & RecordingIds & { description: string };
  serverStarted: Sender & { version: string };
  serverStopping: Sender & { version: string };
  /** A stream of that name lives at this node and at `nodes`. */
  streamConflict: Sender & { localStreamName: string; node: string; nodes: string[] };
  timerClosed: Sender & TimerData;
  timerCreated: Sender & TimerData;
  timerTriggered: Sender & TimerData;
  uploadFailed: ChunkPayload & {
    key: string | null;
    code: string;
    reason: string;
    tries: number;
    /** null: it is not tried again. */
    nextTryTime: string | null;
  };
}
export type EventName = keyof EventPayloads;

/** An event of type T; the union of all by default. */
export type ReelEvent<T extends EventName = EventName> = {
  [N in T]: {
    id: number;
    type: N;
    payload: EventPayloads[N];
    processId: number /** Unix seconds. */;
    timestamp: number;
  };
}[T];
