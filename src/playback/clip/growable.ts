// A list of numbers of 32 bits that grows, four bytes each: the tables of a long clip have millions of entries.

const FIRST_ENTRIES = 1024;

export class Growable {
  #entries = new Uint32Array(FIRST_ENTRIES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#entries.length) {
      const larger = new Uint32Array(2 * this.#length);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#length++] = value;
  }

  at(index: number): number {
    return this.#entries[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#entries[index] = value;
  }
}
