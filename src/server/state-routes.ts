// What the server does now, over HTTP: live streams and their recordings, record and pull configs, media volumes. What
// was recorded is the catalogue's (src/playback).

import { originOf } from "../base/credentials.js";
import { jsonReply, type RouteModule, type RouteRequest } from "../base/routes.js";
import type { PullEntry } from "../control/pull/pull-configs.js";
import { pullSettings } from "../control/replies/config-object.js";
import { retryDelayMs } from "../ingest/retry.js";
import type { VolumeState, VolumeWatch } from "../metrics/volumes.js";
import { CONFIG_STATE_NAMES } from "../recording/config-states.js";
import type { OutStream } from "../recording/lifecycle/out-stream.js";
import type { ConfigState, RecordEntry } from "../recording/record-config.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { InStream } from "../stream/in-stream.js";
import type { Clock } from "../time/units.js";

export interface StateParts {
  readonly recorder: Pick<RecorderApi, "streams" | "outStreams" | "configs" | "lossesOf">;
  readonly pulls: () => readonly PullEntry[];
  readonly volumes: readonly VolumeWatch[];
  /** Until a volume has no more free than retention keeps; undefined where it does not fill up. */
  readonly hoursLeft: (folder: string) => number | undefined;
  /** Where a stream's preview is; undefined where it has none. */
  readonly previewOf: (stream: string) => string | undefined;
  /** Other nodes of the group that have a stream of that name. */
  readonly conflictsOf: (stream: string) => readonly string[];
  readonly clock: Clock;
}

export function stateRoutes(parts: StateParts): RouteModule {
  const { recorder, pulls, volumes, hoursLeft } = parts;
  return {
    name: "state",
    routes(register) {
      const streams = () => streamObjects(parts);
      register("GET", "/api/streams", () => jsonReply(200, { streams: streams() }), {
        summary:
          "Live streams with their tracks, what is kept of their past, and the recordings of each: the file that grows, lag, losses by cause. `preview`: the WebSocket of its live pictures, MPEG-1 in MPEG-TS; null where `preview` of reel.json is off, or it is not pulled over RTSP. `conflict`: in a group, other nodes that have a stream of the name.",
        answers: { 200: '`{"streams":[…]}`' },
        isOfGroup: true,
      });
      const configs = (role: RouteRequest["role"]) => [
        ...recorder.configs().map(recordObject),
        ...pulls().map((entry) => pullObject(entry, role)),
      ];
      register("GET", "/api/configs", ({ role }) => jsonReply(200, { configs: configs(role) }), {
        summary: "Record and pull configs with their states. Of URIs there are scheme, host and port.",
        isOfGroup: true,
        answers: {
          200: '`{"configs":[…]}`; `kind` is record or pull. A pull that failed has `attempts`, `nextTryMs` (the longest wait) and, for the owner, `lastError`',
        },
      });
      const states = async () =>
        (await Promise.all(volumes.map((volume) => volume.state()))).map((state) =>
          volumeObject(state, hoursLeft(state.folder)),
        );
      register("GET", "/api/volumes", async () => jsonReply(200, { volumes: await states() }), {
        summary:
          "Media folders: bytes free, how fast they go, seconds until nothing is free, hours until no more is free than retention keeps (null: it does not fill up).",
        isOfGroup: true,
        answers: { 200: '`{"volumes":[…]}`; `answers` is false where a volume hangs' },
      });
    },
  };
}

