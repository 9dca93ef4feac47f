// The memory of all uploads of a thread: so many buffers of the size of a part, lent in the order in which they were
// asked for. Nothing is sent that is not in one of them.

export class PartBuffers {
  readonly #free: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;

  constructor(private readonly count: number) {}

  /** Waits for its turn. A buffer that is too small for the part is replaced. */
  async use<T>(bytes: number, work: (buffer: Buffer) => Promise<T>): Promise<T> {
    if (this.#lent >= this.count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#lent++;
    const kept = this.#free.pop();
    const buffer = kept && kept.byteLength >= bytes ? kept : Buffer.allocUnsafeSlow(bytes);
    try {
      return await work(buffer.subarray(0, bytes));
    } finally {
      this.#free.push(buffer);
      const next = this.#waiting.shift();
      if (next) next();
      else this.#lent--;
    }
  }
}
