// Finishes at start what a crash left: every segment that the ledger knows as opened and not closed, and every MP4
// journal in the media folders. In the background, newest last, one at a time in the finish pool: live recordings come
// first.
//
// A file that cannot be recovered is left untouched and named, with the reason, in the log and in an event; the next
// start tries again.

import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/logger.js";
import type { Ledger } from "../../catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "../../catalog/segment-report.js";
import { fileFailure } from "../../container/file-failure.js";
import { originFrom, type SegmentOrigin, type SegmentTrack, UNKNOWN_ORIGIN } from "../../container/segment-origin.js";
import { CONTAINERS, type ContainerName, containerOf, unfinishedBy } from "../../container/table.js";
import type { Gap } from "../../stream/gap.js";
import type { Clock } from "../../time/units.js";
import { verifyFile } from "../../verify/verify-file.js";
import type { Pools } from "../../worker/pools.js";
import { notRecovered, type RecoverRequest, type RecoverResult } from "../../worker/recover-task.js";
import type { Naming } from "../naming/naming.js";
import type { Reservations } from "../naming/reservations.js";
import type { Manifests } from "./manifests.js";
import { crashGap, lostOf, type RecoveredEnd, type RestartGaps } from "./restart-gaps.js";

export interface RecoveryDeps {
  pools: Pools;
  ledger: Ledger;
  reservations: Reservations;
  naming: Naming;
  clock: Clock;
  logger: Logger;
  lockPath: string;
  onClosed: (report: ClosedSegmentReport) => void;
  onFailed: (report: FailedSegmentReport) => void;
  restarts: RestartGaps;
  manifests: Manifests;
}

interface Orphan {
  path: string;
  container: ContainerName;
  startedMs: number;
  /** Its ledger entry, 0 where the ledger does not know it. */
  opened: number;
  origin: SegmentOrigin;
  tracks: readonly SegmentTrack[];
  /** What a failed sync of it has said. */
  syncError: string | null;
}

/** Folders below a media folder: dated recordings nest three deep. */
const MAX_DEPTH = 8;

