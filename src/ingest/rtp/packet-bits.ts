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
    let at = this.#bit;
    const until = at + bits;
    while (at < until) {
      const ahead = 8 - (at & 7); // of this byte
      const taken = Math.min(ahead, until - at);
      const byte = this.#bytes[at >> 3] as number;
      value = value * (1 << taken) + ((byte >> (ahead - taken)) & ((1 << taken) - 1));
      at += taken;
    }
    this.#bit = until;
    return value;
  }
}
