// The finish of an MP4 segment: from a journal (journal.ts) to one file with its index in front. The same code closes a
// segment in order and recovers one after a crash; it needs nothing but the journal, and it can be killed at any
// instant and run again, with the same file as its result.
//
//   lock ─▶ read .info ─▶ (half moved? complete it) ─▶ (placed already? clean up) ─▶ scan records
//        ─▶ make the index fit ─▶ write it ─▶ sync ─▶ name ─▶ clean up
//
// Cost: the index, unless the file must be copied. All of it is synchronous: it runs in a worker or in a process of its
// own.

import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statfsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { KIND_AUDIO, KIND_VIDEO } from "../../abi/decoder-config.js";
import { SAMPLE_RECORD_SIZE } from "../../abi/mp4.js";
import { lockDescriptor } from "../../base/file-lock.js";
import { ReelError } from "../../base/reel-error.js";
import { removeStaleManifest } from "../manifest.js";
import { OUTPUT_BYTES } from "../segment-output.js";
import { syncData, syncFolderOf } from "../sync-file.js";
import { FTYP_SIZE, MDAT_HEADER_ROOM } from "./file-head.js";
import type { Mp4FinishOptions } from "./finish-options.js";
import { type Measured, planFinish } from "./finish-plan.js";
import type { Mp4FinishResult, Mp4Loss } from "./finish-result.js";
import { IndexBuilder } from "./index-builder.js";
import { copyPathOf, infoPathOf, mdatPathOf, trackPathOf } from "./journal-files.js";
import { appendLine, type JournalContents, readJournalInfo } from "./journal-info.js";
import { isStill, mustBeOrphan, pendingMove, settleMove } from "./move-journal.js";
import { ownKernel } from "./own-kernel.js";
import { isSameFile, placeFile, removeJournal } from "./place-file.js";
import { hasShifted, mayShift, settleShift } from "./shift-media.js";
import { kindOfBlock, restoreConfig } from "./track-config.js";
import { type Recorded, writeFinishedFile } from "./write-finished.js";

/** fallocate(1) may still be at work for a finish that was killed. */
const LOCK_WAIT_SECONDS = 30;

/**
 * Finishes the segment whose final name is `finalPath`. Throws ReelError: `notFound` (no journal), `locked` (a server
 * or another tool is at it), `targetBusy` (the name is taken; call again with `targetPath`), `corrupt`, `diskFull`; or
 * what a file operation throws. The journal stays usable after each.
 */
