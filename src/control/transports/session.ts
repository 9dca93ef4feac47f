// The commands of one connection: one after the other, so replies come in order and a command sees what the one before
// it did. A connection that sends faster than it is answered is paused, one that does not read its replies is dropped
// (by the transport, whose jobs wait for room).

import { setImmediate as nextTurn } from "node:timers/promises";

export interface Flow {
  pause(): void;
  resume(): void;
}

/** Commands waiting on one connection before it is paused. */
const PAUSE_AT = 64;
const RESUME_AT = 16;
/** Most commands are answered at once. After so many of them the other connections and the sources get their turn. */
const JOBS_PER_TURN = 16;

export class Session {
  readonly #jobs: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #isPaused = false;
  #isOver = false;

  constructor(private readonly flow: Flow) {}

  /** Jobs must not reject. */
  submit(job: () => Promise<void>): void {
    if (this.#isOver) return;
    this.#jobs.push(job);
    if (this.#jobs.length >= PAUSE_AT && !this.#isPaused) {
      this.#isPaused = true;
      this.flow.pause();
    }
    this.#running ??= this.#run();
  }

  /** After `quit` or an overlong line nothing more is carried out, because its reply could not be sent. */
  end(): void {
    this.#isOver = true;
    this.#jobs.length = 0;
  }

  /** Resolves when all submitted jobs are done. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    let done = 0;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      await job();
      if (++done % JOBS_PER_TURN === 0) await nextTurn();
      if (this.#isPaused && this.#jobs.length <= RESUME_AT) {
        this.#isPaused = false;
        this.flow.resume();
      }
    }
    this.#running = undefined;
  }
}
