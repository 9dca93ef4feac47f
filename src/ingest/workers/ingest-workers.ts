// The threads that read the sockets of publishers beside the main one (docs/decisions/ingest-workers.md). A thread that
// dies ends its connections with their events and nothing else, and is replaced.

import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import { type Collector, counter, gauge, type Sample } from "../../base/samples.js";
import type { Clock, Millis } from "../../time/units.js";
import { IngestWorker } from "./ingest-worker.js";

/** How often the main thread takes over what has come of streams that nobody records. */
const SWEEP_MS = 100;
/** A thread that has gone round its event loop in none of so many sweeps (5 s or more) is stuck, and is ended. */
const MAX_SILENT_SWEEPS = 50;

export interface IngestWorkersParts {
  arena: Arena;
  clock: Clock;
  logger: Logger;
  workers: number;
  maxRestMs?: Millis;
  maxScratchBytes?: number;
  /** What the threads run, where it is not ours. */
  thread?: URL;
}

export class IngestWorkers implements Collector {
  readonly #parts: IngestWorkersParts;
  #workers: IngestWorker[] = [];
  readonly #sweep: NodeJS.Timeout;
  #nextConnection = 1;
  #deaths = 0;
  #isClosed = false;

  private constructor(parts: IngestWorkersParts) {
    this.#parts = parts;
    for (let i = 0; i < parts.workers; i++) this.#start();
    this.#sweep = setInterval(() => this.#sweepAll(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Resolves when the threads run. */
  static async start(parts: IngestWorkersParts): Promise<IngestWorkers> {
    const workers = new IngestWorkers(parts);
    await Promise.all(workers.threads.map(({ ready }) => ready));
    return workers;
  }

  get threads(): readonly IngestWorker[] {
    return this.#workers;
  }

  /** A number for a connection, of all threads together. */
  nextConnection(): number {
    return this.#nextConnection++;
  }

  /** The thread with the fewest connections; undefined where none runs: then the main thread reads on. */
  pick(): IngestWorker | undefined {
    let best: IngestWorker | undefined;
    for (const worker of this.#workers)
      if (worker.isReady && (!best || worker.clients.size < best.clients.size)) best = worker;
    return best;
  }

  collect(): readonly Sample[] {
    return [
      gauge("reel_ingest_workers", "Threads that read publishers' sockets beside the main one.", this.#workers.length),
      counter("reel_ingest_worker_deaths_total", "Of these, those that have died.", this.#deaths),
      ...this.#workers.map(({ clients }, i) =>
        gauge("reel_ingest_worker_connections", "Connections that a thread reads.", clients.size, {
          worker: String(i),
        }),
      ),
    ];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    await Promise.all(this.#workers.map((worker) => worker.kill()));
  }

  #start(): void {
    const { arena, clock, maxRestMs = 150, maxScratchBytes = 268_435_456, thread } = this.#parts;
    this.#workers.push(
      new IngestWorker({
        ...{ arena, clock, maxRestMs, maxScratchBytes, thread },
        onDeath: (worker, error) => this.#onDeath(worker, error),
      }),
    );
  }

  #onDeath(worker: IngestWorker, error: Error | undefined): void {
    const wasReady = this.#workers.includes(worker) && worker.hasRun;
    this.#workers = this.#workers.filter((other) => other !== worker);
    if (this.#isClosed) return;
    this.#deaths++;
    this.#parts.logger.warn({ error }, "a thread that reads publishers has died: its connections have ended");
    // One that cannot even begin would be started for ever.
    if (wasReady) this.#start();
  }

  #sweepAll(): void {
    for (const worker of this.#workers) {
      for (const client of worker.clients.values()) client.sweep();
      if (worker.countSilentLooks() < MAX_SILENT_SWEEPS) continue;
      this.#parts.logger.warn({}, "a thread that reads publishers is stuck, and is ended");
      void worker.kill();
    }
  }
}
