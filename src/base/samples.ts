// Samples: what each part counts, in the form that one room renders. Names follow Prometheus: a prefix, a unit at the
// end, `_total` for counters. Collecting only reads: it must not wait, and it costs nothing while nobody asks.

export interface Sample {
  /** Of the whole family: a histogram's samples have its name and a `series`. */
  readonly name: string;
  /** One sentence; the same for every sample of the name. */
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Which number of a histogram it is. */
  readonly series?: "_bucket" | "_sum" | "_count";
}

export interface Collector {
  collect(): readonly Sample[];
}

export function gauge(name: string, help: string, value: number, labels: Sample["labels"] = {}): Sample {
  return { name, help, type: "gauge", labels, value };
}

export function counter(name: string, help: string, value: number, labels: Sample["labels"] = {}): Sample {
  return { name, help, type: "counter", labels, value };
}
