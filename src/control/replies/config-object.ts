// Record and pull configs as replies and events show them (ems-record-spec §2.0–2.6).

import { maskProxy, maskUri } from "../../base/credentials.js";
import { CONTAINERS } from "../../container/table.js";
import type { ConfigState, RecordConfig, RecordEntry } from "../../recording/record-config.js";
import { DEFAULT_PRIORITY } from "../../recording/retention-rule.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { PullEntry } from "../pull/pull-configs.js";
import type { PullSettings } from "../pull/pull-port.js";
import { Prepared, type ValueObject } from "./reply.js";

export const OPERATION_NONE = 0;
export const OPERATION_PULL = 1;
export const OPERATION_RECORD = 7;

export const RECORD_STATUS_TEXTS = [
  "Streaming",
  "Connecting",
  "Waiting for stream",
  "Connected",
  "Disconnected",
  "Connection failed",
] as const;

/** Tracks of a stream that are not recorded; the key is there only where there are such. */
export function unrecordedObject(tracks: readonly UnrecordedTrack[] | undefined): ValueObject[] | undefined {
  return tracks && tracks.length > 0 ? tracks.map(({ kind, codec }) => ({ codec, track: kind })) : undefined;
}

function stateObject(state: ConfigState): ValueObject {
  return {
    code: state.code,
    description: RECORD_STATUS_TEXTS[state.code],
    timestamp: state.timestamp,
    unrecorded: unrecordedObject(state.unrecorded),
    uniqueStreamId: state.uniqueStreamId,
  };
}

function statusObject(status: { current: ConfigState; previous: ConfigState | null }): ValueObject {
  return { current: stateObject(status.current), previous: status.previous ? stateObject(status.previous) : null };
}

/** The fields of record's reply, in the order in which they are printed, so that nobody sorts them. */
export function recordSettings(
  config: RecordConfig,
  computedPathToFile: string,
  mp4BinPath: string,
  status?: ValueObject,
): ValueObject {
  const settings = {
    alignTo: config.alignTo || undefined,
    chunkLength: config.chunkLength,
    computedPathToFile,
    configId: config.configId,
    copyTo: config.copyTo,
    dateFolderStructure: config.dateFolderStructure,
    durability: config.durability,
    duration: config.duration || undefined,
    from: typeof config.from === "number" ? -config.from : config.from,
    hasAudio: config.hasAudio,
    keepAlive: config.keepAlive,
    localStreamName: config.localStreamName,
    manifest: config.manifest,
    maxBytes: config.maxBytes || undefined,
    // The program that finishes a journal by hand.
    mp4BinPath: CONTAINERS[config.type].journal ? mp4BinPath : undefined,
    operationType: OPERATION_RECORD,
    overwrite: config.overwrite,
    pathToFile: config.pathToFile,
    preset: config.preset,
    priority: config.priority === DEFAULT_PRIORITY ? undefined : config.priority,
    retainBytes: config.retain.bytes,
    retainFor: config.retain.scope,
    retainFreeBytes: config.retain.freeBytes,
    retainFreePercent: config.retain.freePercent,
    retainSeconds: config.retain.seconds,
    retainSegments: config.retain.segments,
    ruleId: config.ruleId,
    schedule: config.schedule || undefined,
    status,
    type: config.type,
    upload: config.upload,
    waitForIDR: config.waitForIDR,
    winQtCompat: config.winQtCompat,
    zone: config.zone,
  };
  // Object.assign would set the prototype for a variable named `__proto__`.
  return { ...config.variables, ...settings };
}

interface Shown {
  readonly status: RecordEntry["status"];
  readonly computedPathToFile: string;
  readonly value: Prepared;
}

/** Web UIs ask for listConfig every second or two, and most configs stay as they are for hours. */
const lastShown = new WeakMap<RecordConfig, Shown>();

/** A config with its state. */
export function recordEntryObject({ config, computedPathToFile, status }: RecordEntry, mp4BinPath: string): Prepared {
  const last = lastShown.get(config);
  // A status is replaced, never changed.
  if (last?.status === status && last.computedPathToFile === computedPathToFile) return last.value;
  const value = new Prepared(recordSettings(config, computedPathToFile, mp4BinPath, statusObject(status)));
  lastShown.set(config, { status, computedPathToFile, value });
  return value;
}

/** With the plain `uri`. Passwords are masked in every URL. */
export function pullSettings(settings: PullSettings): ValueObject {
  const { variables, httpProxy, ...rest } = settings;
  const masked = Object.entries(rest).map(([key, value]) => [key, typeof value === "string" ? maskUri(value) : value]);
  return {
    ...variables,
    ...(Object.fromEntries(masked) as ValueObject),
    httpProxy: maskProxy(httpProxy),
    operationType: OPERATION_PULL,
  };
}

export function pullEntryObject(entry: PullEntry): ValueObject {
  const { settings, status, attempts, lastError } = entry;
  return { ...pullSettings(settings), attempts, lastError, status: statusObject(status) };
}
