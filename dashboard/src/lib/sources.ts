// EMS's tags of the kinds of source, in words.

const SOURCES: Readonly<Record<string, string>> = {
  INR: "RTMP",
  INP: "RTSP",
  INTS: "MPEG-TS",
  INLFLV: "FLV",
};

export function sourceName(type: string): string {
  return SOURCES[type] ?? type;
}

const CODECS: Readonly<Record<string, string>> = {
  h264: "H.264",
  h265: "H.265",
  av1: "AV1",
  vp9: "VP9",
  vp8: "VP8",
  aac: "AAC",
  opus: "Opus",
  mp3: "MP3",
  flac: "FLAC",
  ac3: "AC-3",
  eac3: "E-AC-3",
};

export function codecName(codec: string): string {
  return CODECS[codec.toLowerCase()] ?? codec;
}
