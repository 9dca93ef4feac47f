// What of the recorded files can be played, and by which list.

import type { RecordedFile } from "../state/server-types.js";

const GONE: ReadonlySet<string> = new Set(["deleted", "failed"]);

/** FLV is for download: no browser plays it. */
export function canPlay({ type, state, isMissing, links }: RecordedFile): boolean {
  if (isMissing || GONE.has(state) || type === "flv") return false;
  return type === "ts" || state === "growing" || links.media !== undefined;
}

/** A growing file, or a day that still goes on, has no end yet: without `to` the list grows with it. */
export function listOf(file: RecordedFile, fromMs?: number, toMs?: number): string {
  const query = new URLSearchParams({ from: new Date(fromMs ?? Date.parse(file.start)).toISOString() });
  const ownEnd = fromMs === undefined && file.end !== null ? Date.parse(file.end) : undefined;
  const end = toMs ?? ownEnd;
  if (end !== undefined) query.set("to", new Date(end).toISOString());
  return `/hls/${encodeURIComponent(file.stream)}/index.m3u8?${query}`;
}
