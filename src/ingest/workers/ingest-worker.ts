// A thread that reads sockets, as the main thread has it. Most of what goes there and back are messages; where the main
// thread must know that something is done before it goes on, it waits: `call`. The other one never waits for this one.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { CALL_ASKED_OFFSET, CALL_BEATS_OFFSET, CALL_DONE_OFFSET, CALL_SIZE } from "../../abi/ingest.js";
import type { Arena } from "../../arena/arena.js";
import type { Clock, Millis } from "../../time/units.js";
import { HEADROOM_BYTES, READ_BYTES } from "../sockets/read-loop.js";
import type { Called, FromWorker, IngestWorkerData, ToWorker } from "./messages.js";

/** The thread looks between two sockets. The main thread has others to see to than one that is stuck. */
const CALL_TIMEOUT_MS = 1000;
const LOOK_MS = 100;
/** Threads load JavaScript as built; a program that runs from the sources uses the build beside them. */
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/ingest/workers/ingest-thread.js" : "./ingest-thread.js",
  import.meta.url,
);

/** Something that the thread works for. */
export interface WorkerClient {
  receive(message: FromWorker): void;
  /** Takes over what has come. */
  sweep(): void;
  /** The thread is gone. */
  died(): void;
}

export interface IngestWorkerParts {
  arena: Arena;
  clock: Clock;
  /** How long a socket rests between two reads, at most. */
  maxRestMs: Millis;
  maxScratchBytes: number;
  /** What it runs, by default THREAD. */
  thread?: URL | undefined;
  /** It has ended by itself; its clients have been told. */
  onDeath(worker: IngestWorker, error: Error | undefined): void;
}

export class IngestWorker {
  readonly clients = new Map<number, WorkerClient>();
  /** Resolves when it can be given connections, or never will. */
  readonly ready: Promise<void>;
  isReady = false;
  /** It was ready once. */
  hasRun = false;
  readonly #arena: Arena;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #buffer: number;
  readonly #calls: number;
  #lastCall = 0;
  #lastBeats = 0;
  #silentLooks = 0;
  #isDying = false;
  #error: Error | undefined;
  readonly #gone: Promise<void>;

  constructor({ arena, clock, maxRestMs, maxScratchBytes, thread = THREAD, onDeath }: IngestWorkerParts) {
    this.#arena = arena;
    this.#buffer = arena.allocate(HEADROOM_BYTES + READ_BYTES);
    this.#calls = arena.allocate(CALL_SIZE);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const zeroMs = clock.monotonicMs() - performance.timeOrigin - performance.now();
    const workerData: IngestWorkerData = {
      ...{ memory: arena.memory, port: port2, buffer: this.#buffer, calls: this.#calls },
      ...{ zeroMs, maxRestMs, maxScratchBytes },
    };
    // Descriptors belong to the main thread's sockets.
    this.#worker = new Worker(thread, { workerData, transferList: [port2], trackUnmanagedFds: false, name: "ingest" });
    this.#worker.unref();
    this.#port.on("message", (message: FromWorker) => this.#receive(message));
    this.#port.unref();
    this.#worker.on("error", (error) => {
      this.#error = error;
    });
    this.#gone = new Promise((resolve) =>
      this.#worker.once("exit", () => {
        this.#end();
        onDeath(this, this.#error);
        resolve();
      }),
    );
    const online = new Promise<void>((resolve) => this.#worker.once("message", () => resolve()));
    this.ready = Promise.race([online.then(() => this.#begin()), this.#gone]);
  }

  post(message: ToWorker): void {
    if (!this.#isDying) this.#port.postMessage(message);
  }

  /**
   * Returns when it is done, and all that it has told meanwhile has been received. False where the thread is gone, or
   * does not answer: then it is done later, or the thread ends. One that is stuck is waited for once.
   */
  call(message: ToWorker): boolean {
    if (this.#isDying) return false;
    const { i32 } = this.#arena;
    const doneAt = (this.#calls + CALL_DONE_OFFSET) >>> 2;
    const isBehind = Atomics.load(i32, doneAt) !== (this.#lastCall | 0);
    const call = ++this.#lastCall | 0;
    Atomics.store(i32, (this.#calls + CALL_ASKED_OFFSET) >>> 2, call);
    this.#port.postMessage({ ...message, call } satisfies Called);
    if (isBehind) return false;
    const endMs = performance.now() + CALL_TIMEOUT_MS;
    for (let done = Atomics.load(i32, doneAt); done !== call; done = Atomics.load(i32, doneAt)) {
      if (performance.now() >= endMs) return false;
      Atomics.wait(i32, doneAt, done, LOOK_MS);
    }
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port))
      this.#receive(next.message as FromWorker);
    return true;
  }

  /** Ends the thread, whatever it does; its clients are told when it is gone. */
  async kill(): Promise<void> {
    this.#isDying = true;
    this.isReady = false;
    await this.#worker.terminate();
    await this.#gone;
  }

  /** Rises while the thread goes round its event loop. */
  get beats(): number {
    return Atomics.load(this.#arena.i32, (this.#calls + CALL_BEATS_OFFSET) >>> 2);
  }

  /** How often in a row, at each call of this, it has not gone round its event loop since the one before. */
  countSilentLooks(): number {
    if (!this.isReady) return 0;
    const { beats } = this;
    this.#silentLooks = beats === this.#lastBeats ? this.#silentLooks + 1 : 0;
    this.#lastBeats = beats;
    return this.#silentLooks;
  }

  #begin(): void {
    this.isReady = !this.#isDying;
    this.hasRun = true;
  }

  #receive(message: FromWorker): void {
    this.clients.get(message.connection)?.receive(message);
  }

  #end(): void {
    this.isReady = false;
    this.#isDying = true;
    // What it has told before its end.
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port))
      this.#receive(next.message as FromWorker);
    this.#port.close();
    for (const client of [...this.clients.values()]) client.died();
    this.clients.clear();
    this.#arena.free(this.#buffer);
    this.#arena.free(this.#calls);
  }
}
