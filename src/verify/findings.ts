// Collects defects, gaps and notes. The first hundred of the former two are kept: a file of garbage has millions, and
// the reader's memory stays bounded.

import type { Defect, FileGap, Note } from "./file-report.js";

const KEPT = 100;

export class Findings {
  readonly defects: Defect[] = [];
  readonly gaps: FileGap[] = [];
  #defectCount = 0;
  #gapCount = 0;

  /** Worth a word, and no fault of the file: few by their nature. */
  readonly notes: Note[] = [];

  note(path: string, message: string): void {
    this.notes.push({ path, message });
  }

  get defectCount(): number {
    return this.#defectCount;
  }

  get gapCount(): number {
    return this.#gapCount;
  }

  defect(path: string, message: string, atMs?: number): void {
    if (this.#defectCount++ < KEPT) this.defects.push(atMs === undefined ? { path, message } : { path, message, atMs });
  }

  gap(gap: FileGap): void {
    if (this.#gapCount++ < KEPT) this.gaps.push(gap);
  }
}
