// The interface in types: parameters, replies and events as a client sees them (ems-record-spec §2, §6). Types only, so
// that the client carries nothing of the server; a test holds them against the command table.

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

/** Names beginning with `_`. */
export type UserVariables = { [name: `_${string}`]: string };

export interface RecordSettings extends UserVariables {
  chunkLength: number;
  computedPathToFile: string;
  configId: number;
  copyTo?: string;
  dateFolderStructure: boolean;
  durability?: "none" | "close" | "interval";
  /** Seconds below zero; missing where it begins with the command. */
  from?: number | "lastRandomAccessPoint";
  hasAudio: boolean;
  keepAlive: boolean;
  localStreamName: string;
  manifest?: boolean;
  mp4BinPath?: string;
  operationType: number;
  overwrite: boolean;
  pathToFile: string;
  preset: number;
  /** Missing where it is the default. */
  priority?: number;
  /** What is kept of its files; missing where the server's default says it. */
  retainBytes?: number;
  retainFor?: "config" | "stream" | "rule";
  retainFreeBytes?: number;
  retainFreePercent?: number;
  retainSeconds?: number;
  retainSegments?: number;
  /** The rule that made it. */
  ruleId?: number;
  type: "mp4" | "ts" | "flv";
  /** Missing where the server's default says it. */
  upload?: boolean;
  waitForIDR: boolean;
  winQtCompat: boolean;
  zone?: string;
  alignTo?: number;
  maxBytes?: number;
  duration?: number;
  schedule?: string;
}

export interface PullSettingsData extends UserVariables {
  configId: number;
  localStreamName: string;
  keepAlive: boolean;
  forceTcp: boolean;
  operationType: number;
  /** Password masked. */
  uri: string;
}

/** pullStream's own reply has the URI in parts. */
export type PullReply = Omit<PullSettingsData, "uri"> & { uri: Record<string, unknown> };

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

export interface TimerData extends UserVariables {
  timerId: number;
  triggerCount: number;
  value: number | string;
}

type Variables = { [name: `_${string}`]: string | number | boolean };
type StreamChoice = { id: number; localStreamName?: never } | { id?: never; localStreamName: string };
type None = Record<string, never>;

/** How something is recorded. */
export interface RecordingParameters {
  pathToFile: string;
  type?: "mp4" | "ts" | "flv";
  overwrite?: boolean;
  chunkLength?: number;
  waitForIDR?: boolean;
  winQtCompat?: boolean;
  dateFolderStructure?: boolean;
  hasAudio?: boolean;
  preset?: number;
  durability?: "default" | "none" | "close" | "interval";
  from?: number | "lastRandomAccessPoint";
  retainSeconds?: number;
  retainBytes?: number;
  retainFor?: "config" | "stream" | "rule";
  retainSegments?: number;
  retainFreeBytes?: number;
  retainFreePercent?: number;
  copyTo?: string;
  manifest?: boolean;
  upload?: boolean;
  priority?: number;
  zone?: string;
  alignTo?: number;
  maxBytes?: number;
  duration?: number;
  schedule?: string;
}

export interface CommandParameters {
  record: Variables & RecordingParameters & { localStreamName: string; keepAlive?: boolean };
  recordRule: Variables & RecordingParameters & { pattern: string; also?: boolean };
  removeRule: { ruleId: number };
  cut: StreamChoice;
  listRules: None;
  pullStream: Variables & { uri: string; localStreamName?: string; keepAlive?: boolean; forceTcp?: boolean } & {
    [parameter: string]: string | number | boolean | undefined;
  };
  shutdownStream: StreamChoice & { permanently?: boolean };
  removeConfig: { id: number } | { groupName: string };
  listConfig: None;
  getConfigInfo: { id: number };
  listStreams: { disableInternalStreams?: boolean };
  listStreamsIds: None;
  getStreamInfo: StreamChoice;
  getStreamsCount: None;
  getInboundStreamsCount: None;
  isStreamRunning: StreamChoice;
  listInboundStreams: None;
  listInboundStreamNames: None;
  setTimer: Variables & { value: number | string };
  listTimers: None;
  removeTimer: { id: number };
  listStorage: None;
  addStreamAlias: { localStreamName: string; aliasName: string };
  getLicenseId: None;
  serverStatus: Record<string, never>;
  listSegments: {
    localStreamName?: string;
    from?: string | number;
    to?: string | number;
    limit?: number;
    cursor?: string;
  };
  hold: { reason: string; from?: string | number; to?: string | number } & (
    | { sequence: number; localStreamName?: never }
    | { sequence?: never; localStreamName: string }
  );
  release: { holdId: number };
  listHolds: None;
  retention: { dryRun?: boolean };
  upload: { dryRun?: boolean };
  subscribe: { events?: readonly EventName[]; since?: number };
  version: None;
  help: None;
  quit: None;
}
export type CommandName = keyof CommandParameters;

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

export interface CommandData {
  /** `hoursLeft`: until the volume has no more free than retention keeps; null where it does not fill up. */
  record: RecordSettings & { hoursLeft?: number | null };
  pullStream: PullReply;
  shutdownStream: { protocolStackInfo: Record<string, unknown>; streamInfo: Partial<StreamData> & { name: string } };
  removeConfig: RecordSettings | PullSettingsData | null;
  listConfig: { pull: (PullSettingsData & WithStatus)[]; record: (RecordSettings & WithStatus)[] };
  getConfigInfo: (RecordSettings | PullSettingsData) & WithStatus;
  listStreams: StreamData[] | null;
  listStreamsIds: number[] | null;
  getStreamInfo: StreamData;
  getStreamsCount: { streamCount: number };
  getInboundStreamsCount: { inboundStreamsCount: number };
  isStreamRunning: { Running: boolean };
  listInboundStreams: StreamData[] | null;
  listInboundStreamNames: { name: string }[] | null;
  setTimer: TimerData;
  listTimers: TimerData[] | null;
  removeTimer: TimerData;
  listStorage: { description: string; mediaFolder: string; name: string }[];
  addStreamAlias: null;
  getLicenseId: { licenseId: string };
  serverStatus: ServerStatusData;
  listSegments: { cursor: string | null; isComplete: boolean; segments: SegmentData[] | null };
  /** `failures`: live streams that it could not begin to record. */
  recordRule: RuleData & { failures: { error: string; localStreamName: string }[] | null };
  removeRule: RuleData;
  cut: { configId: number; localStreamName: string; outStreamId: number }[];
  listRules: RuleData[] | null;
  hold: HoldData;
  release: HoldData;
  listHolds: HoldData[] | null;
  retention: { deletions: DeletionData[] | null; isComplete: boolean };
  upload: { isComplete: boolean; uploads: UploadData[] | null };
  subscribe: { events: EventName[]; since: number };
  version: Record<
    "banner" | "branchName" | "buildDate" | "buildNumber" | "codeName" | "hash" | "releaseNumber",
    string
  >;
  help: {
    command: string;
    deprecated: boolean;
    description: string;
    parameters: { name: string; defaultValue: string | null; description: string; mandatory: boolean }[];
  }[];
  quit: null;
}

export interface ReplyMessage<D = unknown> {
  data: D;
  description: string;
  status: "SUCCESS" | "FAIL";
  responseId?: string;
}

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
