// The names of the files of an MP4 segment that is not finished, all beside its final name. Nobody else knows them.
//
//   name.mp4.info      what the segment is; made first, removed last
//   name.mp4.mdat      the final file in the making
//   name.mp4.track1 …  sample records, one file per track
//   name.mp4.copy      a finish by copy at work
//   name.mp4.new       the finished file on its way over an old one

import { MAX_TRACKS } from "../../abi/frame.js";

/** One for each track, and as many again in case that a track's file could not be announced. */
export const MAX_TRACK_FILES = 2 * MAX_TRACKS;

const INFO = ".info";
const MDAT = ".mdat";
const TRACK = ".track";
const COPY = ".copy";
const NEW = ".new";

export const infoPathOf = (finalPath: string): string => finalPath + INFO;
export const mdatPathOf = (finalPath: string): string => finalPath + MDAT;
export const trackPathOf = (finalPath: string, file: number): string => finalPath + TRACK + file;
export const copyPathOf = (finalPath: string): string => finalPath + COPY;
export const replacementPathOf = (finalPath: string): string => finalPath + NEW;

export const INFO_SUFFIX = INFO;

/** Of all files but `.info`, in the order in which they are removed. */
export const BODY_SUFFIXES: readonly string[] = [
  ...Array.from({ length: MAX_TRACK_FILES }, (_, i) => `${TRACK}${i + 1}`),
  MDAT,
  COPY,
  NEW,
];
export const JOURNAL_SUFFIXES: readonly string[] = [INFO, ...BODY_SUFFIXES];

const FILE = /^(.*\.mp4)\.(?:info|mdat|track\d+|copy|new)$/is;

/** Whether a name is that of a record file of this segment. */
export function isTrackPath(finalPath: string, path: string): boolean {
  return path.startsWith(finalPath + TRACK) && finalPathOf(path) === finalPath;
}

/** The final name, by the name of one of these files. */
export function finalPathOf(path: string): string | undefined {
  return FILE.exec(path)?.[1];
}
