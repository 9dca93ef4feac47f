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
  /** It is not to be loaded. */
  readonly isGap?: boolean;
}

export interface PlaylistOptions {
  /** Nothing more comes. */
  readonly isComplete: boolean;
  /** Only so much of its end is shown; undefined = all. */
  readonly windowSeconds: number | undefined;
  /** What the list had in front of its first part, and has no more. */
  readonly gone?: { readonly parts: number; readonly discontinuities: number };
}

/** Whether a discontinuity is said in front of a part: a list does not begin with one. */
export function beginsAnew({ isDiscontinuous }: PlaylistPart, number: number): boolean {
  return isDiscontinuous && number > 0;
}

/** Players reload the list no more often. */
const LEAST_TARGET_SECONDS = 4;
const VERSION = 7; // EXT-X-MAP of fragments
const VERSION_OF_GAPS = 8;

export function mediaPlaylist(
  parts: readonly PlaylistPart[],
  { isComplete, windowSeconds, gone = { parts: 0, discontinuities: 0 } }: PlaylistOptions,
): string {
  const first = windowSeconds === undefined ? 0 : firstOfWindow(parts, windowSeconds);
  const shown = parts.slice(first);
  const longest = parts.reduce((most, { seconds }) => Math.max(most, Math.round(seconds)), LEAST_TARGET_SECONDS);
  const begins = (part: PlaylistPart, at: number): boolean => beginsAnew(part, gone.parts + at);
  const discontinuities = gone.discontinuities + parts.slice(0, first).filter(begins).length;
  const lines = [
    "#EXTM3U",
    `#EXT-X-VERSION:${shown.some(({ isGap }) => isGap) ? VERSION_OF_GAPS : VERSION}`,
    `#EXT-X-TARGETDURATION:${longest}`,
    `#EXT-X-MEDIA-SEQUENCE:${gone.parts + first}`,
  ];
  if (gone.parts + first > 0) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuities}`);
  // A list of a type loses nothing.
  if (windowSeconds === undefined && gone.parts === 0)
    lines.push(`#EXT-X-PLAYLIST-TYPE:${isComplete ? "VOD" : "EVENT"}`);
  lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  let mapUri: string | undefined;
  for (const [i, part] of shown.entries()) {
    const isNew = begins(part, first + i);
    if (isNew) lines.push("#EXT-X-DISCONTINUITY");
    if (part.mapUri !== undefined && part.mapUri !== mapUri) lines.push(`#EXT-X-MAP:URI="${part.mapUri}"`);
    mapUri = part.mapUri;
    if (isNew || i === 0) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(part.wallMs).toISOString()}`);
    if (part.isGap) lines.push("#EXT-X-GAP");
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
