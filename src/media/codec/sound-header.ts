// What the frame headers of codecs say that need no decoder configuration beside them (MPEG audio, AC-3, E-AC-3). One
// object for many headers; `parse` fills it.

import type { CodecName } from "./codec-entry.js";

export interface SoundHeader {
  /** What it reads, for people. */
  readonly unit: string;
  /** Bytes that `parse` looks at. */
  readonly headerBytes: number;
  /** False where no frame begins at `at`. */
  parse(bytes: Uint8Array, at: number): boolean;
  readonly codec: CodecName;
  /** Of the whole frame. */
  readonly sizeBytes: number;
  readonly samples: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** Two frames with the same one need the same configuration. */
  readonly identity: number;
  /** The frame belongs to the access unit that another one began. */
  readonly isContinuation: boolean;
  /** The decoder configuration of an access unit of `sizeBytes` at `at`, whose header was parsed last. */
  config(bytes: Uint8Array, at: number, sizeBytes: number): Uint8Array;
}
