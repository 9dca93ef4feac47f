// ffprobe as an outside judge: the packets of every track of a file as ffmpeg's demuxers see them. It must have nothing
// to say on stderr: a warning is a failure of the file, and is thrown with the file's name.

import { runProgram } from "./run-program.js";

export interface ProbedPacket {
  /** In units of 1/90000 s; not whole where the container's own unit does not divide it. */
  pts90k: number;
  dts90k: number;
  duration90k: number;
  isKey: boolean;
  sizeBytes: number;
  /** Byte offset in the file, or -1. */
  position: number;
  /** `MD5:…` of the payload, with `hash: true` only. */
  hash: string;
}

export interface ProbedTrack {
  index: number;
  /** `video`, `audio`, … */
  kind: string;
  codec: string;
  profile: string;
  width: number;
  height: number;
  sampleRate: number;
  channels: number;
  bFrames: number;
  start90k: number;
  duration90k: number;
  packets: ProbedPacket[];
}

export interface Probe {
  formatName: string;
  durationMs: number;
  sizeBytes: number;
  tracks: ProbedTrack[];
  video: ProbedTrack | undefined;
  audio: ProbedTrack | undefined;
}

/**
 * What ffprobe prints as JSON: numbers of unbounded size come as strings, and what a container does not say is missing.
 */
interface Printed {
  format: { format_name: string; duration?: string; size?: string };
  streams: (Record<string, string | number | undefined> & { index: number; time_base: string })[];
  packets?: {
    stream_index: number;
    pts?: number;
    dts?: number;
    duration?: number;
    size: string;
    pos?: string;
    flags: string;
    data_hash?: string;
  }[];
}

export interface ProbeOptions {
  hash?: boolean;
  /** Options before the file, such as `-ignore_editlist 1`. */
  inputArgs?: readonly string[];
}

export async function ffprobe(path: string, { hash = false, inputArgs = [] }: ProbeOptions = {}): Promise<Probe> {
  const args = [
    "-v",
    "warning",
    "-show_packets",
    "-show_streams",
    "-show_format",
    "-of",
    "json",
    ...(hash ? ["-show_data_hash", "MD5"] : []),
  ];
  const { code, stdout, stderr } = await runProgram("ffprobe", [...args, ...inputArgs, path]);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`ffprobe on ${path} (exit ${code}): ${stderr.trim()}`);
  const printed = JSON.parse(stdout) as Printed;
  const tracks = printed.streams.map(toTrack);
  for (const packet of printed.packets ?? []) {
    const stream = printed.streams[packet.stream_index];
    const track = tracks[packet.stream_index];
    if (!stream || !track)
      throw new Error(`ffprobe on ${path}: a packet of stream ${packet.stream_index}, which is not there`);
    const scale = ticks90k(stream.time_base);
    track.packets.push({
      pts90k: (packet.pts ?? Number.NaN) * scale,
      dts90k: (packet.dts ?? Number.NaN) * scale,
      duration90k: (packet.duration ?? 0) * scale,
      isKey: packet.flags.startsWith("K"),
      sizeBytes: Number(packet.size),
      position: Number(packet.pos ?? -1),
      hash: packet.data_hash ?? "",
    });
  }
  return {
    formatName: printed.format.format_name,
    durationMs: Number(printed.format.duration ?? 0) * 1000,
    sizeBytes: Number(printed.format.size ?? 0),
    tracks,
    video: tracks.find((track) => track.kind === "video"),
    audio: tracks.find((track) => track.kind === "audio"),
  };
}

function toTrack(stream: Printed["streams"][number]): ProbedTrack {
  const scale = ticks90k(stream.time_base);
  return {
    index: stream.index,
    kind: String(stream.codec_type),
    codec: String(stream.codec_name ?? ""),
    profile: String(stream.profile ?? ""),
    width: Number(stream.width ?? 0),
    height: Number(stream.height ?? 0),
    sampleRate: Number(stream.sample_rate ?? 0),
    channels: Number(stream.channels ?? 0),
    bFrames: Number(stream.has_b_frames ?? 0),
    start90k: Number(stream.start_pts ?? 0) * scale,
    duration90k: Number(stream.duration_ts ?? 0) * scale,
    packets: [],
  };
}

/** 90 kHz ticks per unit of a time base such as `1/1000`. */
function ticks90k(timeBase: string): number {
  const [numerator, denominator] = timeBase.split("/").map(Number);
  if (!numerator || !denominator) throw new Error(`ffprobe printed the time base ${timeBase}`);
  return (90000 * numerator) / denominator;
}

/** MP4 says of G.711 how many channels there are, and not which. */
const GUESSED_LAYOUT = /^Guessed Channel Layout for Input Stream #\d+\.\d+ : (mono|stereo)$/gm;

/**
 * Decodes every packet; what the decoders complain about is thrown. Streams copied from a real encoder only: synthetic
 * payloads do not decode.
 */
export async function decodeWithFfmpeg(path: string): Promise<void> {
  const { code, stderr } = await runProgram("ffmpeg", [
    "-v",
    "warning",
    "-xerror",
    "-nostdin",
    "-i",
    path,
    // Times as they are: the mean rate that a file says is no grid for its pictures.
    ...["-fps_mode", "passthrough", "-enc_time_base", "-1"],
    "-f",
    "null",
    "-",
  ]);
  const complaints = stderr.replace(GUESSED_LAYOUT, "").trim();
  if (code !== 0 || complaints !== "") throw new Error(`ffmpeg decoding ${path} (exit ${code}): ${complaints}`);
}
