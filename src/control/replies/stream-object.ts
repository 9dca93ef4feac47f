// Stream objects, as list replies, shutdownStream and stream events show them (ems-record-spec §2.0).

import { maskUri } from "../../base/credentials.js";
import type { ContainerName } from "../../container/table.js";
import type { CodecName, TrackKind } from "../../media/codec/codec-entry.js";
import { CODECS } from "../../media/codec/table.js";
import type { OutStream } from "../../recording/lifecycle/out-stream.js";
import type { InStream } from "../../stream/in-stream.js";
import type { PacketReception } from "../../stream/packet-reception.js";
import type { KeptPast } from "../../stream/past.js";
import type { TrackStatistics } from "../../stream/stream-counters.js";
import type { Clock } from "../../time/units.js";
import type { ControlView } from "../control-view.js";
import {
  OPERATION_NONE,
  OPERATION_PULL,
  OPERATION_RECORD,
  pullSettings,
  recordSettings,
  unrecordedObject,
} from "./config-object.js";
import { Decimal, type ValueObject } from "./reply.js";

const APP_NAME = "evostreamms";
const OUT_TAGS = { mp4: "OFMP4", ts: "OFTS", flv: "OFRFLV" } as const satisfies Record<ContainerName, string>;
/** A mean bit rate over a shorter time says nothing. */
const BANDWIDTH_AFTER_MS = 1000;

/** The keys that human-readable replies show (ems-record-spec §5). */
export const STREAM_KEYS = [
  "audio",
  "bytesCount",
  "codec",
  "farIp",
  "inStreamUniqueId",
  "name",
  "nearIp",
  "outStreamsUniqueIds",
  "processId",
  "processType",
  "type",
  "uniqueId",
  "video",
] as const;

/** A tag's ASCII bytes, left-aligned in a big-endian 64-bit integer. */
export function tagNumber(tag: string): bigint {
  let number = 0n;
  for (let at = 0; at < 8; at++) number = (number << 8n) | BigInt(at < tag.length ? tag.charCodeAt(at) & 0xff : 0);
  return number;
}

interface TrackView {
  frames: number;
  bytes: number;
  droppedFrames: number;
  droppedBytes: number;
  codec: CodecName | undefined;
}

function trackObject(track: TrackView | undefined, unknownTag: string): ValueObject {
  const codec = track?.codec ? CODECS[track.codec].emsTag : unknownTag;
  return {
    bytesCount: track?.bytes ?? 0,
    codec,
    codecNumeric: tagNumber(codec),
    droppedBytesCount: track?.droppedBytes ?? 0,
    droppedPacketsCount: track?.droppedFrames ?? 0,
    packetsCount: track?.frames ?? 0,
  };
}

function common(
  name: string,
  tag: string,
  id: number,
  { createdMs, createdMonotonicMs }: Pick<InStream, "createdMs" | "createdMonotonicMs">,
  clock: Clock,
): ValueObject {
  return {
    appName: APP_NAME,
    creationTimestamp: new Decimal(createdMs),
    name,
    processId: process.pid,
    processType: "origin",
    queryTimestamp: new Decimal(clock.wallMs()),
    type: tag,
    typeNumeric: tagNumber(tag),
    uniqueId: id,
    upTime: new Decimal(clock.monotonicMs() - createdMonotonicMs),
  };
}

/** Codecs and picture of an in-stream, kept for a stream that has ended and freed its own. */
export interface InStreamCodecs {
  audio: CodecName | undefined;
  video: CodecName | undefined;
  width: number;
  height: number;
  profile: number;
  level: number;
}

export function codecsOf(stream: InStream): InStreamCodecs {
  const first = (kind: TrackKind) => stream.tracks.find((track) => track.kind === kind && stream.config(track.number));
  const video = stream.config(first("video")?.number ?? -1);
  const { width = 0, height = 0, profile = 0, level = 0 } = video?.video ?? {};
  return { audio: first("audio")?.codec, video: video?.codec, width, height, profile, level };
}

/** Sums all tracks of a kind, because the control interface knows one of each. */
function statisticsOf(stream: InStream, kind: TrackKind): TrackStatistics {
  const sum = { frames: 0, bytes: 0, droppedFrames: 0, droppedBytes: 0 };
  for (const track of stream.tracks) {
    const own = stream.statistics[track.number];
    if (track.kind !== kind || !own) continue;
    sum.frames += own.frames;
    sum.bytes += own.bytes;
    sum.droppedFrames += own.droppedFrames;
    sum.droppedBytes += own.droppedBytes;
  }
  return sum;
}

/**
 * Every track of the stream, by number, once it has some; the control interface's own `audio` and `video` know one of
 * each.
 */
