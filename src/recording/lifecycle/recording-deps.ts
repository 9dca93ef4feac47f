// What every recording of a recorder shares.

import type { Arena } from "../../arena/arena.js";
import type { ObservedIndex } from "../../container/mp4/reserve.js";
import type { Clock } from "../../time/units.js";
import type { Finisher } from "../finishing/finisher.js";
import type { Naming } from "../naming/naming.js";
import type { Reservations } from "../naming/reservations.js";

export interface RecordingDeps {
  arena: Arena;
  clock: Clock;
  naming: Naming;
  reservations: Reservations;
  finisher: Finisher;
  lockPath: string;
  /** MP4: room for the index, from what the last segment's index took per second. */
  reserveBytes: (chunkLengthSeconds: number, observed?: ObservedIndex) => number;
  /** A growing segment has got another file: a track has joined late. */
  onFileAdded: () => void;
}
