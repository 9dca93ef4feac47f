// Reads bits, most significant first, and Exp-Golomb codes (ITU-T H.264 §9.1). Past the end it calls `fail`, which
// throws.

export class BitReader {
  #bytes: Uint8Array;
  #bit = 0;
  #fail: () => never;

  constructor(bytes: Uint8Array, fail: () => never) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  get bitsLeft(): number {
    return this.#bytes.byteLength * 8 - this.#bit;
  }

  /** Another one, which reads on from here by itself. */
  fork(): BitReader {
    const fork = new BitReader(this.#bytes, this.#fail);
    fork.#bit = this.#bit;
    return fork;
  }

  /** The next bits, in whole bytes; the last one ends with zeros. */
  bytes(bits: number): Uint8Array {
    if (bits > this.bitsLeft) this.#fail();
    const taken = new Uint8Array(Math.ceil(bits / 8));
    for (let at = 0, left = bits; left > 0; at++, left -= 8)
      taken[at] = this.u(Math.min(8, left)) << Math.max(0, 8 - left);
    return taken;
  }

  /** u(n), n up to 32. */
  u(bits: number): number {
    if (bits > this.bitsLeft) this.#fail();
    let value = 0;
    for (let i = 0; i < bits; i++, this.#bit++)
      value = value * 2 + (((this.#bytes[this.#bit >> 3] ?? 0) >> (7 - (this.#bit & 7))) & 1);
    return value;
  }

  ue(): number {
    let zeros = 0;
    while (this.u(1) === 0) if (++zeros > 31) this.#fail();
    return 2 ** zeros - 1 + this.u(zeros);
  }

  se(): number {
    const k = this.ue();
    return k % 2 === 1 ? (k + 1) / 2 : -k / 2;
  }
}
