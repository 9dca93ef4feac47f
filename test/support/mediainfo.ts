// mediainfo as an outside judge: a second reader of the container, with code of its own. It exits 0 on anything, so
// what it recognised is what counts: a file without a format, or one that it calls truncated, is thrown.

import { runProgram } from "./run-program.js";

export interface MediaTrack {
  /** `AVC`, `AAC`, … */
  format: string;
  codecId: string;
  durationMs: number;
  frameCount: number;
  width: number;
  height: number;
  sampleRate: number;
  channels: number;
  /** Everything else, by mediainfo's own names. */
  fields: Readonly<Record<string, string>>;
}

export interface MediaInfo {
  /** `MPEG-4`, `MPEG-TS`, `Flash Video`. */
  format: string;
  durationMs: number;
  sizeBytes: number;
  /** `Yes` where the index stands before the media. */
  isStreamable: string;
  fields: Readonly<Record<string, string>>;
  video: MediaTrack | undefined;
  audio: MediaTrack | undefined;
}

interface Printed {
  media: { track: (Record<string, string> & { "@type": string })[] } | null;
}

export async function mediainfo(path: string): Promise<MediaInfo> {
  const { code, stdout, stderr } = await runProgram("mediainfo", ["--Output=JSON", path]);
  if (code !== 0 || stderr.trim() !== "") throw new Error(`mediainfo on ${path} (exit ${code}): ${stderr.trim()}`);
  const tracks = (JSON.parse(stdout) as Printed).media?.track ?? [];
  const general = tracks.find((track) => track["@type"] === "General");
  if (!general?.Format) throw new Error(`mediainfo does not know what ${path} is`);
  if (general.IsTruncated === "Yes") throw new Error(`mediainfo calls ${path} truncated`);
  return {
    format: general.Format,
    durationMs: Number(general.Duration ?? 0) * 1000,
    sizeBytes: Number(general.FileSize ?? 0),
    isStreamable: general.IsStreamable ?? "",
    fields: general,
    video: toTrack(tracks, "Video"),
    audio: toTrack(tracks, "Audio"),
  };
}

function toTrack(tracks: readonly Record<string, string>[], kind: string): MediaTrack | undefined {
  const fields = tracks.find((track) => track["@type"] === kind);
  if (!fields) return undefined;
  return {
    format: fields.Format ?? "",
    codecId: fields.CodecID ?? "",
    durationMs: Number(fields.Duration ?? 0) * 1000,
    frameCount: Number(fields.FrameCount ?? 0),
    width: Number(fields.Width ?? 0),
    height: Number(fields.Height ?? 0),
    sampleRate: Number(fields.SamplingRate ?? 0),
    channels: Number(fields.Channels ?? 0),
    fields,
  };
}
