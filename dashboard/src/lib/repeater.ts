// Runs a task where it is asked for: one at a time, once more where something asked meanwhile, never sooner than
// `shortestMs` after the run before. Who asks again and again moves nothing back: an armed timer stays.

export interface RepeaterOptions {
  /** Between the end of a run and the next. */
  readonly shortestMs: number;
  /** Runs by itself so long after a run; missing: only where it is asked for. */
  readonly everyMs?: number;
}

export class Repeater {
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #isAskedAgain = false;

  /** The task must not throw; what it waits for should end with the signal. */
  constructor(
    private readonly task: (signal: AbortSignal) => Promise<void>,
    private readonly options: RepeaterOptions,
  ) {}

  ask(delayMs = 0): void {
    if (this.#isRunning) this.#isAskedAgain = true;
    else this.#arm(Math.max(performance.now() + delayMs, this.#notBeforeMs));
  }

  /** For ever. */
  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #arm(dueMs: number): void {
    if (this.#abort.signal.aborted || dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, dueMs - performance.now()));
  }

  async #run(): Promise<void> {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#isRunning = true;
    this.#isAskedAgain = false;
    await this.task(this.#abort.signal);
    this.#isRunning = false;
    const { shortestMs, everyMs } = this.options;
    const now = performance.now();
    this.#notBeforeMs = now + shortestMs;
    if (this.#isAskedAgain) this.#arm(this.#notBeforeMs);
    else if (everyMs !== undefined) this.#arm(now + everyMs);
  }
}
