// An out-stream: a record config applied to one run of an in-stream, as the outside sees it (ems-record-spec §2.0, tags
// OFMP4, OFTS, OFRFLV).

import type { CodecName } from "../../media/codec/codec-entry.js";
import type { RecordConfig } from "../record-config.js";

export interface OutTotals {
  frames: number;
  bytes: number;
  /** Frames and bytes this recording lost, whatever the cause. */
  droppedFrames: number;
  droppedBytes: number;
}

export interface OutTrackStatistics extends OutTotals {
  codec: CodecName | undefined;
  width: number;
  height: number;
  profile: number;
  level: number;
}

export interface OutStream {
  readonly id: number;
  readonly config: RecordConfig;
  readonly computedPathToFile: string;
  readonly createdMs: number;
  /** For how long it runs: the wall clock may be set. */
  readonly createdMonotonicMs: number;
  /** undefined until the first frame was taken. */
  readonly inStreamId: number | undefined;
  /** The path being written now, absolute; undefined before the first segment opens. */
  readonly currentPath: string | undefined;
  /** It takes no more frames; its last file may still be finished. */
  readonly isStopped: boolean;
  /** Media time that its source has brought and no file has yet. */
  readonly lagMs: number;
  /** Of all tracks; who needs no more asks for this, of hundreds of recordings at once. */
  readonly totals: OutTotals;
  /** All tracks of a kind together; codec and picture are those of the first. */
  tracksOf(kind: "video" | "audio"): OutTrackStatistics;
}
