// Collects defects and gaps. The first hundred of each are kept: a file of garbage has millions, and the reader's
// memory stays bounded.

import type { Defect, FileGap } from "./file-report.js";

const KEPT = 100;

export class Findings {
  readonly defects: Defect[] = [];
  readonly gaps: FileGap[] = [];
  #defectCount = 0;
  #gapCount = 0;

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
