// Reads bits of a payload, most significant first. Reading past the end gives zeros and is remembered: nothing throws.

export class PacketBits {
  isPastEnd = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #bit = 0;
  #end = 0;

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#bit = start * 8;
    this.#end = end * 8;
    this.isPastEnd = false;
  }

  /** Of the next bit. */
  get bit(): number {
    return this.#bit;
  }

  /** u(n), n up to 32. */
  u(bits: number): number {
    if (this.#bit + bits > this.#end) {
      this.isPastEnd = true;
      this.#bit = this.#end;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < bits; i++, this.#bit++)
      value = value * 2 + (((this.#bytes[this.#bit >> 3] as number) >> (7 - (this.#bit & 7))) & 1);
    return value;
  }
}
