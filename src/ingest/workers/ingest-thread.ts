// A thread that reads the sockets of publishers (docs/decisions/ingest-workers.md): it is told which, by messages, and
// polls them from one timer. Between two sockets it looks whether the main thread waits for it.

import { performance } from "node:perf_hooks";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { CALL_ASKED_OFFSET, CALL_BEATS_OFFSET, CALL_DONE_OFFSET } from "../../abi/ingest.js";
import { ArenaMemory } from "../../arena/arena-memory.js";
import type { Clock } from "../../time/units.js";
import { ScratchBudget } from "../rtmp/scratch.js";
import { MAX_SILENT_TICKS, WorkerConnection, type WorkerParts } from "../rtmp/worker-connection.js";
import { ReadLoop, TICK_MS } from "../sockets/read-loop.js";
import type { Called, FromWorker, IngestWorkerData, ToWorker } from "./messages.js";

const BEAT_MS = 250;

const start = workerData as IngestWorkerData;
const { port } = start;
const memory = new ArenaMemory(start.memory);
const connections = new Map<number, WorkerConnection>();
const offsetMs = performance.timeOrigin + start.zeroMs;
const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() + offsetMs,
};
const loop = new ReadLoop(memory, start.buffer, MAX_SILENT_TICKS * TICK_MS);
// For the life of the thread: connections come and go by messages.
loop.joined();
loop.between = () => {
  const { i32 } = memory;
  const asked = Atomics.load(i32, (start.calls + CALL_ASKED_OFFSET) >>> 2);
  if (asked === Atomics.load(i32, (start.calls + CALL_DONE_OFFSET) >>> 2)) return;
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) receive(next.message as Called);
};
const parts: WorkerParts = {
  memory,
  clock,
  loop,
  budget: new ScratchBudget(start.maxScratchBytes),
  maxRestTicks: Math.max(1, Math.floor(start.maxRestMs / TICK_MS)),
  tell: (message: FromWorker) => port.postMessage(message),
  gone: ({ id }) => connections.delete(id),
};

function receive(message: Called): void {
  act(message);
  if (message.call === undefined) return;
  Atomics.store(memory.i32, (start.calls + CALL_DONE_OFFSET) >>> 2, message.call);
  Atomics.notify(memory.i32, (start.calls + CALL_DONE_OFFSET) >>> 2);
}

function act(message: ToWorker): void {
  if (message.kind === "take") {
    connections.set(message.connection, new WorkerConnection(message.connection, message.taken, parts));
    return;
  }
  const connection = connections.get(message.connection);
  // It may have ended meanwhile.
  if (!connection) return;
  switch (message.kind) {
    case "open":
      connection.open(message.stream);
      return;
    case "unpublish":
      connection.unpublish(message.streamId);
      return;
    case "begin":
      connection.begin();
      return;
    case "goOn":
      connection.goOn();
      return;
    case "write":
      connection.write(message.bytes);
      return;
    case "readNow":
      connection.readNow();
      return;
    case "close":
      connection.close("");
      return;
    case "config":
      connection.configStored(message.stream, message.pointer);
      return;
    case "room":
      connection.roomMade(message.stream, message.heldMs, message.refusal);
      return;
  }
}

setInterval(() => Atomics.add(memory.i32, (start.calls + CALL_BEATS_OFFSET) >>> 2, 1), BEAT_MS);
port.on("message", receive);
parentPort?.postMessage("ready");