export class Recovery {
  #deps: RecoveryDeps;
  #orphans = new Map<string, Orphan>();
  /** Segments whose name a later one has taken, which then was left unfinished itself. */
  #replaced: SegmentReport[] = [];
  #isClosing = false;
  #busy: string | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    for (const entry of deps.ledger.unclosed.values()) {
      const { path, container, startedMs, sequence: opened, tracks } = entry.report;
      const syncError = entry.syncError ?? null;
      if (!containerOf(path)) continue;
      const other = this.#orphans.get(path);
      if (other) this.#replaced.push(other.opened < opened ? reportOf(other) : entry.report);
      if (other && other.opened > opened) continue;
      this.#orphans.set(path, {
        ...{ path, container, startedMs, opened, origin: originFrom(entry.report), tracks, syncError },
      });
    }
  }

  /** Starts in the background. */
  start(folders: readonly string[]): void {
    this.#running = this.#run(folders).catch((error: Error) =>
      this.#deps.logger.warn({ err: error }, "the recovery ended early"),
    );
  }

  /** Resolves when everything found at the start is finished or named. */
  whenDone(): Promise<void> {
    return this.#running;
  }

  /** True while the segment of this name is being recovered. */
  isBusy(path: string): boolean {
    return this.#busy === path;
  }

  /** True where a crash left an unfinished segment under this name. */
  has(path: string): boolean {
    return this.#orphans.has(path);
  }

  /**
   * An orphan stands on a name that a new recording wants: it gets the next free number, and is recovered there. False
   * where it cannot be moved and is as it was: a running server writes it, or a tool is at it.
   */
  async moveAway(from: string, container: ContainerName): Promise<boolean> {
    const { naming, reservations, ledger, logger, clock } = this.#deps;
    const place = await naming.nextFree(from, container);
    const path = await this.#move(from, place.path, container);
    if (path !== place.path) place.release();
    if (path === undefined) return false;
    // An earlier move of it was completed, and it has gone where that led.
    const held = path === place.path ? place : reservations.take(path);
    const unknown = { startedMs: clock.wallMs(), opened: 0, origin: UNKNOWN_ORIGIN, tracks: [], syncError: null };
    const orphan = { ...(this.#orphans.get(from) ?? { ...unknown, container }), path };
    this.#orphans.delete(from);
    try {
      // Before the new recording begins: after another crash it must not be taken for this segment.
      if (orphan.opened > 0) await ledger.append({ type: "opened", report: reportOf(orphan) });
    } catch (error) {
      held.release();
      throw error;
    }
    this.#running = this.#running
      .then(() => this.#recover(orphan))
      .catch((error: unknown) =>
        logger.warn({ err: error, path }, "an unfinished segment could not be recovered; the next start tries again"),
      )
      .then(() => held.release());
    return true;
  }

  /** Returns the name that the segment has now; undefined where it could not be moved. */
  async #move(from: string, to: string, container: ContainerName): Promise<string | undefined> {
    const { pools, logger, lockPath } = this.#deps;
    const { path, failure } = await pools
      .move({ container, from, to, lockPath })
      .catch((error: Error) => ({ path: undefined, failure: { code: "io", message: error.message } }));
    if (failure)
      logger.info({ path: from, code: failure.code }, `an unfinished segment keeps its name: ${failure.message}`);
    return path;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
  }

  async #run(folders: readonly string[]): Promise<void> {
    for (const report of this.#replaced.splice(0)) await this.#endReplaced(report);
    const halfMoved: Orphan[] = [];
    for (const folder of folders) await this.#scan(folder, 0, halfMoved);
    await this.#settle(halfMoved);
    const found = [...this.#orphans.values()].sort((a, b) => a.startedMs - b.startedMs);
    if (found.length > 0)
      this.#deps.logger.info({ segments: found.length }, "unfinished segments of an earlier run are being finished");
    for (const { path } of found) {
      const orphan = this.#orphans.get(path); // a new recording may have moved it meanwhile
      if (this.#isClosing || !orphan || this.#deps.reservations.has(path)) continue;
      // Reserved, but not active: a new recording of this name takes the next number at once instead of failing.
      const reservation = this.#deps.reservations.take(path);
      reservation.stopWriting();
      this.#busy = path;
      try {
        await this.#recover(orphan);
      } catch (error) {
        // One that fails in a way nobody thought of must not keep the others from being finished.
        this.#deps.logger.warn(
          { err: error, path },
          "an unfinished segment could not be recovered; the next start tries again",
        );
      } finally {
        this.#busy = undefined;
        this.#orphans.delete(path);
        reservation.release();
      }
    }
  }

  /**
   * The file of that name is the later segment's: this entry ends, or it would be closed in its place at the next
   * start.
   */
  async #endReplaced(report: SegmentReport): Promise<void> {
    const { ledger, logger, onFailed } = this.#deps;
    const failure = {
      code: "notFound",
      error: "a later segment has replaced the file before it was finished",
    } as const;
    logger.warn({ path: report.path, sequence: report.sequence }, failure.error);
    onFailed({ ...report, ...failure });
    const last = { ...report, ...failure, sequence: ledger.nextSequence() };
    await ledger.append({ type: "failed", opened: report.sequence, report: last });
    this.#deps.restarts.recovered(report.sequence, report.configId, { lastMs: report.startedMs, crash: undefined });
  }

  async #scan(folder: string, depth: number, halfMoved: Orphan[]): Promise<void> {
    try {
      for await (const entry of await opendir(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && depth < MAX_DEPTH) await this.#scan(path, depth + 1, halfMoved);
        const found = entry.isFile() ? unfinishedBy(path, true) : undefined;
        if (!found || this.#deps.reservations.has(found.path)) continue;
        const { mtimeMs, nlink } = await stat(path);
        const unknown = { opened: 0, origin: UNKNOWN_ORIGIN, tracks: [], syncError: null };
        const orphan = { ...found, ...unknown, startedMs: mtimeMs };
        if (nlink > 1) halfMoved.push(orphan);
        else if (!this.#orphans.has(found.path)) this.#orphans.set(found.path, orphan);
      }
    } catch (error) {
      this.#deps.logger.warn({ err: error, folder }, "a folder could not be searched for unfinished segments");
    }
  }

  /** A crash interrupted their move: the marker has two names. Completes it, and finds out which name is left. */
  async #settle(halfMoved: Orphan[]): Promise<void> {
    const { pools, lockPath } = this.#deps;
    const isKnown = ({ path }: Orphan): number => Number(this.#orphans.has(path));
    // Those that the ledger knows come first: what is at the other name is then known to be the same.
    for (const found of halfMoved.sort((a, b) => isKnown(b) - isKnown(a))) {
      const { path: from, container } = found;
      const { path, failure } = await pools.move({ container, from, to: undefined, lockPath });
      if (failure?.code === "notFound") continue;
      const at = path ?? from;
      const orphan = { ...(this.#orphans.get(from) ?? found), path: at };
      if (at !== from) this.#orphans.delete(from);
      if (!this.#orphans.has(at)) this.#orphans.set(at, orphan);
    }
  }

  /** A thread that dies is a failure of the file that it had. */
  #try(request: RecoverRequest): Promise<RecoverResult> {
    return this.#deps.pools.recover(request).catch((error: Error) => notRecovered(fileFailure(error, request.path)));
  }

  async #recover(orphan: Orphan): Promise<void> {
    let end: RecoveredEnd | undefined;
    try {
      end = await this.#finish(orphan);
    } finally {
      this.#deps.restarts.recovered(orphan.opened, orphan.origin.configId, end);
    }
  }

  /** Undefined where the file is left as it is. */
  async #finish(orphan: Orphan): Promise<RecoveredEnd | undefined> {
    const { ledger, logger, lockPath, clock } = this.#deps;
    const { path, container, opened } = orphan;
    const request = { path, targetPath: path, container, lockPath, isOurs: opened > 0 };
    let result = await this.#try(request);
    if (result.failure?.code === "targetBusy" && CONTAINERS[orphan.container].journal) {
      // Another file has the name by now: it is not replaced, the recovered one gets the next number.
      const place = await this.#deps.naming.nextFree(orphan.path, orphan.container);
      try {
        result = await this.#try({ ...request, targetPath: place.path });
      } finally {
        place.release();
      }
    }
    if (!result.failure && result.path !== undefined && result.videoFrames + result.audioFrames === 0)
      Object.assign(result, await countFrames(result.path));
    const tracks = result.tracks.length > 0 ? result.tracks : orphan.tracks;
    const frames = { video: result.videoFrames, audio: result.audioFrames };
    const base = {
      // The ledger's word comes first; without it the journal's.
      ...(orphan.origin.localStreamName === "" && result.origin ? result.origin : orphan.origin),
      path: result.path ?? orphan.path,
      container: orphan.container,
      tracks: result.failure ? tracks : tracks.filter(({ kind }) => frames[kind] > 0),
      startedMs: result.createdMs || orphan.startedMs,
    };
    const note = this.#deps.restarts.note(orphan.opened);
    if (result.failure) {
      if (result.failure.code === "locked") {
        logger.info({ path: orphan.path }, "an unfinished segment belongs to another running server");
        return undefined;
      }
      logger.warn(
        { path: orphan.path, code: result.failure.code },
        result.failure.code === "notFound"
          ? `nothing of an unfinished segment can be recovered: ${result.failure.message}`
          : `an unfinished segment cannot be recovered and is left as it is: ${result.failure.message}`,
      );
      const { code, message: error } = result.failure;
      const report = { ...base, sequence: opened, code, error };
      this.#deps.onFailed(report);
      // The next try would pass, and prove nothing.
      if (code === "notDurable" && opened > 0) await ledger.append({ type: "unsynced", opened, report });
      // What is no longer there will never be closed: that is its last entry.
      if (code === "notFound" && opened > 0)
        await ledger.append({ type: "failed", opened, report: { ...report, sequence: ledger.nextSequence() } });
      return code === "notFound" ? { lastMs: orphan.startedMs, crash: note } : undefined;
    }
    const noted = result.gaps as unknown as readonly Gap[]; // the journal's lines are what the recorder put there
    const crash = crashGap(result, note);
    const isVerified = base.wishes?.manifest === true;
    const manifest =
      isVerified &&
      (await this.#deps.manifests.write({
        report: { ...base, sequence: orphan.opened },
        known: [],
        isRecovered: true,
        sync: true,
      }));
    const report: ClosedSegmentReport = {
      ...base,
      sequence: ledger.nextSequence(),
      stoppedMs: result.modifiedMs || clock.wallMs(),
      videoFrames: result.videoFrames,
      audioFrames: result.audioFrames,
      durationMs: result.durationMs,
      sizeBytes: result.sizeBytes,
      finish: result.finish,
      recovered: true,
      gaps: crash ? [...noted, crash] : noted,
      lost: lostOf(noted, crash, note),
      syncError: orphan.syncError,
      ...(isVerified && { manifest: manifest || null }),
    };
    logger.info({ path: report.path, lost: report.lost }, "an unfinished segment was recovered");
    await ledger.append({ type: "closed", opened: orphan.opened, report });
    this.#deps.onClosed(report);
    return { lastMs: report.stoppedMs, crash };
  }
}

function reportOf({ path, container, startedMs, opened, origin, tracks }: Orphan): SegmentReport {
  return { ...origin, path, container, tracks, startedMs, sequence: opened };
}

/** Of a file that was final before its entry was in the ledger: it is read back. */
async function countFrames(path: string): Promise<{ videoFrames: number; audioFrames: number; durationMs: number }> {
  const { tracks, durationMs } = await verifyFile(path);
  const frames = (kind: string): number =>
    tracks.reduce((sum, track) => sum + (track.kind === kind ? track.frames : 0), 0);
  return { videoFrames: frames("video"), audioFrames: frames("audio"), durationMs };
}