function tracksObject(stream: InStream): ValueObject[] | undefined {
  if (stream.tracks.length === 0) return undefined;
  return stream.tracks.map(({ number, kind, codec, language, label }) => ({
    bytesCount: stream.statistics[number]?.bytes ?? 0,
    codec: codec ? CODECS[codec].title : null,
    kind,
    label: label ?? null,
    language: language ?? null,
    packetsCount: stream.statistics[number]?.frames ?? 0,
    track: number,
  }));
}

/** Whether packets are lost, and how evenly they come. */
function receptionObject({ transport, why, media }: PacketReception): ValueObject {
  return {
    media: media.map((medium) => ({
      duplicatesCount: medium.duplicates,
      jitterMs: new Decimal(Math.round(medium.jitterMs * 10) / 10),
      kind: medium.kind,
      lateCount: medium.latePackets,
      lostCount: medium.lostPackets,
      packetsCount: medium.packets,
      reorderedCount: medium.reorderedPackets,
    })),
    transport,
    why: why ?? null,
  };
}

/** What is kept for a recording that begins in the past. */
function pastObject(past: KeptPast | undefined): ValueObject | undefined {
  return past && { ...past, keptSeconds: new Decimal(Math.round(past.keptSeconds * 10) / 10) };
}

function mean(bytes: number, upTimeMs: number): number {
  return upTimeMs < BANDWIDTH_AFTER_MS ? 0 : Math.round((bytes * 8) / upTimeMs);
}

export function inStreamObject(
  stream: InStream,
  view: ControlView,
  codecs: InStreamCodecs = codecsOf(stream),
): ValueObject {
  const audio = statisticsOf(stream, "audio");
  const video = statisticsOf(stream, "video");
  const outStreams = view.recorder.outStreamsOf(stream.id).map((out) => out.id);
  const pull = view.pulls.ofStream(stream);
  const { source } = stream;
  return {
    ...common(stream.name, source.type, stream.id, stream, view.clock),
    audio: trackObject({ ...audio, codec: codecs.audio }, "AUNK"),
    conflict: conflictOf(stream, view),
    bandwidth: mean(audio.bytes + video.bytes, view.clock.monotonicMs() - stream.createdMonotonicMs),
    connectionType: pull ? OPERATION_PULL : OPERATION_NONE,
    farIp: source.farIp,
    farPort: source.farPort,
    ip: source.ip,
    nearIp: source.nearIp,
    nearPort: source.nearPort,
    outStreamsUniqueIds: outStreams.length > 0 ? outStreams : null,
    pageUrl: maskUrl(source.pageUrl),
    port: source.port,
    preRecord: pastObject(stream.past),
    pullSettings: pull && pullSettings(pull.settings),
    reader: source.reader,
    rtp: stream.reception && receptionObject(stream.reception()),
    serverAgent: "",
    swfUrl: maskUrl(source.swfUrl),
    tcUrl: maskUrl(source.tcUrl),
    tracks: tracksObject(stream),
    unrecorded: unrecordedObject(stream.unrecorded),
    userAgent: source.userAgent ?? "",
    video: {
      ...trackObject({ ...video, codec: codecs.video }, "VUNK"),
      height: codecs.height,
      level: codecs.level,
      profile: codecs.profile,
      width: codecs.width,
    },
  };
}

/** Other nodes of the group that have a stream of its name; undefined where none has. */
function conflictOf({ name }: InStream, { group }: ControlView): string[] | undefined {
  const nodes = group?.conflictsOf(name) ?? [];
  return nodes.length > 0 ? [...nodes] : undefined;
}

/** Leaves out the query of a URL, because publishers put keys there, and masks passwords. */
function maskUrl(url: string | undefined): string {
  return maskUri((url ?? "").replace(/\?.*$/s, ""));
}

export function outStreamObject(out: OutStream, view: ControlView): ValueObject {
  const audio = out.tracksOf("audio");
  const video = out.tracksOf("video");
  return {
    ...common(out.config.localStreamName, OUT_TAGS[out.config.type], out.id, out, view.clock),
    audio: trackObject(audio, "AUNK"),
    bandwidth: 0,
    connectionType: OPERATION_RECORD,
    farIp: "",
    farPort: 0,
    inStreamUniqueId: out.inStreamId ?? null,
    ip: "",
    nearIp: "",
    nearPort: 0,
    port: 0,
    recordSettings: recordSettings(out.config, out.computedPathToFile, view.mp4BinPath),
    video: {
      ...trackObject(video, "VUNK"),
      height: video.height,
      level: video.level,
      profile: video.profile,
      width: video.width,
    },
  };
}
