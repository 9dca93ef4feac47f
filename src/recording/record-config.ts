// A record config: one stored `record` command (ems-record-spec §2.1), and where it stands.

import type { SegmentOrigin } from "../container/segment-origin.js";
import type { ContainerName } from "../container/table.js";
import type { From } from "../stream/past.js";
import type { UnrecordedTrack } from "../stream/unrecorded-track.js";
import type { RetentionRule } from "./retention-rule.js";

export type Durability = "none" | "close" | "interval";

/** What a caller of `record` may say. Everything but the first two has a default. */
export interface RecordOptions {
  localStreamName: string;
  pathToFile: string;
  /** pathToFile has fields (naming/path-template.ts). Default: where it has what could be one. */
  template?: boolean;
  /** Whose local time a template has, as `Europe/Berlin`. Default: that of the process. */
  zone?: string | undefined;
  type?: ContainerName;
  overwrite?: boolean;
  keepAlive?: boolean;
  /** Seconds per segment; 0 = one file. */
  chunkLength?: number;
  /** Seconds, a part of a day: cuts where the local clock of `zone` passes a multiple; 0 = not. */
  alignTo?: number;
  /** A file ends at the first random access point behind so many bytes of media; 0 = no such bound. */
  maxBytes?: number;
  /** Seconds from the command, after which the config is gone; 0 = it stays. */
  duration?: number;
  /** When it records (clock/schedule.ts); "" = always. */
  schedule?: string;
  waitForIDR?: boolean;
  winQtCompat?: boolean;
  dateFolderStructure?: boolean;
  hasAudio?: boolean;
  preset?: number;
  /** Default: the server's. */
  durability?: Durability;
  /** The first recording begins so many seconds before the command, or at the newest random access point. */
  from?: From | undefined;
  /** What is kept of its files; the server's default where it bounds nothing. */
  retain?: RetentionRule;
  /** From 0 to 100: the lowest is stopped first where a volume fills up. */
  priority?: number;
  /** A second media folder, which gets a copy of each finished file. */
  copyTo?: string | undefined;
  /** Its finished files have manifests; the server's default where it does not say. */
  manifest?: boolean | undefined;
  /** Its finished files are uploaded; the server's default where it does not say. */
  upload?: boolean | undefined;
  /** User variables, names with their leading `_`. */
  variables?: Readonly<Record<string, string>>;
}

export interface RecordConfig
  extends Required<Omit<RecordOptions, "durability" | "from" | "zone" | "upload" | "copyTo" | "manifest">> {
  configId: number;
  /** The rule that made it, and takes it away again. */
  ruleId?: number;
  zone: string | undefined;
  durability: Durability | undefined;
  from: From | undefined;
  upload: boolean | undefined;
  copyTo: string | undefined;
  manifest: true | undefined;
}

/** Its run is files of one name with `_partNNNN`. */
export function isChunked({ chunkLength, alignTo, maxBytes }: Chunking): boolean {
  return chunkLength > 0 || (alignTo ?? 0) > 0 || (maxBytes ?? 0) > 0;
}
type Chunking = Pick<RecordConfig, "chunkLength"> & Partial<Pick<RecordConfig, "alignTo" | "maxBytes">>;

/** How long a file gets at most; 0 = not known. */
export function segmentSeconds({ chunkLength, alignTo }: RecordConfig): number {
  const lengths = [chunkLength, alignTo].filter((seconds) => seconds > 0);
  return lengths.length > 0 ? Math.min(...lengths) : 0;
}

/** What segments of a config's run carry; without a run, `outStreamId` is 0. */
export function originOf(config: RecordConfig, outStreamId: number): SegmentOrigin {
  const { localStreamName, configId, ruleId, variables, upload, manifest, copyTo, overwrite, retain } = config;
  const origin = { localStreamName, configId, outStreamId, variables };
  const wishes = {
    ...(upload !== undefined && { upload }),
    ...(copyTo !== undefined && { copyTo: { folder: copyTo, overwrite } }),
    ...(manifest && { manifest }),
    ...(Object.keys(retain).length > 0 && { retain: { bounds: { ...retain }, ...(ruleId && { ruleId }) } }),
  };
  return Object.keys(wishes).length > 0 ? { ...origin, wishes } : origin;
}

/** Codes of ems-record-spec §2.0. */
export const CONFIG_STREAMING = 0;
export const CONFIG_CONNECTING = 1;
export const CONFIG_WAITING = 2;
/** A pull config's alone: a record config whose stream is there streams. */
export const CONFIG_CONNECTED = 3;
export const CONFIG_DISCONNECTED = 4;
export const CONFIG_FAILED = 5;
export type ConfigStatusCode = 0 | 1 | 2 | 3 | 4 | 5;

export interface ConfigState {
  code: ConfigStatusCode;
  /** Unix seconds. */
  timestamp: number;
  /** 0 unless streaming. */
  uniqueStreamId: number;
  /** What of the stream is not recorded, where there is such a track. */
  unrecorded?: readonly UnrecordedTrack[];
}

/** A record config with its present state. */
export interface RecordEntry {
  readonly config: RecordConfig;
  /** The base file that this run writes, without `_partNNNN`; relative where pathToFile is. */
  computedPathToFile: string;
  status: { current: ConfigState; previous: ConfigState | null };
}