export function finishMp4(finalPath: string, options: Mp4FinishOptions = {}): Mp4FinishResult {
  const infoPath = infoPathOf(finalPath);
  if (!existsSync(infoPath))
    throw new ReelError("notFound", `${infoPath} does not exist: there is nothing to finish`, { path: infoPath });
  const infoFd = openSync(infoPath, (options.dryRun ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW);
  try {
    const recovered = options.recover ?? options.ownLockPath === undefined;
    refuseLocked(finalPath, readJournalInfo(infoPath), infoFd, options, recovered);
    // Read again under the lock: another process may have gone on with the work until now.
    const contents = readJournalInfo(infoPath);
    const place = placeOf(finalPath, contents, options.dryRun ?? false);
    const placed = placedAlready(place, contents, options, recovered);
    return placed ?? finishJournal(place, contents, infoFd, options, recovered);
  } finally {
    closeSync(infoFd);
  }
}

function refuseLocked(
  finalPath: string,
  contents: JournalContents,
  infoFd: number,
  options: Mp4FinishOptions,
  recovered: boolean,
): void {
  mustBeOrphan(finalPath, contents, options.ownLockPath);
  if (!recovered || options.dryRun) return;
  if (!lockDescriptor(infoFd, LOCK_WAIT_SECONDS))
    throw new ReelError("locked", `${finalPath} is being finished by another process`, { path: finalPath });
  // The one that held the lock may have completed the work, or moved it.
  if (!isStill(infoFd, infoPathOf(finalPath)))
    throw new ReelError("notFound", `${finalPath} has just been finished by another process`, { path: finalPath });
}

/** Where the files of a journal are. */
interface JournalPlace {
  finalPath: string;
  /** Of a move that a dry run finds half done: the name that some of the files still have. */
  oldPath: string | undefined;
}

/** Completes a move that a crash interrupted; a dry run reads the files where they are. */
function placeOf(finalPath: string, contents: JournalContents, dryRun: boolean): JournalPlace {
  if (!dryRun) return { finalPath: settleMove(finalPath, contents), oldPath: undefined };
  const pending = pendingMove(finalPath, contents);
  return { finalPath: pending?.to ?? finalPath, oldPath: pending?.from };
}

function fileOf({ finalPath, oldPath }: JournalPlace, pathOf: (finalPath: string) => string): string {
  const path = pathOf(finalPath);
  return oldPath !== undefined && !existsSync(path) ? pathOf(oldPath) : path;
}

/** After a crash behind the naming: only the temporary files are left to remove. */
function placedAlready(
  place: JournalPlace,
  contents: JournalContents,
  options: Mp4FinishOptions,
  recovered: boolean,
): Mp4FinishResult | undefined {
  const { finalPath } = place;
  const mdatPath = fileOf(place, mdatPathOf);
  const { finished, tracks } = contents;
  const missing = missingTracks(place, contents);
  const names = [finished?.target, options.targetPath, finalPath].filter((name) => name !== undefined);
  const target =
    names.find((name) => isSameFile(mdatPath, name) || isSameFile(fileOf(place, copyPathOf), name)) ??
    // Without hard links the copy was renamed. Record files are only removed once the file has its name.
    (missing.length > 0 && finished && sizeOf(finished.target) === finished.result.sizeBytes
      ? finished.target
      : undefined);
  const hasMedia = existsSync(mdatPath);
  if (target === undefined && hasMedia) return undefined;
  // A track is listed when its media file is there: only a hand, or a move by an older version, takes that away.
  if (target === undefined && !finished && tracks.length > 0)
    throw new ReelError("corrupt", `${mdatPath} is missing`, { path: mdatPath });
  if (!options.dryRun) {
    if (options.durability !== "none") syncFolderOf(finalPath);
    removeJournal(finalPath);
  }
  return { ...(finished?.result ?? nothingRecorded(contents, target)), recovered };
}

function missingTracks(place: JournalPlace, { tracks }: JournalContents): string[] {
  return tracks
    .map(({ file }) => fileOf(place, (finalPath) => trackPathOf(finalPath, file)))
    .filter((path) => !existsSync(path));
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function nothingRecorded({ segment, gaps }: JournalContents, path: string | undefined): Mp4FinishResult {
  const { createdMs, sequence } = segment;
  const sizeBytes = path === undefined ? 0 : statSync(path).size;
  const counts = {
    sizeBytes,
    moovBytes: 0,
    tableBytes: 0,
    bytesWritten: 0,
    videoFrames: 0,
    audioFrames: 0,
    durationMs: 0,
  };
  return { method: "none", path: path ?? null, ...counts, createdMs, sequence, lost: null, gaps, recovered: false };
}

function finishJournal(
  place: JournalPlace,
  contents: JournalContents,
  infoFd: number,
  options: Mp4FinishOptions,
  recovered: boolean,
): Mp4FinishResult {
  const { finalPath } = place;
  const mdatPath = fileOf(place, mdatPathOf);
  const mdatFd = openSync(mdatPath, (options.dryRun ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW);
  const ends = [(): void => closeSync(mdatFd)];
  try {
    const shift = settledShift(contents, { mdatPath, mdatFd, infoFd }, options.dryRun ?? false);
    refuseZeros(mdatPath, mdatFd, FTYP_SIZE + contents.segment.reserveBytes + shift);
    const scanned = scanTracks(place, contents, mdatFd, shift, ends, options);
    if (scanned.recorded.mediaEnd <= scanned.recorded.mediaStart) {
      if (scanned.hasMedia && !isFirstBatch(contents, scanned))
        throw new ReelError("corrupt", `no sample record of ${finalPath} can be used`, { path: finalPath });
      // Records follow their media: only a power cut, or a hand, takes the media and leaves them.
      if (!scanned.hasMedia && scanned.lost)
        throw new ReelError(
          "corrupt",
          `${mdatPath} is empty, but ${scanned.lost.frames} sample records name media in it`,
          { path: mdatPath },
        );
      const nothing = { ...nothingRecorded(contents, undefined), lost: scanned.lost, recovered };
      if (!options.dryRun) {
        noteFinished(infoFd, "", nothing);
        removeJournal(finalPath);
      }
      return nothing;
    }
    const { segment, gaps } = contents;
    const context = {
      finalPath,
      mdatFd,
      infoFd,
      isLocked: recovered && !options.dryRun,
      shift,
      large: !segment.winQtCompat,
      blockBytes: statfsSync(dirname(finalPath)).bsize,
      codecs: contents.tracks.map(({ config }) => config.codec),
      options,
    };
    const plan = planFinish(
      {
        ...context,
        ...scanned.recorded,
        ...limitsOf(mdatFd, options),
        layOut: (by) => scanned.recorded.index.layout(by),
      },
      options.targetPath ?? finalPath,
      options.overwrite ?? mayReplace(finalPath, contents),
    );
    const written = options.dryRun ? undefined : writeFinishedFile(plan, scanned.recorded, context);
    const { method, sizeBytes, moovBytes, tableBytes, durationMs } = written?.way ?? plan.ways[0];
    const { videoFrames, audioFrames, lost } = scanned;
    const { createdMs, sequence } = segment;
    const result: Mp4FinishResult = {
      method,
      sizeBytes,
      moovBytes,
      tableBytes,
      bytesWritten: written?.bytesWritten ?? 0,
      durationMs,
      path: plan.target,
      videoFrames,
      audioFrames,
      createdMs,
      sequence,
      lost,
      gaps,
      recovered,
    };
    if (written) complete(finalPath, written.source, result, infoFd, options, plan.overwrite);
    return result;
  } finally {
    for (const end of ends) end();
  }
}

/** The media of a batch are written before its records: a kill between the two leaves media that nothing describes. */
function isFirstBatch(
  { tracks, firstBatchBytes }: JournalContents,
  { wholeRecords, recorded: { mediaStart, fileEnd } }: Scanned,
): boolean {
  const mediaBytes = fileEnd - mediaStart;
  return tracks.length > 0 && wholeRecords === 0 && mediaBytes <= Math.max(OUTPUT_BYTES, firstBatchBytes);
}

function limitsOf(mdatFd: number, { methods }: Mp4FinishOptions): Pick<Measured, "canShift" | "methods"> {
  return { canShift: mayShift(mdatFd), methods };
}

/** What the recording was allowed to replace is the file of its own name, not of one that it was moved to. */
function mayReplace(finalPath: string, { segment, move }: JournalContents): boolean {
  return segment.overwrite && move?.to !== basename(finalPath);
}

/** Syncs, names, cleans up. */
function complete(
  finalPath: string,
  source: { path: string; fd: number },
  result: Mp4FinishResult,
  infoFd: number,
  options: Mp4FinishOptions,
  overwrite: boolean,
): void {
  const target = result.path ?? finalPath;
  const sync = options.durability !== "none";
  try {
    if (sync) syncData(source.fd, source.path);
    noteFinished(infoFd, target, result);
    if (overwrite || !existsSync(target)) removeStaleManifest(target);
    placeFile({ source: source.path, finalPath, target, overwrite });
    if (sync) syncFolderOf(target);
  } finally {
    if (source.path !== mdatPathOf(finalPath)) closeSync(source.fd);
  }
  removeJournal(finalPath);
  options.onProgress?.(1);
}

/**
 * A full disk must not keep a complete file from its name: then a crash before the end of the clean-up loses the
 * counts, not the file.
 */
function noteFinished(infoFd: number, target: string, result: Mp4FinishResult): void {
  try {
    appendLine(infoFd, { type: "finished", target, result });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

function settledShift(
  contents: JournalContents,
  files: { mdatPath: string; mdatFd: number; infoFd: number },
  dryRun: boolean,
): number {
  const { pendingShift, shiftBytes, segment } = contents;
  if (!pendingShift) return shiftBytes;
  const target = { ...files, mdatHeaderAt: FTYP_SIZE + segment.reserveBytes + shiftBytes };
  const moved = dryRun ? hasShifted(target, pendingShift) : settleShift(target, pendingShift);
  return shiftBytes + (moved ? pendingShift.bytes : 0);
}

/**
 * The head of the media was written before the media: where it reads as zeros, a power cut took the blocks and left the
 * size.
 */
function refuseZeros(mdatPath: string, mdatFd: number, headAt: number): void {
  const head = Buffer.alloc(MDAT_HEADER_ROOM);
  const isThere = readSync(mdatFd, head, 0, head.byteLength, headAt) === head.byteLength;
  if (isThere && head.every((byte) => byte === 0))
    throw new ReelError("corrupt", `${mdatPath} holds zeros where its media begin`, { path: mdatPath });
}

interface Scanned {
  recorded: Recorded;
  hasMedia: boolean;
  /** In all record files, whatever they say. */
  wholeRecords: number;
  videoFrames: number;
  audioFrames: number;
  lost: Mp4Loss | null;
}

/** `ends`: what is to be called when the work is over, however it ends. */
function scanTracks(
  place: JournalPlace,
  contents: JournalContents,
  mdatFd: number,
  shift: number,
  ends: (() => void)[],
  options: Mp4FinishOptions,
): Scanned {
  const { segment } = contents;
  const { finalPath } = place;
  const mediaStart = FTYP_SIZE + segment.reserveBytes + MDAT_HEADER_ROOM;
  const fileEnd = fstatSync(mdatFd).size - shift;
  const [missing] = missingTracks(place, contents);
  // Never to be taken for an empty one: the media that it names would be cut off.
  if (missing !== undefined && fileEnd > mediaStart)
    throw new ReelError("corrupt", `${missing} is missing, and ${finalPath} has media`, { path: missing });
  const files = contents.tracks.flatMap(({ file, track, config }) => {
    const path = fileOf(place, (name) => trackPathOf(name, file));
    if (!existsSync(path)) return [];
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    ends.push(() => closeSync(fd));
    return [{ track, fd, config: restoreConfig(config), sizeBytes: fstatSync(fd).size }];
  });
  const passes = 2 * files.reduce((sum, { sizeBytes }) => sum + sizeBytes / SAMPLE_RECORD_SIZE, 0);
  let done = 0;
  const onRecords = (records: number): void => {
    done += records;
    options.onProgress?.(Math.min(1, done / passes));
  };
  const { createdMs, winQtCompat } = segment;
  const index = new IndexBuilder(options.module ?? ownKernel(), {
    createdMs,
    large: !winQtCompat,
    mediaStart,
    mediaEnd: fileEnd,
    onRecords,
  });
  ends.push(() => index.close());
  const frames: number[] = [];
  const ofKind = { [KIND_VIDEO]: 0, [KIND_AUDIO]: 0 };
  const lost: Mp4Loss = { frames: 0, bytes: Math.max(0, fileEnd - mediaStart), durationMs: 0 };
  let mediaEnd = mediaStart;
  for (const { track, fd, config, sizeBytes } of files) {
    if (frames[track])
      throw new ReelError("corrupt", `the journal of ${finalPath} has two files for one track`, { path: finalPath });
    const scan = index.scan(track, config, fd, sizeBytes);
    frames[track] = scan.samples;
    const kind = kindOfBlock(config);
    if (kind === KIND_VIDEO || kind === KIND_AUDIO) ofKind[kind] += scan.samples;
    lost.frames += scan.lostRecords;
    lost.bytes -= scan.bytes;
    lost.durationMs = Math.max(lost.durationMs, scan.lostMs);
    if (scan.samples > 0) mediaEnd = Math.max(mediaEnd, scan.endPosition);
  }
  const hasLost = lost.frames > 0 || lost.bytes > 0;
  const recorded = { index, mediaStart, mediaEnd, fileEnd };
  return {
    recorded,
    hasMedia: fileEnd > mediaStart,
    wholeRecords: files.reduce((sum, { sizeBytes }) => sum + Math.floor(sizeBytes / SAMPLE_RECORD_SIZE), 0),
    videoFrames: ofKind[KIND_VIDEO],
    audioFrames: ofKind[KIND_AUDIO],
    lost: hasLost ? lost : null,
  };
}
