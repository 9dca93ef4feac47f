// Which kind of file a playlist or a clip plays, where a stream has been recorded as several: a list cannot go back
// from fragments to MPEG-TS, so all of it is of one kind.

import { ReelError } from "../base/reel-error.js";
import type { FoundSegment } from "../catalog/catalog-segment.js";

export type PlayedType = "mp4" | "ts";

/** That of the newest file; MP4 where one was recorded beside it. `files` are oldest first. */
export function playedType(files: readonly FoundSegment[]): PlayedType {
  const newest = files.findLast(({ container }) => container !== "flv");
  if (newest?.container !== "ts") return "mp4";
  const isBeside = ({ container, stoppedMs }: FoundSegment): boolean =>
    container === "mp4" && (stoppedMs ?? Number.POSITIVE_INFINITY) > newest.startedMs;
  return files.some(isBeside) ? "mp4" : "ts";
}

/** Throws ReelError `notCarried` where there is nothing but FLV. */
export function refuseFlv(stream: string, files: readonly FoundSegment[]): void {
  if (files.length === 0 || files.some(({ container }) => container !== "flv")) return;
  throw new ReelError(
    "notCarried",
    `${stream} is recorded as FLV, of which there is no HLS and no clip: download its files (links.media of /api/recordings), or record it as mp4 or ts`,
  );
}
