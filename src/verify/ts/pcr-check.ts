// The program clock as a receiver sees it, ISO/IEC 13818-1 §2.4.2, §2.7.2: it goes forward, at most 100 ms from one PCR
// to the next, and tables come at least every 500 ms (ETSI TR 101 290 §5.2.1). A discontinuity_indicator begins a new
// stretch.

import { CLOCK_MODULUS } from "../../media/mpegts/ts-packet.js";
import type { Findings } from "../findings.js";
import { roundMs } from "../track-audit.js";

const TICKS_PER_MS = 90;
const MAX_INTERVAL_90K = 100 * TICKS_PER_MS;
const MAX_TABLES_90K = 500 * TICKS_PER_MS;

export class PcrCheck {
  readonly #findings: Findings;
  /** NaN before the first. */
  last90k = Number.NaN;
  #tablesAt = Number.NaN;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  takePcr(pcr90k: number, isDiscontinuity: boolean, place: string): void {
    if (isDiscontinuity || Number.isNaN(this.last90k)) this.#tablesAt = pcr90k;
    else {
      let step = (pcr90k - this.last90k) % CLOCK_MODULUS;
      if (step < 0) step += CLOCK_MODULUS;
      if (step >= CLOCK_MODULUS / 2)
        this.#findings.defect(place, `the PCR goes back by ${roundMs((CLOCK_MODULUS - step) / TICKS_PER_MS)} ms`);
      else if (step > MAX_INTERVAL_90K)
        this.#findings.defect(place, `the PCR comes ${roundMs(step / TICKS_PER_MS)} ms after the one before it`);
    }
    this.last90k = pcr90k;
  }

  /** A PAT is complete. */
  takeTables(place: string): void {
    const step = this.last90k - this.#tablesAt;
    if (step > MAX_TABLES_90K)
      this.#findings.defect(place, `the PAT comes ${roundMs(step / TICKS_PER_MS)} ms after the one before it`);
    this.#tablesAt = this.last90k;
  }
}
