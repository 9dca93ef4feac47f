// What the streams of a load carry: named workloads, as tables of ready-made RTMP messages.
//
// The pictures are real ones (ffmpeg's test source, encoded small) with filler data NAL units (ISO/IEC 14496-10
// §7.3.2.7) behind their slices up to the size that the bit rate asks for; the audio frames are real AAC. One period
// holds whole numbers of both, so a stream repeats it for ever with timestamps that a camera would have. All streams
// share the messages: the chunk headers carry differences of time (type 1), which are the same in every lap.

import { execFileSync } from "node:child_process";
import { readFlvTags } from "../media/flv-reader.js";
import { encodeH265 } from "./h265-pictures.js";
import { AUDIO_CHUNK_STREAM, VIDEO_CHUNK_STREAM, writeRtmpMessage } from "./rtmp-message.js";

export interface Workload {
  name: string;
  video?: { width: number; height: number; kilobitsPerSecond: number; codec?: "h265" };
  audioKilobitsPerSecond: number;
}

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  "720p30": {
    name: "720p30",
    video: { width: 1280, height: 720, kilobitsPerSecond: 2500 },
    audioKilobitsPerSecond: 128,
  },
  "720p30-h265": {
    name: "720p30-h265",
    video: { width: 1280, height: 720, kilobitsPerSecond: 2500, codec: "h265" },
    audioKilobitsPerSecond: 128,
  },
  "1080p30": {
    name: "1080p30",
    video: { width: 1920, height: 1080, kilobitsPerSecond: 6000 },
    audioKilobitsPerSecond: 128,
  },
  audio: { name: "audio", audioKilobitsPerSecond: 128 },
};

/** 48 pictures at 30 a second and 75 frames of 1024 samples at 48 kHz: both are 1.6 s to the millisecond. */
export const PERIOD_MS = 1600;
const PICTURES = 48;
const AUDIO_FRAMES = 75;
/** Bit rates of real streams differ: as many variants, from 0.8 to 1.2 of the nominal rate. */
const VARIANTS = 8;
/** Headers of filler data NAL units: nal_unit_type 12 of H.264, FD_NUT (38) of H.265. */
const FILLERS = { h264: [12], h265: [38 << 1, 1] } as const;
/** An IDR is about this many times the size of the other pictures. */
const IDR_FACTOR = 5;

export interface LoadEvent {
  /** Media time within the period. */
  atMs: number;
  isVideo: boolean;
  message: Buffer;
  /** The same frame as the first of its track: with its absolute timestamp. */
  first: Buffer;
  payloadBytes: number;
}

export interface LoadTemplate {
  /** Sequence headers, sent before the first frame. */
  opening: Buffer;
  events: LoadEvent[];
}

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function buildTemplates(workload: Workload, seed: number, chunkBytes: number): LoadTemplate[] {
  return loadVariants(workload, seed).map((frames) => buildTemplate(frames, chunkBytes));
}

/** One period of each variant, as frames; every seed gives the same ones. */
export function loadVariants(workload: Workload, seed: number): LoadFrames[] {
  const source = encodeSource(workload);
  const random = seededRandom(seed);
  const headers = headersOf(source);
  return Array.from({ length: VARIANTS }, (_, variant) => {
    const factor = 0.8 + (0.4 * variant) / (VARIANTS - 1);
    return { headers, frames: framesOf(source, workload, factor, random) };
  });
}

interface Source {
  videoHeader: Buffer | undefined;
  audioHeader: Buffer;
  /** Bodies of FLV tags. */
  pictures: Buffer[];
  audioFrames: Buffer[];
}

