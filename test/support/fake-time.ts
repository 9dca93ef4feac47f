// Time that goes by when the test says so: a clock and its timers.

export class FakeTime {
  nowMs = 0;
  #timers = new Set<{ atMs: number; callback: () => void }>();
  readonly clock = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs };
  readonly timers = {
    after: (delayMs: number, callback: () => void) => {
      const timer = { atMs: this.nowMs + delayMs, callback };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    },
  };

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = next.atMs;
      next.callback();
    }
    this.nowMs = endMs;
  }
}
