// What waits in front of an in-stream, for room or for its time.

import type { CodecName } from "../media/codec/codec-entry.js";
import type { Ticks90k } from "../time/units.js";
import type { Loss } from "./mpegts/access-unit.js";

/** A frame as the ring carries it. */
export interface Held {
  track: number;
  payload: Uint8Array;
  dts90k: Ticks90k;
  ctsOffset90k: Ticks90k;
  isRandomAccess: boolean;
  /** FLAG_LEADING and FLAG_SKIPPED_LEADING, where the codec has such pictures. */
  leading: number;
}

/** What waits in order: a frame, a configuration or a loss that came behind a frame that did not fit. */
export type Waiting =
  | { kind: "frame"; frame: Held }
  | { kind: "config"; track: number; codec: CodecName; bytes: Uint8Array }
  | { kind: "loss"; loss: Loss };
