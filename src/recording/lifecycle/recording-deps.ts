// What every recording of a recorder shares.

import type { Arena } from "../../arena/arena.js";
import type { ObservedIndex } from "../../container/mp4/reserve.js";
import type { SegmentNode } from "../../container/segment-origin.js";
import type { Clock } from "../../time/units.js";
import type { Finisher } from "../finishing/finisher.js";
import type { Naming } from "../naming/naming.js";
import type { Reservations } from "../naming/reservations.js";
import type { ReplayRings } from "../past/replay.js";

export interface RecordingDeps {
  arena: Arena;
  clock: Clock;
  naming: Naming;
  reservations: Reservations;
  finisher: Finisher;
  lockPath: string;
  /** Of recordings that begin with what lies on disk. */
  replayRings: ReplayRings;
  /** MP4: room for the index, from what the last segment's index took per second. */
  reserveBytes: (chunkLengthSeconds: number, observed?: ObservedIndex) => number;
  /** Which node of a group this is; undefined where the recorder is alone. */
  nodeOf: (localStreamName: string) => SegmentNode | undefined;
  /** A growing segment has got another file: a track has joined late. */
  onFileAdded: () => void;
}
