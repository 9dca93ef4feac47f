// What a repair in place has found and done (MPEG-TS, FLV).

export interface RepairOptions {
  /** Say what would be done; change nothing. */
  dryRun?: boolean;
  /** Sync the file after a change; default true. */
  sync?: boolean;
  /** Called with a rising fraction, at most once per block of reading. */
  onProgress?: (fraction: number) => void;
}

export interface RepairReport {
  /** Of the file as it is left. */
  sizeBytes: number;
  /** What was cut off: half packets, tags and access units at the end. */
  lostBytes: number;
  /** Frames that had begun in what was cut off. */
  lostFrames: number;
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  /** False where there was nothing to do: repairing a repaired file changes nothing. */
  isChanged: boolean;
}
