// A track of a source that is not recorded: no recorder can do without saying which one, and why.

import type { Gap } from "./gap.js";

export interface UnrecordedTrack {
  kind: Gap["track"];
  /** For people: "H.265", "Opus", "AAC without a decoder configuration". */
  codec: string;
}

/** Programs list a handful of streams; a longer list says nothing more. */
export const MAX_UNRECORDED = 32;

export function sameTracks(a: readonly UnrecordedTrack[], b: readonly UnrecordedTrack[]): boolean {
  return a.length === b.length && a.every(({ kind, codec }, i) => kind === b[i]?.kind && codec === b[i]?.codec);
}
