// The newest files of a span. The catalogue answers oldest first, so it is asked in slices from the end of the span:
// a slice that holds more than a page is halved, a sparse one is followed by a longer one.

import type { RecordedFile } from "./server-types.js";

export interface FilePage {
  readonly recordings: readonly RecordedFile[];
  readonly cursor: string | null;
}

export type AskPage = (fromMs: number, toMs: number, limit: number, cursor: string | null) => Promise<FilePage>;

const PAGE = 1000;
export const MAX_FILES = 5000;
const DAY_MS = 86_400_000;
const LONGEST_MS = 28 * DAY_MS;
/** A slice so short is read page by page, however much it holds. */
const SHORTEST_MS = 60_000;

/** Oldest first; `isCut`: there are older ones. */
export async function newestFiles(
  ask: AskPage,
  fromMs: number,
  toMs: number,
): Promise<{ files: RecordedFile[]; isCut: boolean }> {
  // A file that lies in two slices comes twice.
  const found = new Map<number, RecordedFile>();
  let end = toMs;
  let sliceMs = DAY_MS;
  while (end > fromMs && found.size < MAX_FILES) {
    const begin = Math.max(fromMs, Math.floor(end - sliceMs));
    let page = await ask(begin, end, PAGE, null);
    if (page.recordings.length >= PAGE && end - begin > SHORTEST_MS) {
      sliceMs = (end - begin) / 2;
      continue;
    }
    const size = found.size;
    for (;;) {
      for (const file of page.recordings) found.set(file.sequence, file);
      if (page.cursor === null || found.size >= MAX_FILES) break;
      page = await ask(begin, end, PAGE, page.cursor);
    }
    if (found.size - size < PAGE / 4) sliceMs = Math.min(sliceMs * 2, LONGEST_MS);
    end = begin;
  }
  const files = [...found.values()].sort(
    (a, b) => Date.parse(a.start) - Date.parse(b.start) || a.sequence - b.sequence,
  );
  return { files, isCut: end > fromMs };
}
