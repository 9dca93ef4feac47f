// What a container's reader hands back: its tracks, counted, and where its index lies.

import type { TrackAudit } from "./track-audit.js";

export interface ReadMedia {
  tracks: TrackAudit[];
  isIndexInFront: boolean | null;
}
