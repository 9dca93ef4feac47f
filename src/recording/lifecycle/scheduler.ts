// Wakes every recording that has enough bytes or old enough bytes and gives them to the drain pool in batches: one tick
// for all streams, no timer of their own. At most one drain per recording is under way.
//
// A write that hangs (frozen mount) cannot be interrupted: a batch without progress for 2 s is written off. What its
// worker has not yet taken up goes to others, the volume is sick and gets no new work until the call returns.

import { SEG_OUTPUT_FD_OFFSET } from "../../abi/segment.js";
import type { Arena } from "../../arena/arena.js";
import { ArenaViews } from "../../arena/arena-views.js";
import { Histogram } from "../../base/histogram.js";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { asReelError, ReelError } from "../../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../../base/samples.js";
import { OUTPUT_BYTES } from "../../container/segment-output.js";
import { outputAt } from "../../container/segment-state.js";
import type { Clock } from "../../time/units.js";
import type { DrainBatch, DrainItem, DrainResult } from "../../worker/drain-batch.js";
import { DrainRecord, RECORD_SIZE } from "../../worker/drain-record.js";
import { isResult, takeFromDead } from "../../worker/lost-batch.js";
import type { Pools } from "../../worker/pools.js";
import { SAVED_SIZE } from "../../worker/segment-snapshot.js";
import type { Recording } from "./recording.js";

export interface SchedulerOptions {
  minBytes: number;
  maxAgeMs: number;
  tickMs: number;
  /** A batch without progress for this long is written off. */
  stuckMs: number;
  /** A recording without progress for this long fails alone. */
  giveUpMs: number;
  /** Batches that may be written off at a time; beyond, their workers are waited for. */
  spareThreads: number;
}

export const DEFAULT_SCHEDULER_OPTIONS: SchedulerOptions = {
  minBytes: 256 * 1024,
  maxAgeMs: 500,
  tickMs: 100,
  stuckMs: 2000,
  giveUpMs: 30_000,
  spareThreads: 4,
};

interface Batch {
  recordings: Recording[];
  heartbeat: number;
  lastHeartbeat: number;
  lastHeartbeatMs: number;
  isWrittenOff: boolean;
  volume: number | undefined;
}

/** Unique over all recorders of the process while a stuck call can last: 2^29 dispatches are days. */
let lastTicket = 0;
function nextTicket(): number {
  lastTicket = (lastTicket + 1) & MAX_TICKET;
  return lastTicket;
}
const MAX_TICKET = 2 ** 29 - 1;

/** Items of a batch: enough to make one message cheap, few enough that the pool's threads share the work. */
const MAX_BATCH = 64;
/**
 * Behind the output of a batch: a cache line that counts its writes, the states before the kernel call, a record of
 * each item.
 */
const HEARTBEAT_SIZE = 64;
const TAIL_SIZE = HEARTBEAT_SIZE + SAVED_SIZE + MAX_BATCH * RECORD_SIZE;
/** A batch that kills so many threads without a step forward is at fault itself. */
const MAX_DEATHS = 20;

export class Scheduler implements Collector {
  #arena: Arena;
  #pools: Pools;
  #clock: Clock;
  #logger: Logger;
  #options: SchedulerOptions;
  #logLimit: LogLimit;
  #recordings = new Set<Recording>();
  #batches = new Set<Batch>();
  /** How many calls hang on a volume, and since when. */
  #sickVolumes = new Map<number, { calls: number; sinceMs: number }>();
  #timer: NodeJS.Timeout;
  readonly #views: ArenaViews;
  #isKicked = false;
  /** The last look found more to do than there were threads. */
  #hasBacklog = false;
  readonly #drainSeconds = new Histogram("reel_drain_seconds", "From giving a batch to the drain pool to its results.");
  readonly #writeSeconds = new Histogram("reel_write_seconds", "What the writes of one recording's drain took.");

  constructor(arena: Arena, pools: Pools, clock: Clock, logger: Logger, options: SchedulerOptions) {
    this.#arena = arena;
    this.#views = new ArenaViews(arena.memory);
    this.#pools = pools;
    this.#clock = clock;
    this.#logger = logger;
    this.#options = options;
    this.#logLimit = new LogLimit(clock, 1);
    this.#timer = setInterval(() => this.#tick(), options.tickMs);
  }

  add(recording: Recording): void {
    this.#recordings.add(recording);
  }

  remove(recording: Recording): void {
    this.#recordings.delete(recording);
  }

