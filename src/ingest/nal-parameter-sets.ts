// Parameter sets that come in band and the decoder configuration made of them, whatever the codec. A repeat changes
// nothing. Changed sets take effect at the next random access point, where a recording can cut; until then they stay in
// the frames that brought them.

import type { FrameNumbering } from "../media/codec/nal-codec.js";

export interface NalParameterSets {
  /** Sets have arrived that `apply` has not yet taken over. */
  readonly hasChanges: boolean;
  /** Looks at a parameter set. True where it repeats what is in force. Allocates only for a new one. */
  learn(bytes: Uint8Array, start: number, end: number): boolean;
  /** Puts the new sets in force: the record, or undefined where they are not complete. Throws ReelError `badConfig`. */
  apply(): Uint8Array | undefined;
  /** Forgets what is in force, so that the next sets count as new. */
  forget(): void;
  /**
   * H.264 alone: the two fields of a frame may be coded as pictures of their own, and how its pictures are numbered.
   */
  readonly mayHaveFields: boolean;
  readonly numberingOf: (ppsId: number) => FrameNumbering | undefined;
  /**
   * How many pictures may come, in decoding order, in front of one that is shown before them; undefined where the
   * newest sets do not say it.
   */
  readonly reorderFrames: number | undefined;
}

/** Far above any real set (a full VUI and all scaling lists take some 600 bytes). */
export const MAX_SET_SIZE = 4096;

export function sameRange(set: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (set.byteLength !== end - start) return false;
  for (let i = 0; i < set.byteLength; i++) if (set[i] !== bytes[start + i]) return false;
  return true;
}