function streamObjects({ recorder, previewOf, conflictsOf, clock }: StateParts): unknown[] {
  const byStream = new Map<string, OutStream[]>();
  for (const out of recorder.outStreams()) {
    const own = byStream.get(out.config.localStreamName);
    if (own) own.push(out);
    else byStream.set(out.config.localStreamName, [out]);
  }
  const nowMs = clock.monotonicMs();
  return recorder.streams.list().map((stream) => ({
    name: stream.name,
    id: stream.id,
    source: { type: stream.source.type, address: stream.source.farIp },
    since: new Date(stream.createdMs).toISOString(),
    upTimeMs: Math.round(nowMs - stream.createdMonotonicMs),
    lastFrameAgeMs: Math.max(0, Math.round(nowMs - stream.lastFrameMs)),
    keyframeIntervalMs: Number.isNaN(stream.randomAccessInterval90k) ? null : stream.randomAccessInterval90k / 90,
    tracks: stream.tracks.map((track) => trackObject(stream, track.number)),
    notRecorded: stream.unrecorded,
    preRecord: stream.past ?? null,
    preview: previewOf(stream.name) ?? null,
    conflict: conflictsOf(stream.name),
    recordings: (byStream.get(stream.name) ?? []).map((out) => outObject(out, recorder)),
  }));
}

function trackObject(stream: InStream, number: number) {
  const track = stream.tracks[number];
  const { width = null, height = null } = stream.config(number)?.video ?? {};
  return {
    ...{ track: number, kind: track?.kind, codec: track?.codec ?? null, language: track?.language ?? null },
    ...{ label: track?.label ?? null, width, height },
    ...stream.statistics[number],
  };
}

function outObject(out: OutStream, recorder: StateParts["recorder"]) {
  const { id, config, createdMs, currentPath, isStopped, lagMs } = out;
  const kinds = [out.tracksOf("video"), out.tracksOf("audio")];
  const sum = (key: "frames" | "bytes" | "droppedFrames" | "droppedBytes") =>
    kinds.reduce((total, kind) => total + kind[key], 0);
  const losses = [...recorder.lossesOf(id)].map(([cause, { gaps, frames, bytes, seconds }]) => ({
    ...{ cause, gaps, frames, bytes },
    durationMs: Math.round(seconds * 1000),
  }));
  return {
    ...{ outStreamId: id, configId: config.configId, type: config.type, file: currentPath ?? null, lagMs },
    since: new Date(createdMs).toISOString(),
    isStopped,
    ...{ frames: sum("frames"), bytes: sum("bytes") },
    ...{ lostFrames: sum("droppedFrames"), lostBytes: sum("droppedBytes"), losses },
  };
}

function recordObject({ config, computedPathToFile, status }: RecordEntry) {
  return { kind: "record", ...stateObject(status.current), ...config, computedPathToFile };
}

/** Viewers read it: of every URI there is no more than where it leads. User variables of pulls are the owner's. */
function pullObject({ settings, status, attempts, denials, lastError }: PullEntry, role: RouteRequest["role"]) {
  const shown = Object.entries(pullSettings({ ...settings, variables: {} }));
  const origins = shown.map(([key, value]) => [key, typeof value === "string" ? originOf(value) : value]);
  // A reason may name the path of a source.
  const trouble = attempts > 0 && {
    ...{ attempts, lastError: role === "owner" ? lastError : null },
    // The longest wait, as its jitter is drawn when it begins.
    ...(settings.keepAlive && { nextTryMs: Math.round(retryDelayMs(attempts, denials, 1)) }),
  };
  return { kind: "pull", ...stateObject(status.current), ...Object.fromEntries(origins), ...trouble };
}

function stateObject({ code, timestamp, unrecorded }: ConfigState) {
  return {
    state: CONFIG_STATE_NAMES[code],
    since: new Date(timestamp * 1000).toISOString(),
    ...(unrecorded && { notRecorded: unrecorded }),
  };
}

function volumeObject({ fullInSeconds, fillBytesPerSecond, ...state }: VolumeState, hoursLeft: number | undefined) {
  return {
    ...state,
    fillBytesPerSecond: Math.round(fillBytesPerSecond),
    fullInSeconds: Number.isFinite(fullInSeconds) ? Math.round(fullInSeconds) : null,
    hoursLeft: hoursLeft === undefined ? null : Math.round(hoursLeft * 10) / 10,
  };
}
