// What a container is to the rest of Reel: an entry of table.ts. Workers open, drain and finish segments through it,
// the recording layer asks it for names, the command line for repairs; nobody else knows one container from another.

import type { ArenaViews } from "../arena/arena-views.js";
import type { Kernel } from "../arena/kernel.js";
import type { FinishMethod } from "./finish-method.js";
import type { SegmentOrigin, SegmentTrack } from "./segment-origin.js";

export type ContainerName = "mp4" | "ts" | "flv";

/** A growing segment as a worker has it. */
export interface SegmentPlace {
  arena: ArenaViews;
  /** Pointer to its state (src/abi/segment.ts). */
  segment: number;
  /** Its final name; of an MP4, the name that its journal goes by. */
  path: string;
}

export interface SegmentOpening {
  /** Fail where the file exists (overwrite=0), else replace it now that its first batch is at hand. */
  exclusive: boolean;
  winQtCompat: boolean;
  /** MP4: bytes to reserve for the index in front of the media. */
  reserveBytes: number;
  /** MP4: the lock of the server that owns the journal. */
  lockPath: string;
  sequence: number;
  origin: SegmentOrigin;
}

export interface SegmentFinish {
  /** The name of the finished file, where `path` is taken; else the same. */
  targetPath: string;
  /** Replace a file of that name (overwrite=1). */
  overwrite: boolean;
  sync: boolean;
  /** A buffer for what the kernel wants patched. */
  out: number;
  outBytes: number;
  lockPath: string;
}

export interface FinishedSegment {
  finish: FinishMethod;
  sizeBytes: number;
  /** MP4: what of its index grows with the recording. */
  tableBytes: number;
  /** The segment held nothing: there is no file. */
  isEmpty: boolean;
}

export interface Orphan {
  path: string;
  /** The name of the finished file, where `path` is taken; else the same. */
  targetPath: string;
  /** The lock of the calling server. */
  lockPath: string;
  /** The calling server's ledger knows it from an earlier run. */
  isOurs?: boolean;
}

export interface LostMedia {
  frames: number;
  bytes: number;
  durationMs: number;
}

export interface RecoveredSegment {
  /** The final file. */
  path: string;
  finish: FinishMethod;
  sizeBytes: number;
  /** Of the file before it was touched: about when the crash was. */
  modifiedMs: number;
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  lost: LostMedia | null;
  /** MP4: the gaps that its journal lists, as the recorder noted them. */
  gaps: readonly Readonly<Record<string, unknown>>[];
  /** MP4: when the segment was opened; 0 where the file does not say. */
  createdMs: number;
  /** MP4: what its journal says of it; undefined where nothing does. */
  origin: SegmentOrigin | undefined;
  tracks: readonly SegmentTrack[];
}

export interface HandFinishOptions {
  /** Say what would be done; change nothing. */
  dryRun: boolean;
  /** The name of the finished file, where `path` is taken. */
  targetPath?: string;
  onProgress: (fraction: number) => void;
}

export interface HandFinished {
  /** Where the finished file is (would be); null where nothing had been recorded. */
  path: string | null;
  isChanged: boolean;
  sizeBytes: number;
  /** Missing where the file was not read, because it has no journal. */
  content?: {
    videoFrames: number;
    audioFrames: number;
    durationMs: number;
    lost: LostMedia | null;
    /** MP4: how the index came to the front. */
    method?: FinishMethod;
  };
}

/** Of a container that grows beside its final name and gets that name when it is finished. */
export interface JournalNames {
  /** Suffix of the file by which an unfinished segment is known: made first, removed last. */
  marker: string;
  /** Suffixes of every file that an unfinished segment may have beside its final name, the marker's included. */
  suffixes: readonly string[];
  /** The final name of a segment, by the name of one of these files; undefined for any other name. */
  finalPathOf(path: string): string | undefined;
}

export interface Container {
  readonly name: ContainerName;
  /** CONTAINER_* (src/abi/recording.ts): its number in the arena. */
  readonly number: number;
  /** Without a dot. */
  readonly extension: string;
  /**
   * Undefined where a segment grows under its final name: such a file plays as it is, its finish is not worth a second
   * try, and nothing in it says who writes it.
   */
  readonly journal: JournalNames | undefined;
  /** Creates the files of a segment and notes their descriptors in its state. */
  open(place: SegmentPlace, opening: SegmentOpening): void;
  /**
   * The thread that opened a segment has died on the way: removes what it had made, and nothing of anybody else.
   * `isOurs`: one of the files was open.
   */
  undoOpening(path: string, opening: SegmentOpening, isOurs: boolean): void;
  /** Keeps a gap for a recovery to report, where the files have a place for it. */
  noteGap(path: string, gap: Readonly<Record<string, unknown>>): void;
  /**
   * The first batch of a segment, of at most so many bytes, is about to be written, and is larger than usual: after a
   * kill in the middle of it that much may stand in its files and be described by nothing.
   */
  noteFirstBatch(path: string, bytes: number): void;
  /** Where the media of a growing segment is written. */
  mediaPath(path: string): string;
  /**
   * Where the media begins in a file of it, growing or final: what is in front is written, or patched, at the finish.
   * Undefined where the file does not yet say.
   */
  mediaStart(fd: number): number | undefined;
  /** Opens the output of a track that appeared after the opening. */
  joinTrack(place: SegmentPlace, track: number): void;
  /**
   * The thread that opened the output of a late track has died on the way: takes over what it had opened and announced,
   * and removes what nothing announces.
   */
  resumeJoin(place: SegmentPlace): void;
  /** Makes a segment final. May be called again after a failure, with `segment` 0 once its descriptors are closed. */
  finish(place: SegmentPlace, kernel: Kernel, finish: SegmentFinish): FinishedSegment;
  /** Makes final what a crash left. Throws ReelError `notFound` where the segment held nothing. */
  recover(orphan: Orphan): RecoveredSegment;
  /** The same by hand, for `reel finish`. */
  finishByHand(path: string, options: HandFinishOptions): HandFinished;
  /** Whether a file that was found by its extension has a torn end; of a journaled container never. */
  isTorn(path: string): boolean;
  /**
   * Gives an unfinished segment that nobody writes another name in its folder; without `to` completes a move that a
   * crash interrupted. Returns the name it has now. Throws ReelError; nothing is moved then.
   */
  move(from: string, to: string | undefined, ownLockPath: string): string;
}