  collect(): readonly Sample[] {
    return [
      gauge("reel_scheduled_recordings", "Recordings that the scheduler drains.", this.#recordings.size),
      gauge("reel_drain_batches", "Batches that a drain thread has.", this.#batches.size),
      gauge("reel_sick_volumes", "Volumes on which a call hangs.", this.#sickVolumes.size),
      gauge("reel_drain_backlog", "1 while more is due than threads are free.", this.#hasBacklog ? 1 : 0),
      ...this.#drainSeconds.collect(),
      ...this.#writeSeconds.collect(),
    ];
  }

  isSick(volume: number): boolean {
    return this.#sickVolumes.has(volume);
  }

  /** Something wants to be drained before the next tick. */
  kick(): void {
    if (this.#isKicked) return;
    this.#isKicked = true;
    setImmediate(() => {
      this.#isKicked = false;
      this.#dispatch();
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.#clock.monotonicMs();
    for (const batch of this.#batches) this.#watch(batch, now);
    this.#dispatch();
  }

  #dispatch(): void {
    const now = this.#clock.monotonicMs();
    const { minBytes, maxAgeMs } = this.#options;
    let running = 0;
    for (const batch of this.#batches) if (!batch.isWrittenOff) running++;
    let free = this.#pools.workers - running;
    this.#hasBacklog = free <= 0;
    if (this.#hasBacklog) return;
    const due: Recording[] = [];
    for (const recording of this.#recordings) {
      const sick = this.#sickVolumes.size > 0 ? this.#sickVolumes.get(recording.target?.volume ?? -1) : undefined;
      if (sick) this.#checkStalled(recording, sick.sinceMs, now);
      else if (recording.nameWantedMs !== undefined) this.#checkStalled(recording, recording.nameWantedMs, now);
      else if (recording.isDue(now, minBytes, maxAgeMs)) due.push(recording);
    }
    // Who has waited longest comes first: a volume that is slow and always has work must not keep the others from
    // theirs.
    let waiting = due.sort((a, b) => a.lastDrainMs - b.lastDrainMs);
    while (free > 0 && waiting.length > 0) {
      const batch = nextBatch(waiting, Math.min(MAX_BATCH, Math.ceil(waiting.length / free)));
      const taken = new Set(batch);
      waiting = waiting.filter((recording) => !taken.has(recording));
      if (this.#run(batch, now)) free--;
    }
    this.#hasBacklog = waiting.length > 0;
  }

  /** False where there is no memory for the batch: it takes no thread. */
  #run(recordings: Recording[], now: number): boolean {
    const wanted = recordings[0]?.wantedOutput ?? 0;
    const isLarge = wanted > OUTPUT_BYTES - TAIL_SIZE;
    let out: number;
    try {
      out = isLarge
        ? this.#arena.allocate(Math.ceil(wanted / HEARTBEAT_SIZE) * HEARTBEAT_SIZE + TAIL_SIZE)
        : this.#pools.takeOutput();
    } catch (error) {
      this.#logLimit.pass((suppressed) =>
        this.#logger.warn({ err: error, suppressed }, "no memory for an output buffer; the drain waits"),
      );
      if (isLarge) this.#checkStarved(recordings, now, error);
      return false;
    }
    const outBytes = isLarge ? wanted : OUTPUT_BYTES - TAIL_SIZE;
    const heartbeat = out + Math.ceil(outBytes / HEARTBEAT_SIZE) * HEARTBEAT_SIZE;
    const batch: Batch = {
      recordings,
      heartbeat,
      lastHeartbeat: -1,
      lastHeartbeatMs: now,
      isWrittenOff: false,
      volume: undefined,
    };
    this.#batches.add(batch);
    const saved = heartbeat + HEARTBEAT_SIZE;
    const items = recordings.map((recording, index) => {
      const record = saved + SAVED_SIZE + index * RECORD_SIZE;
      new DrainRecord(this.#views, record).clear();
      return recording.dispatch(now, nextTicket(), record);
    });
    const settle = (results: readonly DrainResult[]): void => {
      this.#batches.delete(batch);
      if (isLarge) this.#arena.free(out);
      else this.#pools.releaseOutput(out);
      if (batch.isWrittenOff) this.#recover(batch);
      this.#drainSeconds.observe((this.#clock.monotonicMs() - now) / 1000);
      recordings.forEach((recording, index) => {
        const result = results[index];
        if (!result) return;
        if (result.writtenBytes > 0) this.#writeSeconds.observe(result.writeMs / 1000);
        this.#take(recording, result);
      });
      // Otherwise the next tick: a look after every batch would find a few recordings each time, and small batches cost
      // the most.
      if (this.#hasBacklog) this.kick();
    };
    void this.#drain({ out, outBytes, heartbeat, saved, items }, recordings).then(settle);
    return true;
  }

  /** The results of a batch, item by item. What a thread that dies leaves goes to another one. */
  async #drain(request: DrainBatch, recordings: readonly Recording[]): Promise<DrainResult[]> {
    const { items } = request;
    const results = new Map<number, DrainResult>();
    let rest = items;
    const progress = (): number => Atomics.load(this.#arena.i32, request.heartbeat >>> 2) + results.size;
    for (let deaths = 0, last = progress(); ; deaths++) {
      try {
        const answers = await this.#pools.drain({ ...request, items: rest });
        answers.forEach((result, i) => void results.set(rest[i]?.record ?? 0, result));
        rest = [];
      } catch (error) {
        const left: DrainItem[] = [];
        for (const item of rest) {
          const found = takeFromDead(this.#views, item);
          if (isResult(found)) results.set(item.record, found);
          else left.push(found);
        }
        rest = left;
        if (progress() !== last) deaths = 0;
        last = progress();
        const { message } = asReelError(error);
        this.#logger.warn({ error: message, items: rest.length }, "a drain thread has died; another one goes on");
        if (rest.length > 0 && deaths < MAX_DEATHS && !this.#pools.isClosing) continue;
        for (const item of rest)
          results.set(
            item.record,
            this.#giveUpItem(item, recordings[items.findIndex(({ record }) => record === item.record)], message),
          );
        rest = [];
      }
      if (rest.length === 0) return items.map(({ record }) => results.get(record) as DrainResult);
    }
  }

  /** No thread gets through with it: its recording fails, with its event. */
  #giveUpItem(item: DrainItem, recording: Recording | undefined, message: string): DrainResult {
    const isOpen = (this.#views.u32(outputAt(item.segment, 0) + SEG_OUTPUT_FD_OFFSET) | 0) >= 0;
    return {
      claimed: recording?.releaseDead(item.ticket) ?? false,
      status: 0,
      opened: isOpen && item.opening !== undefined,
      writtenBytes: 0,
      writeMs: 0,
      failure: { code: "trap", message: `a drain worker ended: ${message}`, path: item.path, errno: undefined },
      unwritten: undefined,
    };
  }

  /** A listener that throws must not leave the batch's other recordings without their results. */
  #take(recording: Recording, result: DrainResult): void {
    try {
      recording.onResult(result);
    } catch (error) {
      this.#logger.warn(
        { err: error, path: recording.currentPath },
        "a recording's result could not be taken; it ends",
      );
      recording.fail(asReelError(error));
    }
  }

  #watch(batch: Batch, now: number): void {
    const heartbeat = Atomics.load(this.#arena.i32, batch.heartbeat >>> 2);
    const running = batch.recordings.find((recording) => recording.isRunningInWorker);
    if (heartbeat !== batch.lastHeartbeat || !running) {
      batch.lastHeartbeat = heartbeat;
      batch.lastHeartbeatMs = now;
      return;
    }
    const stalledMs = now - batch.lastHeartbeatMs;
    if (!batch.isWrittenOff && stalledMs >= this.#options.stuckMs) this.#writeOff(batch, running);
    if (stalledMs >= this.#options.giveUpMs) this.#giveUp(running, stalledMs);
  }

  #writeOff(batch: Batch, running: Recording): void {
    let writtenOff = 0;
    for (const other of this.#batches) if (other.isWrittenOff) writtenOff++;
    if (writtenOff >= this.#options.spareThreads) return;
    batch.isWrittenOff = true;
    batch.volume = running.target?.volume;
    if (batch.volume !== undefined) {
      const sick = this.#sickVolumes.get(batch.volume) ?? { calls: 0, sinceMs: batch.lastHeartbeatMs };
      this.#sickVolumes.set(batch.volume, { ...sick, calls: sick.calls + 1 });
    }
    let taken = 0;
    for (const recording of batch.recordings) if (recording.reclaim()) taken++;
    this.#logger.warn(
      { path: running.currentPath, recordings: taken },
      "a write does not return; its volume gets no new work until it does",
    );
    this.kick();
  }

  #recover(batch: Batch): void {
    const { volume } = batch;
    if (volume === undefined) return;
    const sick = this.#sickVolumes.get(volume);
    if (sick && sick.calls > 1) {
      sick.calls--;
      return;
    }
    this.#sickVolumes.delete(volume);
    this.#logger.info({ volume }, "the write has returned; its volume is used again");
  }

  /**
   * A recording on a sick volume that is not itself in the stuck call. That it had nothing to write before is no stall.
   */
  #checkStalled(recording: Recording, sickSinceMs: number, now: number): void {
    const stalledMs = now - Math.max(recording.lastProgressMs, sickSinceMs);
    if (stalledMs >= this.#options.giveUpMs) this.#giveUp(recording, stalledMs);
  }

  /**
   * A frame that wants more than there is would hold its source back for ever. It was asked for with the last drain.
   */
  #checkStarved(recordings: readonly Recording[], now: number, cause: unknown): void {
    for (const recording of recordings) {
      if (now - Math.max(recording.lastProgressMs, recording.lastDrainMs) < this.#options.giveUpMs) continue;
      const message = `there is no memory for a frame that takes ${recording.wantedOutput} bytes of output; raise arena.maximumMib`;
      recording.fail(new ReelError("arenaFull", message, { path: recording.currentPath }, { cause }));
    }
  }

  #giveUp(recording: Recording, stalledMs: number): void {
    if (recording.isStopped) return;
    recording.fail(
      new ReelError(
        "stuck",
        `no write has returned for ${Math.round(stalledMs / 1000)} s: the volume does not answer`,
        { path: recording.currentPath },
      ),
    );
  }
}

/**
 * The next batch of a list; one that wants a larger output buffer goes alone. All write to one volume: the results of a
 * batch come with its last, and those in front of a write that hangs must not wait for it.
 */
function nextBatch(waiting: readonly Recording[], size: number): Recording[] {
  const first = waiting[0] as Recording;
  if (first.wantedOutput > 0) return [first];
  return waiting
    .filter((other) => other.wantedOutput === 0 && other.target?.volume === first.target?.volume)
    .slice(0, size);
}
