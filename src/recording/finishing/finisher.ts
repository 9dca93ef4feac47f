// Makes closed segments final, in the finish pool: name first, then the ledger, then the event. What becomes of a
// finish that fails is in after-failure.ts. One that is tried again (disk full) keeps its journal intact meanwhile, and
// one event tells of it, not one per try; one that cannot succeed ends.

import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Arena } from "../../arena/arena.js";
import { Histogram } from "../../base/histogram.js";
import { KeyedQueue } from "../../base/keyed-queue.js";
import type { Logger } from "../../base/logger.js";
import { asReelError, type ErrorCode, ReelError } from "../../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../../base/samples.js";
import type { Ledger } from "../../catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "../../catalog/segment-report.js";
import { type FileFailure, failureToError } from "../../container/file-failure.js";
import type { ObservedIndex } from "../../container/mp4/reserve.js";
import { OUTPUT_BYTES } from "../../container/segment-output.js";
import { CONTAINERS, type ContainerName } from "../../container/table.js";
import type { Gap } from "../../stream/gap.js";
import { type Clock, type Moment, momentOf } from "../../time/units.js";
import type { FinishResult } from "../../worker/finish-task.js";
import type { Pools } from "../../worker/pools.js";
import type { Segment } from "../lifecycle/segment.js";
import type { Naming } from "../naming/naming.js";
import type { Reservation, Reservations } from "../naming/reservations.js";
import type { Durability } from "../record-config.js";
import { afterFailure, pauseMs } from "./after-failure.js";
import { ClosingOrder, type Turn } from "./closing-order.js";
import type { Manifests } from "./manifests.js";
import type { Recovery } from "./recovery.js";

export interface FinisherDeps {
  arena: Arena;
  pools: Pools;
  clock: Clock;
  ledger: Ledger;
  naming: Naming;
  logger: Logger;
  lockPath: string;
  durability: Durability;
  onClosed: (report: ClosedSegmentReport) => void;
  onFailed: (report: FailedSegmentReport) => void;
  /** A file that had been taken away before its end: all that it held. */
  onLost: (gap: Gap, report: SegmentReport) => void;
  reservations: Reservations;
  recovery: Recovery;
  manifests: Manifests;
}

/** Tries of a finish whose volume is unmounted, some four minutes; a journal that comes back later is recovered. */
const MAX_ABSENCES = 8;
/** Two finishes and one sync a volume, of five threads. */
const FINISHES_PER_VOLUME = 2;
/** NTP slews a clock by 0.5 ms a second at most: 1.8 s an hour. */
const CLOCK_STEP_MS = 2000;
/** A finish at which so many threads die is at fault itself. */
const MAX_DEATHS = 3;
/** How long a new recording waits for the finish of an older file of its name, before it takes the next number. */
const MAKE_WAY_MS = 2000;

export class Finisher implements Collector {
  #deps: FinisherDeps;
  #pending = new Map<Segment, { path: string; done: Promise<unknown> }>();
  /**
   * By volume. A call on a frozen one cannot be interrupted: files on healthy ones must still become final (design.md
   * §2).
   */
  #finishes = new KeyedQueue<number>(FINISHES_PER_VOLUME);
  readonly #order = new ClosingOrder();
  #isClosing = false;
  #wakeAll = new Set<() => void>();
  readonly #finishSeconds = new Histogram("reel_finish_seconds", "From the end of a file's recording to its report.");

