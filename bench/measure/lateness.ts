// How late a load was, as a histogram of whole milliseconds: what it was supposed to send, and when it did.

const BINS = 10_000;

export class Lateness {
  readonly #bins = new Uint32Array(BINS);
  maxMs = 0;

  count(lateMs: number): void {
    this.maxMs = Math.max(this.maxMs, lateMs);
    const bin = Math.min(BINS - 1, Math.floor(lateMs));
    this.#bins[bin] = (this.#bins[bin] as number) + 1;
  }

  quantile(quantile: number): number {
    const total = this.#bins.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (let ms = 0; ms < BINS; ms++) {
      seen += this.#bins[ms] as number;
      if (seen >= total * quantile) return ms;
    }
    return BINS;
  }
}
