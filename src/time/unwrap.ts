// Unwraps a wire clock of limited width to one that does not wrap: RTMP 2^32 ms, FLV 2^32 ms (24 + 8 bits), MPEG-TS
// 2^33, RTP 2^32. The difference to the last value, taken modulo the width, is read as signed: the nearest way round.

export class Unwrapper {
  #modulus: number;
  #last = Number.NaN;

  constructor(modulus: number) {
    this.#modulus = modulus;
  }

  /** The value on the unwrapped clock. Starts at the first value and may go back with the wire. */
  unwrap(value: number): number {
    if (Number.isNaN(this.#last)) {
      this.#last = value;
      return value;
    }
    const modulus = this.#modulus;
    let delta = (value - this.#last) % modulus;
    if (delta < 0) delta += modulus;
    if (delta >= modulus / 2) delta -= modulus;
    this.#last += delta;
    return this.#last;
  }
}
