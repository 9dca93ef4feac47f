// A pool is ended only when its threads have loaded their code, also the first thread of a process.

import { writeFileSync } from "node:fs";
import { Piscina } from "piscina";
import { expect, it } from "vitest";
import { ThreadLoading } from "../../../src/worker/thread-loading.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();

it("is waited for until a thread is ready, from the first thread of the process on", async () => {
  const filename = path("slow-to-load.mjs");
  writeFileSync(
    filename,
    `import { workerData } from "node:worker_threads";
    await new Promise((resolve) => setTimeout(resolve, 100));
    Atomics.store(new Int32Array(workerData), 0, 1);
    export default () => undefined;`,
  );
  const loaded = new SharedArrayBuffer(4);
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1, workerData: loaded });
  const loading = new ThreadLoading(pool);
  try {
    expect(pool.threads.map(({ threadId }) => threadId)).toEqual([1]);
    await loading.whenDone();
    expect(new Int32Array(loaded)[0]).toBe(1);
  } finally {
    await pool.destroy();
  }
});
