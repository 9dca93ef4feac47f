// What a message of RTMP carries, behind its tag header, becomes a decoder configuration or a frame as the ring carries
// it. Each codec has a reader; message-reader-table.ts lists them.

import type { RandomAccessRule } from "../../stream/random-access-rule.js";
import type { Ticks90k } from "../../time/units.js";

/** What `check` answers of bytes that are no frame. */
export const NO_FRAME = 0;
export const DAMAGED_FRAME = -1;

/** One track of one publication. Nothing is allocated per frame. */
export interface MessageReader {
  /** The body of a sequence header. False where it cannot be used; what is in force stays so. */
  useHeader(body: Uint8Array): boolean;
  /** Payloads are frames as they come, and may be assembled in the ring. */
  readonly isRingForm: boolean;
  /** The payload of a whole message as the ring wants it, where it is not yet. */
  toRingForm(payload: Uint8Array): Uint8Array;
  /** What was kept of earlier messages and goes in front of the next one. A view, good until the next call. */
  readonly kept: Uint8Array;
  /** Of `kept`: asked for with every frame, and nearly always 0. */
  readonly keptBytes: number;
  /**
   * Looks at [start, end), whose first `keptBytes` are `kept`, and may change them. The bytes that are the frame,
   * NO_FRAME or DAMAGED_FRAME.
   */
  check(bytes: Uint8Array, start: number, keptBytes: number, end: number): number;
  /** FLAG_LEADING and FLAG_SKIPPED_LEADING of the frame that `check` has found. */
  readonly leading: number;
  /** Of the frame that `check` has found. `isKey`: the tag header says so. */
  isRandomAccess(isKey: boolean, dts90k: Ticks90k): boolean;
}

/** What a reader works with. */
export interface MessageReaderContext {
  randomAccess: RandomAccessRule;
  /** False where the configuration cannot be used. */
  setDecoderConfig(bytes: Uint8Array): boolean;
  /** The track's configuration in force. */
  configBytes(): Uint8Array | undefined;
  /** Said once. */
  note(text: string): void;
}