  constructor(deps: FinisherDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the segment is final, or was given up by `close` with its journal intact; with what the index of an
   * MP4 took. Never rejects.
   */
  finish(
    segment: Segment,
    container: ContainerName,
    durability: Durability | undefined,
  ): Promise<ObservedIndex | undefined> {
    const beganMs = this.#deps.clock.monotonicMs();
    const done = this.#run(segment, container, durability)
      .catch((error: unknown) => {
        // No free number, a folder that is gone: an MP4 keeps its journal, for the recovery of the next start.
        this.#deps.logger.warn({ err: error, path: segment.path }, "a segment could not be finished");
        const { code, message } = asReelError(error);
        this.#deps.onFailed({ ...segment.report(), code, error: message });
        return undefined;
      })
      .finally(() => {
        this.#pending.delete(segment);
        this.#finishSeconds.observe((this.#deps.clock.monotonicMs() - beganMs) / 1000);
        segment.free();
      });
    this.#pending.set(segment, { path: segment.path, done });
    return done;
  }

  /**
   * overwrite=1: the name a new segment wants may still be in its finish, or carry the journal of a crash. A finish is
   * waited for (it costs the index); if it takes too long the new segment gets the next number. A journal is moved to
   * the next number; one that another server writes stays, and the new segment gets the number. Returns the name to
   * use.
   */
  async makeWay(path: string, type: ContainerName): Promise<Reservation> {
    if (this.#deps.recovery.isBusy(path)) return this.#deps.naming.nextFree(path, type);
    const busy = [...this.#pending.values()].find((entry) => entry.path === path);
    if (busy) {
      const isDone = await Promise.race([busy.done.then(() => true), this.#pause(MAKE_WAY_MS).then(() => false)]);
      if (!isDone) return this.#deps.naming.nextFree(path, type);
    }
    const reservation = this.#deps.reservations.take(path);
    try {
      const isFree = busy || !(this.#deps.recovery.has(path) || (await hasJournalAt(path, type)));
      if (isFree || (await this.#deps.recovery.moveAway(path, type))) return reservation;
    } catch (error) {
      reservation.release();
      throw error;
    }
    reservation.release();
    return this.#deps.naming.nextFree(path, type);
  }

  collect(): readonly Sample[] {
    return [
      gauge("reel_finishing_segments", "Closed segments that are not yet final.", this.#pending.size),
      ...this.#finishSeconds.collect(),
    ];
  }

  /** Resolves when nothing is being finished any more. */
  async whenIdle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all([...this.#pending.values()].map((entry) => entry.done));
  }

  /** Ends the pauses: what cannot be finished now stays as it is, for the recovery of the next start. */
  close(): void {
    this.#isClosing = true;
    for (const wake of this.#wakeAll) wake();
  }

  async #run(
    segment: Segment,
    container: ContainerName,
    durability: Durability | undefined,
  ): Promise<ObservedIndex | undefined> {
    const stopped = momentOf(this.#deps.clock);
    const turn = this.#order.join(segment);
    const hasJournal = CONTAINERS[container].journal !== undefined;
    /** Where another file has the segment's name: the one beside it. */
    let place: Reservation | undefined;
    let told: ErrorCode | undefined;
    try {
      for (let isFirst = true, failures = 0, deaths = 0, absences = 0; ; ) {
        const path = place?.path ?? segment.path;
        const { hasDied, ...result } = await this.#try(segment, container, durability, path, isFirst);
        const { failure } = result;
        if (!failure) {
          if (result.isEmpty) await this.#endEntry(segment, durability, "notFound", "nothing was recorded");
          else await this.#closed(segment, path, stopped, result, durability, turn);
          return { tableBytes: result.tableBytes, durationMs: segment.durationMs };
        }
        // Without a buffer no thread has seen the segment, and its descriptors are still open.
        isFirst &&= failure.code === "arenaFull";
        if (hasDied && segment.openFiles > 0 && ++deaths < MAX_DEATHS && !this.#isClosing) {
          if (told === undefined) this.#tell(segment, path, failure);
          told = failure.code;
          continue;
        }
        const isAbsent = hasJournal && failure.code === "notFound" && (await this.#isVolumeGone(segment));
        const next =
          isAbsent && ++absences <= MAX_ABSENCES
            ? afterFailure("io", hasJournal, this.#isClosing)
            : afterFailure(failure.code, hasJournal, this.#isClosing);
        if (next === "nextName") {
          // Without overwrite another file is never replaced: the segment gets the next free number.
          const beside = await this.#deps.naming.nextFree(path, container);
          place?.release();
          place = beside;
          continue;
        }
        if (next === "lost") {
          // What is open is closed by now. Its own failure was told when it was noticed.
          const { code, message } = segment.lostError ?? failure;
          if (!segment.lostError) {
            this.#deps.onFailed({ ...segment.report(), code, error: message });
            this.#deps.onLost(segment.asLost(), segment.report());
          }
          await this.#endEntry(segment, durability, code, message);
          return undefined;
        }
        if (told === undefined || (next === "never" && told !== failure.code)) this.#tell(segment, path, failure);
        told = failure.code;
        if (failure.code === "notDurable") await this.#unsynced(segment, path, failure, durability);
        if (next === "unsynced") continue;
        if (next === "inPlace") await this.#closedInPlace(segment, path, stopped, durability, turn);
        // What is no longer there will never be closed. Another journal is for the next start, which may do better.
        if (next === "never" && failure.code === "notFound") {
          const lost = segment.asLost();
          if (lost.frames > 0) this.#deps.onLost(lost, segment.report());
          await this.#endEntry(segment, durability, failure.code, failure.message);
        }
        if (next !== "later") return undefined;
        turn.pass();
        await this.#pause(pauseMs(failures++));
      }
    } finally {
      turn.pass();
      place?.release();
    }
  }

  /** Its folder is on another volume for now: what is missing comes back with its own. */
  async #isVolumeGone({ path, volume }: Segment): Promise<boolean> {
    const folder = await stat(dirname(path)).catch(() => undefined);
    return folder !== undefined && folder.dev !== volume;
  }

  #tell(segment: Segment, path: string, { code, errno, message }: FileFailure): void {
    this.#deps.logger.warn({ path, code, errno }, message);
    const error = code === "notDurable" ? message : `The index could not be written: ${message}`;
    this.#deps.onFailed({ ...segment.report(), path, code, error });
  }

  /** Known after a crash as well: the next sync would pass. */
  async #unsynced(
    segment: Segment,
    path: string,
    failure: FileFailure,
    durability: Durability | undefined,
  ): Promise<void> {
    segment.syncFailure = failureToError(failure);
    const report = { ...segment.report(), path, code: failure.code, error: failure.message };
    const entry = { type: "unsynced", opened: segment.sequence, report } as const;
    await this.#deps.ledger.append(entry, this.#isDurable(durability));
  }

  /** The file plays as it is: what failed was a patch or a sync. */
  async #closedInPlace(
    segment: Segment,
    path: string,
    stopped: Moment,
    durability: Durability | undefined,
    turn: Turn,
  ): Promise<void> {
    const sizeBytes = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    const result = { finish: "none", sizeBytes, tableBytes: 0, isEmpty: false, failure: undefined } as const;
    await this.#closed(segment, path, stopped, result, durability, turn);
  }

  /**
   * There is no file: its first write failed, or it was deleted. Its entry in the ledger ends; the event is not new.
   */
  async #endEntry(segment: Segment, durability: Durability | undefined, code: ErrorCode, error: string): Promise<void> {
    const { ledger } = this.#deps;
    const report = { ...segment.report(), sequence: ledger.nextSequence(), code, error };
    await ledger.append({ type: "failed", opened: segment.sequence, report }, this.#isDurable(durability));
  }

  async #try(
    segment: Segment,
    container: ContainerName,
    durability: Durability | undefined,
    path: string,
    isFirst: boolean,
  ): Promise<FinishResult & { hasDied: boolean }> {
    const { pools, lockPath } = this.#deps;
    return this.#finishes.run(segment.volume, async () => {
      let out: number | undefined;
      try {
        out = pools.takeOutput();
        const isClosed = CONTAINERS[container].journal && !isFirst && segment.openFiles === 0;
        const result = await pools.finish({
          container,
          segment: isClosed ? 0 : segment.pointer,
          isLost: segment.lostError !== undefined,
          path: segment.path,
          targetPath: path,
          overwrite: segment.mayReplace,
          sync: this.#isDurable(durability) && !segment.syncFailure,
          out,
          outBytes: OUTPUT_BYTES,
          lockPath,
        });
        return { ...result, hasDied: false };
      } catch (error) {
        return {
          hasDied: out !== undefined,
          finish: "none",
          sizeBytes: 0,
          tableBytes: 0,
          isEmpty: false,
          failure: {
            code: error instanceof ReelError ? error.code : "io",
            message: (error as Error).message,
            path,
            errno: undefined,
          },
        };
      } finally {
        if (out !== undefined) pools.releaseOutput(out);
      }
    });
  }

  #isDurable(durability: Durability | undefined): boolean {
    return (durability ?? this.#deps.durability) !== "none";
  }

  async #closed(
    segment: Segment,
    path: string,
    stopped: Moment,
    result: FinishResult,
    durability: Durability | undefined,
    turn: Turn,
  ): Promise<void> {
    const { ledger, manifests } = this.#deps;
    const isDurable = this.#isDurable(durability);
    const clockStepMs = clockStep(segment.started, stopped);
    if (clockStepMs !== 0)
      this.#deps.logger.warn({ path, clockStepMs }, "the wall clock was set while this file was recorded");
    const final = { ...segment.report(true), path };
    const known = segment.blocks;
    // Also of their manifests: each names the one before, and the ledger the last.
    await turn.come;
    const manifest = known && (await manifests.write({ report: final, known, isRecovered: false, sync: isDurable }));
    const report: ClosedSegmentReport = {
      ...segment.report(true),
      path,
      sequence: ledger.nextSequence(),
      stoppedMs: stopped.wallMs,
      ...(clockStepMs !== 0 && { clockStepMs }),
      videoFrames: segment.framesOf("video"),
      audioFrames: segment.framesOf("audio"),
      durationMs: segment.durationMs,
      sizeBytes: result.sizeBytes,
      finish: result.finish,
      recovered: false,
      gaps: segment.gaps,
      lost: segment.lost,
      syncError: segment.syncFailure?.message ?? null,
      ...(manifest !== undefined && { manifest }),
    };
    await ledger.append({ type: "closed", opened: segment.sequence, report }, isDurable);
    this.#deps.onClosed(report);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakeAll.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wakeAll.add(wake);
    });
  }
}

/** How far the wall clock was set between two moments; 0 where it only runs a little fast or slow. */
function clockStep(from: Moment, to: Moment): number {
  const stepMs = to.wallMs - from.wallMs - (to.monotonicMs - from.monotonicMs);
  return Math.abs(stepMs) < CLOCK_STEP_MS ? 0 : Math.round(stepMs);
}

/** True where the files of an unfinished segment lie beside this name. */
async function hasJournalAt(path: string, type: ContainerName): Promise<boolean> {
  const { journal } = CONTAINERS[type];
  if (!journal) return false;
  return stat(path + journal.marker).then(
    () => true,
    () => false,
  );
}
