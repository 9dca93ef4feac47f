// The one clock of a program: PTS and DTS of its tracks, all cut to 33 bits on the wire, unwrapped against each other
// so that a wrap between two tracks moves neither. Values nearer than 2^32 ticks (13 h) to the last one seen are taken
// the near way round.

import { CLOCK_MODULUS } from "../../media/mpegts/ts-packet.js";
import type { Ticks90k } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";

export class ProgramClock {
  #unwrapper = new Unwrapper(CLOCK_MODULUS);

  unwrap(dts33: number): Ticks90k {
    return this.#unwrapper.unwrap(dts33);
  }

  /** Presentation minus decoding time, the near way round. The in-stream bounds it, counts and tells what it mends. */
  static ctsOffset90k(pts33: number, dts33: number): Ticks90k {
    let offset = pts33 - dts33;
    if (offset >= CLOCK_MODULUS / 2) offset -= CLOCK_MODULUS;
    else if (offset < -CLOCK_MODULUS / 2) offset += CLOCK_MODULUS;
    return offset;
  }
}
