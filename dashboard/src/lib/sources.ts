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
