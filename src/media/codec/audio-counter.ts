// Counts the frames of a sound track in MPEG-TS, whose PES packets come in pieces and may hold several.

import type { CodecName } from "./codec-entry.js";

export interface AudioCounter {
  /** What it counts, for people. */
  readonly unit: string;
  /** The codec of the frames, where several are framed alike; undefined while none has come. */
  readonly codec?: CodecName | undefined;
  /** Complete ones. */
  frames: number;
  /** Samples of all frames that have begun. */
  readonly samples: number;
  /** Bytes that belonged to no frame. */
  readonly strayBytes: number;
  /** Hz; 0 while it is not known. */
  readonly sampleRate: number;
  readonly channels: number;
  push(bytes: Uint8Array): void;
}
