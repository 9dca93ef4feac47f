// What a recording reads frames from, and what its stream has brought in front of the head of that ring: the stream
// itself, or for a while one that brings what lies on disk (recording/past/replay.ts).

import type { FrameRing } from "../arena/frame-ring.js";
import type { Ticks90k } from "../time/units.js";

export interface Feed {
  readonly ring: FrameRing;
  /** By track. */
  readonly statistics: readonly { readonly frames: number; readonly bytes: number }[];
  readonly newest90k: Ticks90k;
}
