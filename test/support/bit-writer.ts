// Writes bits, most significant first, and Exp-Golomb codes (ITU-T H.264 §9.1): headers made by hand, field by field
// from the standard.

export class BitWriter {
  #bits: number[] = [];

  u(bits: number, value: number): this {
    for (let i = bits - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  ue(value: number): this {
    const bits = Math.floor(Math.log2(value + 1));
    return this.u(bits, 0).u(bits + 1, value + 1);
  }

  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  align(): this {
    return this.u((8 - (this.#bits.length % 8)) % 8, 0);
  }

  get bits(): number {
    return this.#bits.length;
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(Math.ceil(this.#bits.length / 8));
    for (const [i, bit] of this.#bits.entries()) out[i >> 3] = (out[i >> 3] ?? 0) | (bit << (7 - (i & 7)));
    return out;
  }
}
