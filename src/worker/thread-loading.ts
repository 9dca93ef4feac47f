// Which threads of a pool have loaded their code. Node 20 aborts the whole process where a thread is terminated while
// it loads a module (`FATAL ERROR: v8::Module::IsGraphAsync must be used on an instantiated module`; two of three runs
// that open and close 250 recorders died of it), so a pool is ended only after that.

import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Piscina } from "piscina";

/** A thread that has not loaded by then never will, because its file is missing or broken. */
const LOADING_MS = 10_000;

export class ThreadLoading {
  readonly #pool: Piscina;
  readonly #loaded = new Set<number>();

  /** Create it in the same turn as the pool. */
  constructor(pool: Piscina) {
    this.#pool = pool;
    const initial = new Set<number>();
    for (const thread of pool.threads) {
      const { threadId } = thread;
      initial.add(threadId);
      // The first message of a thread says that it is ready.
      thread.once("message", () => this.#loaded.add(threadId));
    }
    // Piscina announces the first threads before they are ready, and later ones when they are ready.
    pool.on("workerCreate", ({ id }: { id: number }) => {
      if (!initial.has(id)) this.#loaded.add(id);
    });
  }

  /** Resolves when no thread is loading, or when a loading thread cannot get ready. */
  async whenDone(): Promise<void> {
    const isLoading = (thread: Worker): boolean => thread.threadId > 0 && !this.#loaded.has(thread.threadId);
    const endMs = performance.now() + LOADING_MS;
    while (this.#pool.threads.some(isLoading) && performance.now() < endMs) await delay(5);
  }
}
