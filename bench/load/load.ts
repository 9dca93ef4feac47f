// The harness's side of the load: forks the generator, and knows when all streams run and when all are done.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { GeneratorMessage, LoadOrder, LoadReport, StreamAccount } from "./generator.js";

export interface Load {
  /** Every stream is accepted by the server. */
  publishing: Promise<{ streams: StreamAccount[]; lastStartEpochMs: number }>;
  /** Every stream has run its time and its connection is closed. */
  done: Promise<LoadReport>;
  stop(): void;
}

export function startLoad(order: LoadOrder): Load {
  const child = fork(fileURLToPath(new URL("generator.ts", import.meta.url)), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let settlePublishing: (value: { streams: StreamAccount[]; lastStartEpochMs: number }) => void = () => {};
  let failPublishing: (error: Error) => void = () => {};
  const publishing = new Promise<{ streams: StreamAccount[]; lastStartEpochMs: number }>((resolve, reject) => {
    settlePublishing = resolve;
    failPublishing = reject;
  });
  const done = new Promise<LoadReport>((resolve, reject) => {
    const fail = (error: Error) => {
      failPublishing(error);
      reject(error);
    };
    child.on("message", (message: GeneratorMessage) => {
      if (message.kind === "publishing") settlePublishing(message);
      else if (message.kind === "done") resolve(message.report);
      else fail(new Error(`the load generator: ${message.reason}`));
    });
    child.on("error", fail);
    // Behind what it has said: an exit may be heard before the last message.
    child.on("close", (code, signal) => fail(new Error(`the load generator ended early (${signal ?? code})`)));
  });
  // Whoever waits for the first promise alone must not be ended by the second.
  done.catch(() => {});
  publishing.catch(() => {});
  child.send(order);
  return { publishing, done, stop: () => child.kill("SIGKILL") };
}
