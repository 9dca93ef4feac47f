// The thread that uploads: one for all files, made with the first of them. Ended in the middle of a request it leaves
// what a crash leaves, and the journal knows it.

import { Piscina } from "piscina";
import { ThreadLoading } from "../worker/thread-loading.js";
import type { AbortTask, TaskFailure, UploadOutcome, UploadTask, UploadThreadData } from "./upload-task.js";

const IDLE_THREAD_MS = 10_000;
/** Threads load JavaScript as built, also in a program that runs from the sources. */
const TASK = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/upload/upload-task.js" : "./upload-task.js",
  import.meta.url,
).href;

export class UploadThread {
  readonly #pool: Piscina;
  readonly #loading: ThreadLoading;

  constructor(data: UploadThreadData, onError: (error: Error) => void) {
    this.#pool = new Piscina({
      workerData: data,
      filename: TASK,
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: data.concurrency + 1,
      idleTimeout: IDLE_THREAD_MS,
      // Its tasks wait for sockets and files, so the thread must not block while it has none.
      atomics: "disabled",
      name: "upload",
    });
    this.#pool.on("error", onError);
    this.#loading = new ThreadLoading(this.#pool);
  }

  /** Rejects where the thread died, or `close` ended it. */
  upload(task: UploadTask): Promise<UploadOutcome> {
    return this.#pool.run(task, { name: "upload" }) as Promise<UploadOutcome>;
  }

  abort(task: AbortTask): Promise<TaskFailure | undefined> {
    return this.#pool.run(task, { name: "abort" }) as Promise<TaskFailure | undefined>;
  }

  async close(): Promise<void> {
    await this.#loading.whenDone();
    await this.#pool.destroy();
  }
}
