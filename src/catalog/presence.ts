// Whether the files of a page are there. A volume that does not answer holds one call and no page: its segments are
// told as unreachable.

import type { VolumeTurns } from "../base/volume-turns.js";
import type { CatalogSegment, FoundSegment } from "./catalog-segment.js";
import { sizeOf } from "./segment-deletion.js";

export async function withPresence(segment: CatalogSegment, volumes: VolumeTurns): Promise<FoundSegment> {
  const { state, path, sizeBytes } = segment;
  if (state !== "finished" && state !== "recovered") return segment;
  try {
    const found = await volumes.run(path, () => sizeOf(path));
    return found === sizeBytes ? segment : { ...segment, missing: true };
  } catch {
    return { ...segment, unreachable: true }; // `stuck`, the only reason there is
  }
}
