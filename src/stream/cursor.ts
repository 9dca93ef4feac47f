// A cursor: what a recording hangs on the ring of its in-stream. The in-stream holds the frames until every cursor has
// passed them, and moves those that hold up their siblings.

import type { Gap } from "./gap.js";

export interface Cursor {
  /** Index of the oldest frame it still wants. */
  tail(): number;
  /** A frame behind that which it has taken already: a cut takes what came late for the segment it ends. */
  hasTaken(track: number, index: number): boolean;
  /**
   * The track at whose random access points it can go on: the video that begins and cuts its files. Undefined where it
   * has none.
   */
  readonly mainVideo: number | undefined;
  /** Takes the cursor's lock, so that no kernel reads; false where one does right now (it will not for long). */
  tryLock(): boolean;
  unlock(): void;
  /**
   * Moves the cursor (the lock is held). With `skip` the frames up to the next random access point are to be dropped
   * and counted.
   */
  jump(index: number, skip: boolean): void;
  /** A gap that concerns this recording alone. */
  onGap(gap: Gap): void;
}