function encodeSource(workload: Workload): Source {
  const { video } = workload;
  const sound = encodeFlv([], [], workload);
  if (!video) return sound;
  const size = `${video.width}x${video.height}`;
  const input = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30,trim=end_frame=${PICTURES}`];
  const pictures = video.codec === "h265" ? encodeH265(input, PICTURES) : encodeH264(input, workload);
  if (pictures.pictures.length < PICTURES) throw new Error("ffmpeg encoded fewer pictures than asked for");
  return { ...sound, videoHeader: pictures.header, pictures: pictures.pictures };
}

function encodeH264(input: readonly string[], workload: Workload): { header: Buffer | undefined; pictures: Buffer[] } {
  const tuning = ["-preset", "ultrafast", "-qp", "50", "-bf", "0", "-g", `${PICTURES}`, "-sc_threshold", "0"];
  const codec = ["-c:v", "libx264", ...tuning, "-pix_fmt", "yuv420p"];
  const { videoHeader, pictures } = encodeFlv(input, codec, workload);
  return { header: videoHeader, pictures };
}

function encodeFlv(videoInput: readonly string[], videoCodec: readonly string[], workload: Workload): Source {
  const length = `atrim=end_sample=${(AUDIO_FRAMES + 8) * 1024}`;
  const sound = `anoisesrc=color=pink:sample_rate=48000:seed=1,aformat=channel_layouts=stereo,${length}`;
  const audioInput = ["-f", "lavfi", "-i", sound];
  const audioCodec = ["-c:a", "aac", "-b:a", `${workload.audioKilobitsPerSecond}k`];
  const quiet = ["-v", "error", "-nostdin", "-bitexact"];
  const args = [...quiet, ...videoInput, ...audioInput, ...videoCodec, ...audioCodec, "-f", "flv", "-"];
  const flv = execFileSync("ffmpeg", args, { maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] });
  const source: Source = { videoHeader: undefined, audioHeader: Buffer.alloc(0), pictures: [], audioFrames: [] };
  for (const { kind, isHeader, body } of readFlvTags(flv)) {
    if (kind === "video" && isHeader) source.videoHeader = body;
    else if (kind === "audio" && isHeader) source.audioHeader = body;
    else if (kind === "video" && body.length > 5) source.pictures.push(body);
    else if (kind === "audio") source.audioFrames.push(body);
  }
  // The first frames of an encoder are its start-up: small ones.
  source.audioFrames = source.audioFrames.slice(4, 4 + AUDIO_FRAMES);
  if (source.audioFrames.length < AUDIO_FRAMES) throw new Error("ffmpeg encoded fewer frames than asked for");
  return source;
}

/** One frame of a period as the body of an FLV tag. */
export interface FrameBody {
  atMs: number;
  isVideo: boolean;
  body: Buffer;
}

/** The frames of one period, in order of time, and the sequence headers before them. */
export interface LoadFrames {
  headers: FrameBody[];
  frames: FrameBody[];
}

/** One period at `factor` times the nominal bit rate. */
export function loadFrames(workload: Workload, factor: number, seed: number): LoadFrames {
  const source = encodeSource(workload);
  return { headers: headersOf(source), frames: framesOf(source, workload, factor, seededRandom(seed)) };
}

function headersOf(source: Source): FrameBody[] {
  const video = source.videoHeader ? [{ atMs: 0, isVideo: true, body: source.videoHeader }] : [];
  return [...video, { atMs: 0, isVideo: false, body: source.audioHeader }];
}

function framesOf(source: Source, { video }: Workload, factor: number, random: () => number): FrameBody[] {
  const frames: FrameBody[] = [];
  if (video) {
    const otherBytes = (video.kilobitsPerSecond * 125 * factor * PERIOD_MS) / 1000 / (PICTURES - 1 + IDR_FACTOR);
    for (let i = 0; i < PICTURES; i++) {
      const targetBytes = i === 0 ? otherBytes * IDR_FACTOR : otherBytes * (0.75 + 0.5 * random());
      frames.push({
        atMs: Math.round((i * PERIOD_MS) / PICTURES),
        isVideo: true,
        body: withFiller(source.pictures[i] as Buffer, Math.round(targetBytes), FILLERS[video.codec ?? "h264"]),
      });
    }
  }
  for (let i = 0; i < AUDIO_FRAMES; i++)
    frames.push({
      atMs: Math.round((i * PERIOD_MS) / AUDIO_FRAMES),
      isVideo: false,
      body: source.audioFrames[i] as Buffer,
    });
  return frames.sort((a, b) => a.atMs - b.atMs || Number(b.isVideo) - Number(a.isVideo));
}

function buildTemplate({ headers, frames }: LoadFrames, chunkBytes: number): LoadTemplate {
  const message = ({ isVideo, body }: FrameBody, timeMs: number, isDelta: boolean) =>
    writeRtmpMessage({
      chunkStream: isVideo ? VIDEO_CHUNK_STREAM : AUDIO_CHUNK_STREAM,
      type: isVideo ? 9 : 8,
      streamId: 1,
      timeMs,
      isDelta,
      body,
      chunkBytes,
    });
  const lastMs = new Map(
    [true, false].map((isVideo) => [
      isVideo,
      (frames.findLast((frame) => frame.isVideo === isVideo)?.atMs ?? 0) - PERIOD_MS,
    ]),
  );
  const events = frames.map((frame): LoadEvent => {
    const { atMs, isVideo, body } = frame;
    const deltaMs = atMs - (lastMs.get(isVideo) as number);
    lastMs.set(isVideo, atMs);
    return {
      atMs,
      isVideo,
      message: message(frame, deltaMs, true),
      first: message(frame, atMs, false),
      payloadBytes: body.length,
    };
  });
  return { opening: Buffer.concat(headers.map((header) => message(header, 0, false))), events };
}

/**
 * Appends one filler data NAL unit, so that the FLV tag body is `targetBytes` long (as it is, where it is longer
 * already).
 */
function withFiller(body: Buffer, targetBytes: number, header: readonly number[]): Buffer {
  const fillerBytes = targetBytes - body.length;
  if (fillerBytes < 8) return body;
  const filler = Buffer.alloc(fillerBytes, 0xff);
  filler.writeUInt32BE(fillerBytes - 4, 0); // NALUnitLength
  filler.set(header, 4);
  filler[fillerBytes - 1] = 0x80; // rbsp_trailing_bits
  return Buffer.concat([body, filler]);
}
