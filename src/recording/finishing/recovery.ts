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
import { type SegmentOrigin, type SegmentTrack, UNKNOWN_ORIGIN } from "../../container/segment-origin.js";
import { CONTAINERS, type ContainerName, containerOf, unfinishedBy } from "../../container/table.js";
import type { Gap } from "../../stream/gap.js";
import type { Clock } from "../../time/units.js";
import { verifyFile } from "../../verify/verify-file.js";
import type { Pools } from "../../worker/pools.js";
import type { Naming } from "../naming/naming.js";
import type { Reservation, Reservations } from "../naming/reservations.js";

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
}

interface Orphan {
  path: string;
  container: ContainerName;
  startedMs: number;
  /** Its ledger entry, 0 where the ledger does not know it. */
  opened: number;
  origin: SegmentOrigin;
  tracks: readonly SegmentTrack[];
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
      if (!containerOf(path)) continue;
      const other = this.#orphans.get(path);
      if (other) this.#replaced.push(other.opened < opened ? reportOf(other) : entry.report);
      if (other && other.opened > opened) continue;
      this.#orphans.set(path, { path, container, startedMs, opened, origin: originOf(entry.report), tracks });
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
   * An orphan stands on a name that a new recording wants: it is moved, and recovered there. The reservation is released
   * when that is done.
   */
  async move(from: string, place: Reservation, container: ContainerName): Promise<void> {
    const to = place.path;
    const orphan = this.#orphans.get(from) ?? {
      path: from,
      container,
      startedMs: this.#deps.clock.wallMs(),
      opened: 0,
      origin: UNKNOWN_ORIGIN,
      tracks: [],
    };
    this.#orphans.delete(from);
    try {
      // First: after another crash the new recording of the old name must not be taken for this segment.
      if (orphan.opened > 0)
        await this.#deps.ledger.append({ type: "opened", report: { ...reportOf(orphan), path: to } });
      await CONTAINERS[orphan.container].move(from, to, this.#deps.lockPath);
    } catch (error) {
      place.release();
      throw error;
    }
    this.#running = this.#running
      .then(() => this.#recover({ ...orphan, path: to }))
      .catch((error: unknown) =>
        this.#deps.logger.warn(
          { err: error, path: to },
          "an unfinished segment could not be recovered; the next start tries again",
        ),
      )
      .then(() => place.release());
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
  }

  async #run(folders: readonly string[]): Promise<void> {
    for (const report of this.#replaced.splice(0)) await this.#endReplaced(report);
    for (const folder of folders) await this.#scan(folder, 0);
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

  /** The file of that name is the later segment's: this entry ends, or it would be closed in its place at the next start. */
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
  }

  async #scan(folder: string, depth: number): Promise<void> {
    try {
      for await (const entry of await opendir(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && depth < MAX_DEPTH) await this.#scan(path, depth + 1);
        const found = entry.isFile() ? unfinishedBy(path, true) : undefined;
        if (!found || this.#orphans.has(found.path) || this.#deps.reservations.has(found.path)) continue;
        this.#orphans.set(found.path, {
          ...found,
          startedMs: (await stat(path)).mtimeMs,
          opened: 0,
          origin: UNKNOWN_ORIGIN,
          tracks: [],
        });
      }
    } catch (error) {
      this.#deps.logger.warn({ err: error, folder }, "a folder could not be searched for unfinished segments");
    }
  }

  async #recover(orphan: Orphan): Promise<void> {
    const { pools, ledger, logger, lockPath, clock } = this.#deps;
    const request = { path: orphan.path, targetPath: orphan.path, container: orphan.container, lockPath };
    let result = await pools.recover(request);
    if (result.failure?.code === "targetBusy" && CONTAINERS[orphan.container].journal) {
      // Another file has the name by now: it is not replaced, the recovered one gets the next number.
      const place = await this.#deps.naming.nextFree(orphan.path, orphan.container);
      try {
        result = await pools.recover({ ...request, targetPath: place.path });
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
    if (result.failure) {
      if (result.failure.code === "locked")
        return logger.info({ path: orphan.path }, "an unfinished segment belongs to another running server");
      logger.warn(
        { path: orphan.path, code: result.failure.code },
        `an unfinished segment cannot be recovered and is left as it is: ${result.failure.message}`,
      );
      this.#deps.onFailed({
        ...base,
        sequence: orphan.opened,
        code: result.failure.code,
        error: result.failure.message,
      });
      // What is no longer there will never be closed: that is its last entry.
      if (result.failure.code === "notFound" && orphan.opened > 0)
        await ledger.append({
          type: "failed",
          opened: orphan.opened,
          report: { ...base, sequence: ledger.nextSequence(), code: "notFound", error: result.failure.message },
        });
      return;
    }
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
      gaps: result.gaps as unknown as readonly Gap[], // the journal's lines are what the recorder put there
      lost: result.lost,
    };
    logger.info({ path: report.path, lost: report.lost }, "an unfinished segment was recovered");
    await ledger.append({ type: "closed", opened: orphan.opened, report });
    this.#deps.onClosed(report);
  }
}

function reportOf({ path, container, startedMs, opened, origin, tracks }: Orphan): SegmentReport {
  return { ...origin, path, container, tracks, startedMs, sequence: opened };
}

function originOf({ localStreamName, configId, outStreamId, variables }: SegmentReport): SegmentOrigin {
  return { localStreamName, configId, outStreamId, variables };
}

/** Of a file that was final before its entry was in the ledger: it is read back. */
async function countFrames(path: string): Promise<{ videoFrames: number; audioFrames: number; durationMs: number }> {
  const { tracks, durationMs } = await verifyFile(path);
  const frames = (kind: string): number => tracks.find((track) => track.kind === kind)?.frames ?? 0;
  return { videoFrames: frames("video"), audioFrames: frames("audio"), durationMs };
}
