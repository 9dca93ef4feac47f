// What the files of a list carry. Browsers make their buffers for the tracks of the first part: a part of sound alone
// has none beside pictures, and players give up. So the files of a list that carry otherwise than most of it are gaps:
// players pass over them, and what lies behind plays.

/** Of MPEG-TS it is not told: players divide its tracks themselves. */
export type Carried = "both" | "pictures" | "sound" | undefined;

export interface CarryingFile {
  readonly carries: Carried;
  readonly parts: readonly { readonly seconds: number }[];
}

/**
 * What the list plays: what it has played before, as long as a file carries it, unless that was sound alone and
 * pictures have come; else what most of it carries. Pictures go before sound, however few.
 */
export function playedTracks(files: readonly CarryingFile[], before: Carried): Carried {
  const seconds = new Map<Carried, number>();
  for (const { carries, parts } of files)
    seconds.set(
      carries,
      parts.reduce((sum, part) => sum + part.seconds, seconds.get(carries) ?? 0),
    );
  const withPictures = (["both", "pictures"] as const).filter((tracks) => (seconds.get(tracks) ?? 0) > 0);
  if (withPictures.length === 0) return files.find(({ parts }) => parts.length > 0)?.carries;
  // Where nothing carries that any more, a list that kept to it would be gaps alone.
  if (withPictures.some((tracks) => tracks === before)) return before;
  return withPictures.reduce((most, tracks) => ((seconds.get(tracks) ?? 0) > (seconds.get(most) ?? 0) ? tracks : most));
}
