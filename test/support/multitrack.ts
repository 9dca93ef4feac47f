// Multitrack messages of Enhanced RTMP v2 as no program here sends them: several tracks in one message, ManyTracks and
// ManyTracksManyCodecs. Their parts are taken from an FLV file of FFmpeg 8, which writes one track a tag.

import { readFileSync } from "node:fs";

const TAG_AUDIO = 8;
const TAG_VIDEO = 9;
const VIDEO_MULTITRACK = 6;
const AUDIO_MULTITRACK = 5;
const SEQUENCE_START = 0;
export const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;
const MANY_TRACKS = 1;
const MANY_TRACKS_MANY_CODECS = 2;

/** What an extended header of one track says, and the data behind it. */
export interface TrackMessage {
  kind: "video" | "audio";
  trackId: number;
  timeMs: number;
  fourCc: string;
  /** SequenceStart or CodedFrames. */
  packetType: number;
  isKey: boolean;
  /** Of video that has one: composition time and access unit. */
  data: Buffer;
}

/** The sequence starts and frames of a file by FFmpeg 8, of every track. */
export function readTrackMessages(path: string): TrackMessage[] {
  const flv = readFileSync(path);
  const messages: TrackMessage[] = [];
  for (let at = 13; at + 11 <= flv.byteLength; at += 15 + flv.readUIntBE(at + 1, 3)) {
    const body = flv.subarray(at + 11, at + 11 + flv.readUIntBE(at + 1, 3));
    const timeMs = flv.readUIntBE(at + 4, 3) + (flv[at + 7] ?? 0) * 2 ** 24;
    const read = flv[at] === TAG_VIDEO ? readVideo(body) : flv[at] === TAG_AUDIO ? readAudio(body) : undefined;
    if (read) messages.push({ ...read, timeMs });
  }
  return messages.filter(({ packetType }) => packetType === SEQUENCE_START || packetType === CODED_FRAMES);
}

type Untimed = Omit<TrackMessage, "timeMs">;

function readVideo(body: Buffer): Untimed | undefined {
  const [first = 0] = body;
  const isKey = ((first >> 4) & 7) === 1;
  if ((first & 0x80) !== 0) return readExtended("video", isKey, first & 15, VIDEO_MULTITRACK, body);
  // AVC: the sequence header has a composition time of 0, extended ones have none.
  const packetType = body[1] ?? 0;
  const data = body.subarray(packetType === SEQUENCE_START ? 5 : 2);
  return { kind: "video", trackId: 0, fourCc: "avc1", packetType, isKey, data };
}

function readAudio(body: Buffer): Untimed | undefined {
  const [first = 0, packetType = 0] = body;
  if (first >> 4 === 9) return readExtended("audio", true, first & 15, AUDIO_MULTITRACK, body);
  return { kind: "audio", trackId: 0, fourCc: "mp4a", packetType, isKey: true, data: body.subarray(2) };
}

function readExtended(
  kind: "video" | "audio",
  isKey: boolean,
  first: number,
  multitrack: number,
  body: Buffer,
): Untimed {
  const isMultitrack = first === multitrack;
  const at = isMultitrack ? 2 : 1;
  const packetType = isMultitrack ? (body[1] ?? 0) & 15 : first;
  const fourCc = body.toString("latin1", at, at + 4);
  const trackId = isMultitrack ? (body[6] ?? 0) : 0;
  const data = body.subarray(isMultitrack ? 7 : 5);
  if (packetType !== CODED_FRAMES_X) return { kind, trackId, fourCc, packetType, isKey, data };
  return { kind, trackId, fourCc, packetType: CODED_FRAMES, isKey, data: Buffer.concat([Buffer.alloc(3), data]) };
}

/** One message of tracks of a kind that agree in packet type and key flag: ManyTracks where they agree in codec too. */
export function manyTracksBody(parts: readonly TrackMessage[]): Buffer {
  const [first] = parts;
  if (!first) throw new Error("a multitrack message without tracks");
  const isOneCodec = parts.every(({ fourCc }) => fourCc === first.fourCc);
  const type = isOneCodec ? MANY_TRACKS : MANY_TRACKS_MANY_CODECS;
  const head =
    first.kind === "video" ? 0x80 | ((first.isKey ? 1 : 2) << 4) | VIDEO_MULTITRACK : 0x90 | AUDIO_MULTITRACK;
  const bytes: Buffer[] = [Buffer.of(head, (type << 4) | first.packetType)];
  if (isOneCodec) bytes.push(Buffer.from(first.fourCc));
  for (const { fourCc, trackId, data } of parts) {
    if (!isOneCodec) bytes.push(Buffer.from(fourCc));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(data.byteLength);
    size[0] = trackId;
    bytes.push(size, data);
  }
  return Buffer.concat(bytes);
}

/** Messages of a kind in their order, each with all that has its time and packet type and differs in track. */
export function joinTracks(messages: readonly TrackMessage[], kind: "video" | "audio"): TrackMessage[][] {
  const groups: TrackMessage[][] = [];
  for (const message of messages.filter((other) => other.kind === kind)) {
    const group = groups.find(
      ([first, ...rest]) =>
        first?.timeMs === message.timeMs &&
        first.packetType === message.packetType &&
        first.isKey === message.isKey &&
        ![first, ...rest].some(({ trackId }) => trackId === message.trackId),
    );
    if (group) group.push(message);
    else groups.push([message]);
  }
  return groups;
}
