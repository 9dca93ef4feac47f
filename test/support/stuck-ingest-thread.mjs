// A thread that reads publishers and is stuck for good from its first message on.

import { parentPort, workerData } from "node:worker_threads";

workerData.port.on("message", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
parentPort.postMessage("ready");
