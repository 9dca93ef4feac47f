// A media folder as retention sees it: what its volume has free, how fast it fills, and on which step of the ladder it
// is. A volume that hangs is not waited for, and holds one call.

import { statfs } from "node:fs/promises";
import { FillRate } from "../base/fill-rate.js";
import { askVolume } from "../base/volume-calls.js";
import type { RetentionRule } from "../recording/retention-rule.js";
import type { Clock } from "../time/units.js";
import { Ladder } from "./ladder.js";
import { minimumFreeBytes, type VolumeRoom } from "./retention-plan.js";

const PATIENCE_MS = 1000;
const HOUR_S = 3600;

export class FolderWatch {
  readonly ladder = new Ladder();
  /** As it was last seen; undefined where the volume does not answer. */
  room: VolumeRoom | undefined;
  /** Recordings of this priority and below may not run; -1 = all may. */
  stoppedUpTo = -1;
  /** Some file systems free the space of a file seconds after it went; until then no other goes for its sake. */
  settlesUntilMs = Number.NEGATIVE_INFINITY;
  settlingBytes = 0;
  readonly #rate = new FillRate();
  #bytesPerSecond = 0;
  #attempt: Promise<VolumeRoom> | undefined;

  constructor(
    readonly folder: string,
    readonly rule: RetentionRule,
    private readonly clock: Clock,
  ) {}

  get minimumBytes(): number {
    return this.room ? minimumFreeBytes(this.rule, this.room) : 0;
  }

  get isLow(): boolean {
    return this.room !== undefined && this.room.freeBytes < this.minimumBytes;
  }

  /** Asks the volume. */
  async look(): Promise<void> {
    this.#attempt ??= askVolume(() => statfs(this.folder))
      .then(({ bavail, blocks, bsize }) => ({ freeBytes: bavail * bsize, sizeBytes: blocks * bsize }))
      .finally(() => {
        this.#attempt = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    });
    this.room = await Promise.race([this.#attempt.catch(() => undefined), patience]);
    clearTimeout(timer);
    if (!this.room) return;
    this.#bytesPerSecond = this.#rate.after({ atMs: this.clock.monotonicMs(), freeBytes: this.room.freeBytes });
  }

  /** Until its minimum is reached, at the rate of the last minutes; undefined where it does not fill up. */
  get hoursLeft(): number | undefined {
    if (!this.room || this.#bytesPerSecond <= 0) return undefined;
    return Math.max(0, this.room.freeBytes - this.minimumBytes) / this.#bytesPerSecond / HOUR_S;
  }

  has(path: string): boolean {
    return path.startsWith(`${this.folder}/`);
  }
}
