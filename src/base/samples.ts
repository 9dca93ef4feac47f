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
  /** Of itself, and of all streams together. */
  collect(): readonly Sample[];
  /**
   * Of each stream, or of each recording, those of one behind those of the other. They are thousands: who asks may let
   * others have the thread between two, and what is gone by then is left out.
   */
  collectEach?(): Iterable<readonly Sample[]>;
}

export function gauge(name: string, help: string, value: number, labels: Sample["labels"] = {}): Sample {
  return { name, help, type: "gauge", labels, value };
}

export function counter(name: string, help: string, value: number, labels: Sample["labels"] = {}): Sample {
  return { name, help, type: "counter", labels, value };
}
