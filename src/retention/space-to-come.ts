// What was deleted on a volume and is not yet seen to be free: some file systems free space half a minute later, or
// when the last reader of a file closes it. Nothing else is deleted for that room meanwhile. What is written at the
// same time hides what becomes free, so a volume that has been seen to free at once is not waited for so long.

/** Btrfs commits every 30 seconds. What has not come by then is not waited for any longer. */
const LATE_MS = 30_000;
const AT_ONCE_MS = 2000;
/** Writers hide all of a deletion now and then. So many in a row, and the volume frees late after all. */
const HIDDEN_IN_A_ROW = 5;

interface Deletion {
  readonly atMs: number;
  readonly bytes: number;
  missingBytes: number;
  isNew: boolean;
}

export class SpaceToCome {
  #deletions: Deletion[] = [];
  #freeBytes = 0;
  #freesAtOnce = false;
  #hiddenInARow = 0;

  get bytes(): number {
    return this.#deletions.reduce((sum, { missingBytes }) => sum + missingBytes, 0);
  }

  deleted(bytes: number, atMs: number): void {
    if (bytes > 0) this.#deletions.push({ atMs, bytes, missingBytes: bytes, isNew: true });
  }

  /** Whatever has become free since the last look is what was deleted, the oldest first. */
  seen(freeBytes: number, nowMs: number): void {
    let come = Math.max(0, freeBytes - this.#freeBytes);
    this.#freeBytes = freeBytes;
    for (const deletion of this.#deletions) {
      const part = Math.min(come, deletion.missingBytes);
      deletion.missingBytes -= part;
      come -= part;
      if (deletion.isNew && part >= deletion.bytes / 2) {
        this.#freesAtOnce = true;
        this.#hiddenInARow = 0;
      }
      deletion.isNew = false;
    }
    const patienceMs = this.#freesAtOnce ? AT_ONCE_MS : LATE_MS;
    const isOver = ({ atMs }: Deletion): boolean => nowMs - atMs >= patienceMs;
    this.#hiddenInARow += this.#deletions.filter((one) => isOver(one) && one.missingBytes === one.bytes).length;
    if (this.#hiddenInARow >= HIDDEN_IN_A_ROW) this.#freesAtOnce = false;
    this.#deletions = this.#deletions.filter((one) => one.missingBytes > 0 && !isOver(one));
  }
}
