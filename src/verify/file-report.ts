// What reading a finished file back has found (`reel verify`). A defect is what a player, a demuxer or a later tool may
// trip over; a gap is media that never came, in a file that is otherwise sound.

import type { ContainerName } from "../container/table.js";

/** A place in the file: `/moov/trak[0]/mdia/minf/stbl/stsz`, `/packet[12]`, `/tag[3]`. Counted from 0. */
export interface Defect {
  path: string;
  message: string;
  /** Where it is one frame's: its decoding time on the file's clock. */
  atMs?: number;
}

/** What a reader may wonder at, in a file that is sound. */
export interface Note {
  path: string;
  message: string;
}

export interface FileGap {
  /** The track's place in `tracks`. */
  track: number;
  /** Decoding time of the frame in front of the gap, on the file's clock. */
  fromMs: number;
  /** What is missing: the step to the next frame less a usual frame. */
  missingMs: number;
}

export interface TrackReport {
  kind: "video" | "audio" | "other";
  /** `h264`, `aac`, else the container's own name of it. */
  codec: string;
  frames: number;
  /** Random access points; every frame of an audio track. */
  keyframes: number;
  sizeBytes: number;
  width?: number;
  height?: number;
  /** Hz. */
  sampleRate?: number;
  channels?: number;
  /** Presentation times on the file's clock, edit lists applied. */
  firstPtsMs: number;
  lastPtsMs: number;
  /** From the first frame's beginning to the last one's end. */
  durationMs: number;
  isDtsMonotonic: boolean;
  /** A random access point whose parameter sets are at hand. */
  isFirstFrameDecodable: boolean;
}

export interface FileReport {
  path: string;
  container: ContainerName;
  sizeBytes: number;
  /** From the first frame of any track to the end of the last. */
  durationMs: number;
  tracks: TrackReport[];
  /** MP4: `moov` before `mdat`, so that playback starts without the whole file. null where a container has no index. */
  isIndexInFront: boolean | null;
  /** How much later audio begins, and ends, than video; null without both. */
  avSkewStartMs: number | null;
  avSkewEndMs: number | null;
  /** The first of them; `defectCount` and `gapCount` count all. */
  defects: Defect[];
  defectCount: number;
  gaps: FileGap[];
  gapCount: number;
  notes: Note[];
}
