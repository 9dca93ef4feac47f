// Feeds the tags of an FLV clip into an in-stream of an embedded recorder: what the RTMP ingest does, without a
// network, as fast as the ring takes it.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import type { InStream } from "../../src/stream/in-stream.js";

export interface ClipFrame {
  track: number;
  payload: Uint8Array;
  dtsMs: number;
  ctsMs: number;
  isKey: boolean;
}

export interface ClipFrames {
  video: Uint8Array | undefined;
  audio: Uint8Array | undefined;
  frames: ClipFrame[];
}

const VIDEO_TAG = 9;
const AUDIO_TAG = 8;

export async function readClip(path: string): Promise<ClipFrames> {
  const clip: ClipFrames = { video: undefined, audio: undefined, frames: [] };
  for (const { type, timestampMs, data } of parseFlvFile(await readFile(path))) {
    if (type === VIDEO_TAG && data[1] === 0) clip.video = data.slice(5);
    else if (type === VIDEO_TAG && data[1] === 1) {
      const cts = ((((data[2] ?? 0) << 16) | ((data[3] ?? 0) << 8) | (data[4] ?? 0)) << 8) >> 8;
      clip.frames.push({
        track: TRACK_VIDEO,
        payload: data.slice(5),
        dtsMs: timestampMs,
        ctsMs: cts,
        isKey: (data[0] ?? 0) >> 4 === 1,
      });
    } else if (type === AUDIO_TAG && data[1] === 0) clip.audio = data.slice(2);
    else if (type === AUDIO_TAG)
      clip.frames.push({ track: TRACK_AUDIO, payload: data.slice(2), dtsMs: timestampMs, ctsMs: 0, isKey: true });
  }
  return clip;
}

/** Configurations, then frames, `offsetMs` later; waits for room where the ring is full. */
export async function feed(stream: InStream, clip: ClipFrames, offsetMs = 0): Promise<void> {
  if (clip.video) stream.setDecoderConfig(TRACK_VIDEO, "h264", clip.video);
  if (clip.audio) stream.setDecoderConfig(TRACK_AUDIO, "aac", clip.audio);
  for (const frame of clip.frames) {
    while (!stream.writeFrame(frame.track, frame.payload, (frame.dtsMs + offsetMs) * 90, frame.ctsMs * 90, frame.isKey))
      await once(stream, "room");
  }
}
