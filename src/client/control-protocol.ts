// The commands in types: parameters and replies as clients see them (ems-record-spec §2). Types only, so that the
// client carries nothing of the server; a test holds them against the command table.

import type { EventName } from "./event-payloads.js";
import type { PullReply, PullSettingsData, RecordingParameters, RecordSettings } from "./record-settings.js";
import type {
  DeletionData,
  DrainData,
  HoldData,
  RuleData,
  SegmentData,
  ServerStatusData,
  TimerData,
  UploadData,
} from "./reply-data.js";
import type { StreamData, WithStatus } from "./stream-data.js";

type Variables = { [name: `_${string}`]: string | number | boolean };
type StreamChoice = { id: number; localStreamName?: never } | { id?: never; localStreamName: string };
type None = Record<string, never>;

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
  drain: { off?: boolean };
  subscribe: { events?: readonly EventName[]; since?: number };
  ping: None;
  version: None;
  help: None;
  quit: None;
}
export type CommandName = keyof CommandParameters;

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
  drain: DrainData | null;
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
  ping: null;
  quit: null;
}
