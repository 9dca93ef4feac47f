// MP4 in the table of containers: a journal while it grows (journal.ts), an index in front when it is finished
// (finish.ts).

import { existsSync, statSync } from "node:fs";
import { CONTAINER_MP4 } from "../../abi/recording.js";
import { SEG_OUTPUT_FD_OFFSET } from "../../abi/segment.js";
import { ReelError } from "../../base/reel-error.js";
import { codecOfName } from "../../media/codec/table.js";
import type {
  Container,
  FinishedSegment,
  HandFinished,
  HandFinishOptions,
  Orphan,
  RecoveredSegment,
  SegmentFinish,
  SegmentOpening,
  SegmentPlace,
} from "../container.js";
import { mustBeWhole } from "../lost-file.js";
import { closeSegmentFiles } from "../segment-files.js";
import { originFrom, type SegmentOrigin, type SegmentTrack } from "../segment-origin.js";
import { outputAt } from "../segment-state.js";
import { syncData } from "../sync-file.js";
import { isEmptied, isSilent, whyInTheMaking } from "./emptied.js";
import { finishMp4 } from "./finish.js";
import { appendFirstBatch, appendGap, hasMp4Journal } from "./journal.js";
import { finalPathOf, INFO_SUFFIX, infoPathOf, JOURNAL_SUFFIXES, mdatPathOf } from "./journal-files.js";
import { type JournalContents, readJournalInfo } from "./journal-info.js";
import { mp4MediaStart } from "./media-start.js";
import { moveJournal } from "./move-journal.js";
import { removeJournal } from "./place-file.js";
import { joinTrackFile, openSegmentJournal, resumeTrackFile } from "./segment-journal.js";

export const mp4Container = {
  name: "mp4",
  number: CONTAINER_MP4,
  extension: "mp4",
  journal: { marker: INFO_SUFFIX, suffixes: JOURNAL_SUFFIXES, finalPathOf },
  open: openSegmentJournal,
  undoOpening,
  mediaPath: mdatPathOf,
  mediaStart: mp4MediaStart,
  noteGap: appendGap,
  noteFirstBatch: appendFirstBatch,
  joinTrack: joinTrackFile,
  resumeJoin: resumeTrackFile,
  finish,
  recover,
  finishByHand,
  isTorn: () => false,
  move: moveJournal,
} as const satisfies Container;

/** `.info` is made first and says whose it is, once it says anything. */
function undoOpening(path: string, { lockPath, sequence }: SegmentOpening, isOurs: boolean): void {
  if (isOurs || isJournalOf(path, lockPath, sequence)) removeJournal(path);
}

function isJournalOf(path: string, lockPath: string, sequence: number): boolean {
  try {
    const { segment } = readJournalInfo(infoPathOf(path));
    return segment.lock === lockPath && segment.sequence === sequence;
  } catch {
    return false;
  }
}

/** The journal's descriptors are closed with the first try; later tries (disk full) work on the files alone. */
function finish({ arena, segment, path }: SegmentPlace, _kernel: unknown, options: SegmentFinish): FinishedSegment {
  if (segment !== 0) {
    const fd = arena.u32(outputAt(segment, 0) + SEG_OUTPUT_FD_OFFSET) | 0;
    mustBeWhole({ arena, segment, path }, mdatPathOf(path));
    // On the descriptor that wrote the media: it alone has seen every error, and fallocate(1) would swallow one.
    // A thread that died may have closed it.
    if (options.sync && fd >= 0) syncData(fd, path);
    closeSegmentFiles(arena, segment);
  }
  const done = finishMp4(path, {
    overwrite: options.overwrite,
    durability: options.sync ? "close" : "none",
    ownLockPath: options.lockPath,
    ...(options.targetPath !== path && { targetPath: options.targetPath }),
  });
  const { method, sizeBytes, tableBytes } = done;
  return { finish: method, sizeBytes, tableBytes, isEmpty: done.path === null };
}

/** What a crash has left nothing of ends here: it would be tried, and told, at every start. */
function recover(orphan: Orphan): RecoveredSegment {
  const { path, isOurs = false } = orphan;
  try {
    return recoverJournal(orphan);
  } catch (error) {
    const isCorrupt = error instanceof ReelError && error.code === "corrupt";
    if (!isCorrupt || !hasMp4Journal(path)) throw error;
    if (!isEmptied(path, isOurs)) {
      const why = isSilent(path) ? whyInTheMaking(path, isOurs) : undefined;
      if (why === undefined) throw error;
      throw new ReelError(
        "corrupt",
        `${error.message}; it may still be in the making: ${why}`,
        { path },
        { cause: error },
      );
    }
    removeJournal(path);
    throw new ReelError("notFound", `nothing of ${path} had reached the disk`, { path }, { cause: error });
  }
}

function recoverJournal({ path, targetPath, lockPath }: Orphan): RecoveredSegment {
  if (!hasMp4Journal(path) && existsSync(path)) {
    // The crash came between the final name and the ledger: the file is whole.
    const { size, mtimeMs } = statSync(path);
    const none = { videoFrames: 0, audioFrames: 0, durationMs: 0, lost: null, gaps: [] };
    const unknown = { createdMs: 0, origin: undefined, tracks: [] };
    return { path, finish: "none", sizeBytes: size, modifiedMs: mtimeMs, ...none, ...unknown };
  }
  const modifiedMs = statSync(mdatPathOf(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // The finish removes the journal. What it says of the segment was written once, when it was opened.
  const journal = hasMp4Journal(path) ? readJournalInfo(infoPathOf(path)) : undefined;
  const done = finishMp4(path, { ownLockPath: lockPath, recover: true, ...(targetPath !== path && { targetPath }) });
  if (done.path === null) {
    const held = done.lost ? `${done.lost.bytes} bytes that no sample record names` : "nothing";
    throw new ReelError("notFound", `${path} held ${held} when the server ended`, { path });
  }
  const { method, sizeBytes, videoFrames, audioFrames, durationMs, lost, gaps, createdMs } = done;
  const found = { path: done.path, finish: method, sizeBytes, modifiedMs };
  const said = { origin: journal && originOf(journal), tracks: journal ? tracksOf(journal) : [] };
  return { ...found, videoFrames, audioFrames, durationMs, lost, gaps, createdMs, ...said };
}

function originOf({ segment }: JournalContents): SegmentOrigin | undefined {
  return segment.localStreamName === undefined ? undefined : originFrom(segment);
}

function tracksOf({ tracks }: JournalContents): SegmentTrack[] {
  return tracks.flatMap(({ config: { codec } }) => {
    const kind = codecOfName(codec)?.kind;
    return kind === "video" || kind === "audio" ? [{ kind, codec }] : [];
  });
}

function finishByHand(path: string, options: HandFinishOptions): HandFinished {
  // Named by hand, and already what it should be.
  if (!hasMp4Journal(path)) return { path, isChanged: false, sizeBytes: statSync(path).size };
  const done = finishMp4(path, options);
  const { videoFrames, audioFrames, durationMs, lost, method } = done;
  return {
    path: done.path,
    isChanged: true,
    sizeBytes: done.sizeBytes,
    content: { videoFrames, audioFrames, durationMs, lost, method },
  };
}
