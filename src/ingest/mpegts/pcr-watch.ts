// Watches the program clock reference (ISO/IEC 13818-1 §2.4.3.5). Frames take their times from PTS and DTS; a PCR that
// jumps only explains why those do, so jumps are counted and nothing is moved.

import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { CLOCK_MODULUS } from "../../media/mpegts/ts-packet.js";
import { TICKS_PER_SECOND } from "../../time/units.js";

/** References come at least every 100 ms (§2.7.2); sources that pause leave larger holes without meaning it. */
const JUMP_90K = TICKS_PER_SECOND;
const NO_PID = -1;

export class PcrWatch {
  #statistics: DemuxStatistics;
  #pid = NO_PID;
  #last90k = Number.NaN;

  constructor(statistics: DemuxStatistics) {
    this.#statistics = statistics;
  }

  watch(pid: number): void {
    if (pid === this.#pid) return;
    this.#pid = pid;
    this.#last90k = Number.NaN;
  }

  /** The 33 bits of program_clock_reference_base begin at `at`. */
  take(pid: number, bytes: Uint8Array, at: number, isAnnounced: boolean): void {
    if (pid !== this.#pid) return;
    const high =
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0;
    const now90k = high * 2 + ((bytes[at + 4] as number) >> 7);
    let delta = now90k - this.#last90k;
    if (delta < 0) delta += CLOCK_MODULUS;
    if (delta > JUMP_90K && !isAnnounced) this.#statistics.pcrJumps++;
    this.#last90k = now90k;
  }
}
