// How often something took how long, in the form of Prometheus' histograms.

import type { Collector, Sample } from "./samples.js";

/** Seconds. A write into the page cache takes the first, a hung disk the last. */
export const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Histogram implements Collector {
  /** Observations up to each bound and above the one before it; the last are above all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` rise. */
  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly bounds: readonly number[] = LATENCY_BOUNDS,
  ) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > (this.bounds[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  collect(): readonly Sample[] {
    let count = 0;
    const buckets = Array.from(this.#counts, (own, at) => {
      count += own;
      return this.#sample("_bucket", count, { le: String(this.bounds[at] ?? "+Inf") });
    });
    return [...buckets, this.#sample("_sum", this.#sum), this.#sample("_count", count)];
  }

  #sample(series: Sample["series"] & string, value: number, labels: Sample["labels"] = {}): Sample {
    return { name: this.name, help: this.help, type: "histogram", labels, value, series };
  }
}
