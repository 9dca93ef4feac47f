// GStreamer's qtdemux as an outside judge of MP4 files, through its Python binding (qtdemux.py). It must have no
// warning and nothing on stderr.

import { join } from "node:path";
import { runProgram } from "./run-program.js";

export interface QtdemuxBuffer {
  /** Running time: edit lists are applied. */
  ptsNs: number;
  dtsNs: number;
  sizeBytes: number;
  isKey: boolean;
}

export interface QtdemuxTrack {
  /** `video/x-h264`, `audio/mpeg`. */
  caps: string;
  buffers: QtdemuxBuffer[];
}

export interface QtdemuxTracks {
  video: QtdemuxTrack | undefined;
  audio: QtdemuxTrack | undefined;
}

export async function qtdemux(path: string): Promise<QtdemuxTracks> {
  const { code, stdout, stderr } = await runProgram("/usr/bin/python3", [
    join(import.meta.dirname, "qtdemux.py"),
    path,
  ]);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`qtdemux on ${path} (exit ${code}): ${stderr.trim()}`);
  const tracks = JSON.parse(stdout) as QtdemuxTrack[];
  if (tracks.length > 2) throw new Error(`qtdemux sees ${tracks.length} tracks in ${path}`);
  return {
    video: tracks.find((track) => track.caps.startsWith("video/")),
    audio: tracks.find((track) => track.caps.startsWith("audio/")),
  };
}
