// The two pools: drains in one, finish, sync and copy in another, smaller one, so that closing a file never delays the
// frames of another (design.md §2). A write that hangs cannot be interrupted; its thread is left alone until the call
// returns, and the pool makes another thread for the work that waits (up to `spareThreads` more).

import { Piscina } from "piscina";
import { ARENA_BASE, type Arena } from "../arena/arena.js";
import { compileKernel, instantiateKernel } from "../arena/kernel.js";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { OUTPUT_BYTES } from "../container/segment-output.js";
import type { CopyRequest, CopyResult } from "./copy-task.js";
import type { DrainBatch, DrainResult } from "./drain-batch.js";
import type { DrainWorkerData } from "./drain-task.js";
import type { FinishRequest, FinishResult } from "./finish-task.js";
import type { ManifestRequest, ManifestResult } from "./manifest-task.js";
import type { MoveRequest, MoveResult } from "./move-task.js";
import type { RecoverRequest, RecoverResult } from "./recover-task.js";
import type { SyncItem, SyncResult } from "./sync-task.js";
import { ThreadLoading } from "./thread-loading.js";

export interface PoolOptions {
  /** Threads that drain. */
  workers: number;
  /** How many threads may replace stuck ones. */
  spareThreads: number;
  /** A thread has died that had nothing to do. */
  onThreadError?: (error: Error) => void;
}

const IDLE_THREAD_MS = 10_000;
/**
 * Threads load JavaScript and wasm as built; a program that runs from the sources (tests, benches) uses the build
 * beside them.
 */
const BUILT = new URL(import.meta.url.endsWith(".ts") ? "../../dist/worker/" : "./", import.meta.url);

export class Pools implements Collector {
  readonly workers: number;
  readonly module: WebAssembly.Module;
  #arena: Arena;
  #drain: Piscina;
  #finish: Piscina;
  #loading: ThreadLoading[];
  #freeOutputs: number[] = [];
  #closing = false;

  constructor(arena: Arena, options: PoolOptions) {
    this.#arena = arena;
    this.workers = options.workers;
    this.module = compileKernel(new URL("../wasm/reel.wasm", BUILT));
    instantiateKernel(this.module, arena.memory, ARENA_BASE); // a broken build fails here and not in a worker
    const workerData: DrainWorkerData = { memory: arena.memory, module: this.module, arenaBase: ARENA_BASE };
    // Descriptors belong to the process and live in the segments' states, so a retiring thread must not close them.
    const common = { workerData, trackUnmanagedFds: false, concurrentTasksPerWorker: 1, idleTimeout: IDLE_THREAD_MS };
    const file = (name: string): string => new URL(name, BUILT).href;
    this.#drain = new Piscina({
      ...common,
      filename: file("./drain-task.js"),
      name: "drain",
      minThreads: options.workers,
      maxThreads: options.workers + options.spareThreads,
    });
    this.#finish = new Piscina({
      ...common,
      filename: file("./finish-task.js"),
      name: "finish",
      minThreads: 1,
      maxThreads: 1 + options.spareThreads,
    });
    // A thread that dies without a task is replaced, and its exit nobody else's business. The task of one that has one
    // is rejected.
    for (const pool of [this.#drain, this.#finish]) pool.on("error", options.onThreadError ?? (() => {}));
    this.#loading = [new ThreadLoading(this.#drain), new ThreadLoading(this.#finish)];
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  drain(batch: DrainBatch): Promise<DrainResult[]> {
    return this.#drain.run(batch) as Promise<DrainResult[]>;
  }

  finish(request: FinishRequest): Promise<FinishResult> {
    return this.#finish.run(request) as Promise<FinishResult>;
  }

  recover(request: RecoverRequest): Promise<RecoverResult> {
    return this.#finish.run(request, {
      filename: new URL("./recover-task.js", BUILT).href,
      name: "recover",
    }) as Promise<RecoverResult>;
  }

  move(request: MoveRequest): Promise<MoveResult> {
    return this.#finish.run(request, {
      filename: new URL("./move-task.js", BUILT).href,
      name: "move",
    }) as Promise<MoveResult>;
  }

  copy(request: CopyRequest): Promise<CopyResult> {
    return this.#finish.run(request, {
      filename: new URL("./copy-task.js", BUILT).href,
      name: "copy",
    }) as Promise<CopyResult>;
  }

  manifest(request: ManifestRequest): Promise<ManifestResult> {
    return this.#finish.run(request, {
      filename: new URL("./manifest-task.js", BUILT).href,
      name: "manifest",
    }) as Promise<ManifestResult>;
  }

  /** Syncs files of growing segments; a result for each, in order. */
  sync(items: readonly SyncItem[]): Promise<SyncResult[]> {
    return this.#finish.run(items, { filename: new URL("./sync-task.js", BUILT).href, name: "sync" }) as Promise<
      SyncResult[]
    >;
  }

  /** A buffer of OUTPUT_BYTES; `releaseOutput` gives it back. */
  takeOutput(): number {
    return this.#freeOutputs.pop() ?? this.#arena.allocate(OUTPUT_BYTES, false);
  }

  releaseOutput(pointer: number): void {
    this.#freeOutputs.push(pointer);
  }

  collect(): readonly Sample[] {
    return [this.#drain, this.#finish].flatMap((pool) => {
      const labels = { pool: pool.options.name ?? "" };
      return [
        gauge("reel_pool_threads", "Threads of a pool.", pool.threads.length, labels),
        gauge("reel_pool_waiting_tasks", "Tasks that wait for a thread.", pool.queueSize, labels),
        counter("reel_pool_tasks_total", "Tasks that a pool has completed.", pool.completed, labels),
      ];
    });
  }

  /** Ends the threads. A thread that hangs in a system call keeps its descriptors and ends with the process. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await Promise.all(this.#loading.map((loading) => loading.whenDone()));
    await Promise.all([this.#drain.destroy(), this.#finish.destroy()]);
    for (const pointer of this.#freeOutputs.splice(0)) this.#arena.free(pointer);
  }
}
