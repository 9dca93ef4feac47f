// What the server does now, over HTTP: live streams and their recordings, record and pull configs, media volumes. What
// was recorded is the catalogue's (src/playback).

import { originOf } from "../base/credentials.js";
import { jsonReply, type RouteModule } from "../base/routes.js";
import type { PullEntry } from "../control/pull/pull-configs.js";
import { pullSettings } from "../control/replies/config-object.js";
import type { VolumeState, VolumeWatch } from "../metrics/volumes.js";
import { CONFIG_STATE_NAMES } from "../recording/config-states.js";
import type { OutStream } from "../recording/lifecycle/out-stream.js";
import type { ConfigState, RecordEntry } from "../recording/record-config.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { InStream } from "../stream/in-stream.js";
import type { Clock } from "../time/units.js";

export interface StateParts {
  readonly recorder: Pick<RecorderApi, "streams" | "outStreams" | "configs">;
  readonly pulls: () => readonly PullEntry[];
  readonly volumes: readonly VolumeWatch[];
  readonly clock: Clock;
}

export function stateRoutes({ recorder, pulls, volumes, clock }: StateParts): RouteModule {
  return {
    name: "state",
    routes(register) {
      const streams = () => streamObjects(recorder.streams.list(), recorder.outStreams(), clock);
      register("GET", "/api/streams", () => jsonReply(200, { streams: streams() }), {
        summary: "Live streams with their tracks, and the recordings of each with its lag and the file that grows.",
        answers: { 200: '`{"streams":[…]}`' },
      });
      const configs = () => [...recorder.configs().map(recordObject), ...pulls().map(pullObject)];
      register("GET", "/api/configs", () => jsonReply(200, { configs: configs() }), {
        summary: "Record and pull configs with their states. Of URIs there are scheme, host and port.",
        answers: { 200: '`{"configs":[…]}`; `kind` is record or pull' },
      });
      const states = async () => (await Promise.all(volumes.map((volume) => volume.state()))).map(volumeObject);
      register("GET", "/api/volumes", async () => jsonReply(200, { volumes: await states() }), {
        summary:
          "Media folders: bytes free, how fast they go, seconds until nothing is free (null: it does not fill up).",
        answers: { 200: '`{"volumes":[…]}`; `answers` is false where a volume hangs' },
      });
    },
  };
}

function streamObjects(streams: readonly InStream[], outs: readonly OutStream[], clock: Clock): unknown[] {
  const byStream = new Map<string, OutStream[]>();
  for (const out of outs) {
    const own = byStream.get(out.config.localStreamName);
    if (own) own.push(out);
    else byStream.set(out.config.localStreamName, [out]);
  }
  const nowMs = clock.monotonicMs();
  return streams.map((stream) => ({
    name: stream.name,
    id: stream.id,
    source: { type: stream.source.type, address: stream.source.farIp },
    since: new Date(stream.createdMs).toISOString(),
    upTimeMs: Math.round(nowMs - stream.createdMonotonicMs),
    lastFrameAgeMs: Math.max(0, Math.round(nowMs - stream.lastFrameMs)),
    keyframeIntervalMs: Number.isNaN(stream.randomAccessInterval90k) ? null : stream.randomAccessInterval90k / 90,
    tracks: stream.tracks.map((track) => trackObject(stream, track.number)),
    notRecorded: stream.unrecorded,
    recordings: (byStream.get(stream.name) ?? []).map(outObject),
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

function outObject({ id, config, currentPath, lagMs }: OutStream) {
  return { outStreamId: id, configId: config.configId, type: config.type, file: currentPath ?? null, lagMs };
}

function recordObject({ config, computedPathToFile, status }: RecordEntry) {
  return { kind: "record", ...stateObject(status.current), ...config, computedPathToFile };
}

/** Viewers read it: of every URI there is no more than where it leads, and user variables are the owner's. */
function pullObject({ settings, status }: PullEntry) {
  const shown = Object.entries(pullSettings({ ...settings, variables: {} }));
  const origins = shown.map(([key, value]) => [key, typeof value === "string" ? originOf(value) : value]);
  return { kind: "pull", ...stateObject(status.current), ...Object.fromEntries(origins) };
}

function stateObject({ code, timestamp, unrecorded }: ConfigState) {
  return {
    state: CONFIG_STATE_NAMES[code],
    since: new Date(timestamp * 1000).toISOString(),
    ...(unrecorded && { notRecorded: unrecorded }),
  };
}

function volumeObject({ fullInSeconds, fillBytesPerSecond, ...state }: VolumeState) {
  return {
    ...state,
    fillBytesPerSecond: Math.round(fillBytesPerSecond),
    fullInSeconds: Number.isFinite(fullInSeconds) ? Math.round(fullInSeconds) : null,
  };
}
