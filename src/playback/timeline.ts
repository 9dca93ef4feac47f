// Which files of a stream play one behind the other: of files that overlap (two configs record the stream) one at a
// time, and all of one kind, since a playlist cannot go back from fragments to MPEG-TS.

import { ReelError } from "../base/reel-error.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { FoundSegment } from "../catalog/catalog-segment.js";
import type { ContainerName } from "../container/table.js";

/** A day of files of 45 seconds. */
export const MAX_FILES = 2000;
/** A file may begin so long before the one in front of it has ended: clocks of openings and closings are not one. */
const OVERLAP_MS = 1500;
const PLAYS: ReadonlySet<string> = new Set(["growing", "finished", "recovered", "uploaded"]);

/** Of everything that overlaps the window, oldest first. Throws ReelError `limit`. */
export async function filesOf(
  catalog: SegmentCatalog,
  stream: string,
  from: number,
  to: number | undefined,
  most = MAX_FILES,
): Promise<FoundSegment[]> {
  const { segments, cursor } = await catalog.query({
    stream,
    from,
    ...(to !== undefined && { to }),
    limit: most,
  });
  if (cursor !== undefined)
    throw new ReelError("limit", `more than ${most} files lie between from and to: ask for less`);
  return segments.filter(({ state, missing }) => PLAYS.has(state) && !missing);
}

/** Those of one container, none beside another. */
export function oneBehindTheOther(files: readonly FoundSegment[], container: ContainerName): FoundSegment[] {
  const chosen: FoundSegment[] = [];
  for (const file of files) {
    if (file.container !== container) continue;
    const last = chosen.at(-1);
    const lastEnd = last ? (last.stoppedMs ?? Number.POSITIVE_INFINITY) : Number.NEGATIVE_INFINITY;
    // Of one recording two files never hold the same; its wall clock may have been set back between them.
    const isNext = last?.configId === file.configId && last.outStreamId === file.outStreamId && last.stoppedMs !== null;
    if (isNext || file.startedMs >= lastEnd - OVERLAP_MS) chosen.push(file);
  }
  return chosen;
}
