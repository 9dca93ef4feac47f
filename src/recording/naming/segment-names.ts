// The names of a recording's segments, one after the other (ems-record-spec §3.4, §3.6): parts, dated names, and the
// next free number where an inner cut has nothing else to go by. Every name comes reserved.

import type { Clock, Millis } from "../../time/units.js";
import type { Finisher } from "../finishing/finisher.js";
import { isChunked, type RecordConfig } from "../record-config.js";
import { isPerSegment } from "./named-config.js";
import { type Naming, partOf, type Target } from "./naming.js";
import type { Reservation, Reservations } from "./reservations.js";

export class SegmentNames {
  #part = 0;
  readonly #isTemplated: boolean;

  constructor(
    private readonly target: Target,
    private readonly config: RecordConfig,
    private readonly naming: Naming,
    private readonly finisher: Finisher,
    private readonly reservations: Reservations,
    private readonly clock: Clock,
  ) {
    this.#isTemplated = isPerSegment(config);
  }

  /**
   * `isInnerCut`: the run has had a segment before, or its name was taken. `busy`: the name that another server writes,
   * as it turned out. `startMs`: when the segment's first frame came.
   */
  async next(isInnerCut: boolean, busy?: string, startMs: Millis = this.clock.wallMs()): Promise<Reservation> {
    const { target, naming } = this;
    if (this.#isTemplated) return naming.templated(target, this.config, { wallMs: startMs, part: this.#part++ });
    const { type, dateFolderStructure } = this.config;
    const hasParts = isChunked(this.config);
    if (dateFolderStructure) return naming.dated(target, this.config, this.clock.wallMs());
    if (!hasParts && isInnerCut) return naming.nextFree(target.plainPath, type);
    if (busy !== undefined && this.config.overwrite) return naming.nextFree(busy, type);
    const path = !hasParts ? target.basePath : partOf(target.basePath, this.#part++, type);
    // A part of another recording, or one that the recovery is finishing: its files must not be touched.
    if (path !== target.basePath && this.reservations.isActive(path)) return naming.nextFree(path, type);
    // overwrite=1: an older file of this name may still be unfinished. The ring holds the frames for as long as it
    // takes.
    if (!this.config.overwrite) return this.reservations.take(path);
    const name = await this.finisher.makeWay(path, type);
    await this.reservations.whenNotDeleting(name.path);
    return name;
  }

  /** Only the name that pathToFile asks for may replace a file; one that was found free must still be free. */
  mayReplace(path: string): boolean {
    return (
      this.config.overwrite &&
      (path === this.target.basePath || (isChunked(this.config) && !this.config.dateFolderStructure))
    );
  }
}
