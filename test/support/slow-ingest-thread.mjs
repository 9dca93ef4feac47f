// A thread that reads publishers as ours does, but is stuck for a while when a stream is to end.

import { workerData } from "node:worker_threads";

const SLOW_MS = 1500;

workerData.port.on("message", ({ kind }) => {
  if (kind === "unpublish") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_MS);
});
await import("../../dist/ingest/workers/ingest-thread.js");
