// Unwraps a wire clock of limited width to one that does not wrap: RTMP 2^32 ms, FLV 2^32 ms (24 + 8 bits), MPEG-TS
// 2^33, RTP 2^32. The difference to the last value, taken modulo the width, is read as signed: the nearest way round.

export class Unwrapper {
  #modulus: number;
  #wire = Number.NaN;
  #last = Number.NaN;

  constructor(modulus: number) {
    this.#modulus = modulus;
  }

  /** The value, below the modulus, on the unwrapped clock. Starts at the first one and may go back with the wire. */
  unwrap(value: number): number {
    if (Number.isNaN(this.#last)) this.#last = value;
    else {
      const half = this.#modulus / 2;
      let delta = value - this.#wire;
      if (delta >= half) delta -= this.#modulus;
      else if (delta < -half) delta += this.#modulus;
      this.#last += delta;
    }
    this.#wire = value;
    return this.#last;
  }
}
