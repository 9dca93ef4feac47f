// A media playlist, RFC 8216: of each file a map, the wall time of its beginning, and its parts.

export interface PlaylistPart {
  readonly uri: string;
  readonly seconds: number;
  readonly isDiscontinuous: boolean;
  /** Of a part of a larger file. */
  readonly range?: { readonly bytes: number; readonly position: number } | undefined;
  /** Wall time of its beginning. */
  readonly wallMs: number;
  /** Head of its file; of MPEG-TS there is none. */
  readonly mapUri: string | undefined;
}

export interface PlaylistOptions {
  /** Nothing more comes. */
  readonly isComplete: boolean;
  /** Only so much of its end is shown; undefined = all. */
  readonly windowSeconds: number | undefined;
}

/** Players reload the list no more often. */
const LEAST_TARGET_SECONDS = 4;
const VERSION = 7; // EXT-X-MAP of fragments

export function mediaPlaylist(parts: readonly PlaylistPart[], { isComplete, windowSeconds }: PlaylistOptions): string {
  const first = windowSeconds === undefined ? 0 : firstOfWindow(parts, windowSeconds);
  const shown = parts.slice(first);
  const longest = parts.reduce((most, { seconds }) => Math.max(most, Math.round(seconds)), LEAST_TARGET_SECONDS);
  const lines = [
    "#EXTM3U",
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${longest}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
  ];
  if (first > 0) {
    const gone = parts.slice(1, first + 1).filter(({ isDiscontinuous }) => isDiscontinuous).length;
    // The discontinuity in front of the first part shown is still said.
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${gone - (shown[0]?.isDiscontinuous ? 1 : 0)}`);
  }
  if (windowSeconds === undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${isComplete ? "VOD" : "EVENT"}`);
  lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  let mapUri: string | undefined;
  for (const [i, part] of shown.entries()) {
    const begins = part.isDiscontinuous && first + i > 0;
    if (begins) lines.push("#EXT-X-DISCONTINUITY");
    if (part.mapUri !== undefined && part.mapUri !== mapUri) lines.push(`#EXT-X-MAP:URI="${part.mapUri}"`);
    mapUri = part.mapUri;
    if (begins || i === 0) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(part.wallMs).toISOString()}`);
    lines.push(`#EXTINF:${part.seconds.toFixed(5)},`);
    if (part.range) lines.push(`#EXT-X-BYTERANGE:${part.range.bytes}@${part.range.position}`);
    lines.push(part.uri);
  }
  if (isComplete) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

function firstOfWindow(parts: readonly PlaylistPart[], windowSeconds: number): number {
  let first = parts.length;
  for (let seconds = 0; first > 0 && seconds < windowSeconds; first--) seconds += parts[first - 1]?.seconds ?? 0;
  return first;
}

/** Leads to the list itself, whose address then says from when on. */
export function masterPlaylist(uri: string): string {
  return ["#EXTM3U", `#EXT-X-VERSION:${VERSION}`, "#EXT-X-STREAM-INF:BANDWIDTH=10000000", uri, ""].join("\n");
}
