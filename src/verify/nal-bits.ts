// Bits of a NAL unit without its emulation_prevention_three_bytes. Every read throws past the end.

export class NalBits {
  #bytes: number[] = [];
  #bit = 0;

  constructor(nal: Uint8Array) {
    let zeros = 0;
    for (const byte of nal) {
      if (zeros >= 2 && byte === 3) zeros = 0;
      else {
        this.#bytes.push(byte);
        zeros = byte === 0 ? zeros + 1 : 0;
      }
    }
  }

  u1(): number {
    const byte = this.#bytes[this.#bit >> 3];
    if (byte === undefined) throw new RangeError("the bits are at an end");
    return (byte >> (7 - (this.#bit++ & 7))) & 1;
  }

  skip(bits: number): void {
    this.#bit += bits;
  }

  ue(): number {
    let zeros = 0;
    while (this.u1() === 0) if (++zeros > 20) throw new RangeError("a code of more than 41 bits");
    let value = 1;
    for (let i = 0; i < zeros; i++) value = value * 2 + this.u1();
    return value - 1;
  }
}
